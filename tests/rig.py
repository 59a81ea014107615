"""A small bench for the job functions: people with money, jobs as a producer would submit them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from schemas.ids import derive_id, new_id
from schemas.jobs import LANE_OF_KIND, Kind, Priority, stream_number
from schemas.money import App
from storage.jobs import Jobs, NewJob, StartAnswer, Started, Submitted, Success, Wake
from storage.pool import Database

KINDS = tuple(f"{kind}:1" for kind in Kind)
LEASE_S = 15.0


def job(user_id: int, **changes: Any) -> NewJob:
    """A `text.improve` at 1 credit, unless told otherwise."""
    kind = Kind(changes.pop("kind", Kind.TEXT_IMPROVE))
    priority = changes.pop("priority", Priority.NORMAL)
    job_id = new_id()
    told: dict[str, Any] = {
        "id": job_id,
        "user_id": user_id,
        "app": App.PENORA.number,
        "kind": kind,
        "version": 1,
        "stream": stream_number(LANE_OF_KIND[kind], priority),
        "key": str(job_id),
        "body_hash": derive_id("body"),
        "payload": b"payload",
        "key_version": 1,
        "price_units": 10_000,
        "price_version": 1,
        "spend_order": (1,),
        "reply": "pull",
        "daily_limit": -1,
        "limit_s": 600,
        "max_tries": 5,
        "trace": "00-trace",
        "save": True,
    }
    return NewJob(**told | changes)


class Rig:
    """The owner's connection makes people and looks at rows; `jobs` acts as the application."""

    def __init__(self, owner: "asyncpg.Connection[Any]", db: Database) -> None:
        self.owner = owner
        self.db = db
        self.jobs = Jobs(db)

    async def person(
        self,
        user_id: int,
        *,
        credits_: int = 60,
        cap: int = 2,
        waiting_max: int = 1000,
        batv: int = 0,
        quota: int = 1_048_576,
    ) -> int:
        await self.owner.execute(
            "insert into app.user_account (id, wrapped_key) values ($1, 'k')", user_id
        )
        await self.owner.execute(
            "insert into app.workspace (user_id, limit_bytes) values ($1, $2)", user_id, quota
        )
        await self.owner.execute(
            "insert into work.member (user_id, caps, waiting_max)"
            " values ($1, array_fill($2::smallint, '{5}'), $3)",
            user_id,
            cap,
            waiting_max,
        )
        for currency, amount in ((1, credits_), (2, batv)):
            if amount:
                await self.owner.execute(
                    "select ledger.credit($1, $2, $3::smallint, $4, 'grant')",
                    uuid4(),
                    user_id,
                    currency,
                    amount * 10_000,
                )
        return user_id

    async def submit(self, user_id: int, **changes: Any) -> Submitted:
        return await self.jobs.submit(job(user_id, **changes))

    async def start(self, job_id: UUID, **changes: Any) -> Started:
        return (await self.start_answer(job_id, **changes)).jobs[0]

    async def start_answer(self, job_id: UUID, **changes: Any) -> StartAnswer:
        options: dict[str, Any] = {"worker": "w1", "lease_s": LEASE_S, "kinds": KINDS} | changes
        return await self.jobs.start(job_id, options.pop("token", None) or uuid4(), **options)

    async def succeed(self, started: Started, units: int = 10_000) -> tuple[str, tuple[Wake, ...]]:
        ended, wakes = await self.jobs.succeed(success(started.job_id, started.attempt, units))
        return ended.code, wakes

    async def sweep(
        self, *, lease_s: float = LEASE_S, slack_s: float = 0.0
    ) -> list[tuple[str, UUID | None]]:
        rows = await self.db.fetch(
            "select * from work.sweep(500, $1, $2, $3, $4)",
            list(range(1, 21)),
            [0.0] * 20,
            lease_s,
            slack_s,
        )
        return [(row["what"], row["job"]) for row in rows]

    async def row(self, job_id: UUID) -> asyncpg.Record:
        row: asyncpg.Record | None = await self.owner.fetchrow(
            "select * from work.job where id = $1", job_id
        )
        assert row is not None
        return row

    async def member(self, user_id: int) -> asyncpg.Record:
        row: asyncpg.Record | None = await self.owner.fetchrow(
            "select * from work.member where user_id = $1", user_id
        )
        assert row is not None
        return row

    async def wallet(self, user_id: int, currency: int = 1) -> tuple[int, int]:
        row = await self.owner.fetchrow(
            "select balance, held from ledger.account where owner = $1 and cur = $2",
            user_id,
            currency,
        )
        assert row is not None
        return row["balance"], row["held"]

    async def set(self, job_id: UUID, assignment: str) -> None:
        await self.owner.execute(f"update work.job set {assignment} where id = $1", job_id)

    async def end_lease(self, job_id: UUID) -> None:
        """As if its process had died a lease ago."""
        await self.set(job_id, "lease_until = clock_timestamp() - interval '1 ms'")

    async def violations(self) -> list[tuple[Any, ...]]:
        return await violations(self.owner)


def success(job_id: UUID, attempt: int, units: int = 10_000, result: bytes = b"result") -> Success:
    return Success(job_id, attempt, result, 1, units, model="local-text", provider="local")


async def violations(connection: "asyncpg.Connection[Any]") -> list[tuple[Any, ...]]:
    """Both books in one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        work = await connection.fetch("select * from work.violations")
        over = await connection.fetch("select * from work.over_cap")
        money = await connection.fetch("select * from ledger.violations")
    return [tuple(row) for row in (*work, *over, *money)]


def codes(answers: Sequence[Submitted]) -> list[str]:
    return [answer.code for answer in answers]


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
