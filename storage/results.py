"""Jobs as their owner may see them: state, price, why it ended, and what came of it, decrypted."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from schemas.errors import Missing
from schemas.jobs import Kind, Lane, State, stream_lane
from schemas.money import App, Currency
from schemas.results import AnyResult, Artifact, artifacts_of, parse_result
from storage.blobs import Blobs
from storage.crypto import ARTIFACT, RESULT, DataKey, Keys
from storage.pool import Database, Row

PAGE_MAX: Final = 100

_GET = """
select j.id, j.kind, j.app, j.stream, j.state::text, j.price, j.captured, j.code, j.attempt, j.spend,
       j.created_at, j.started_at, j.finished_at, j.run_at, j.cancel_requested_at, j.replay_of,
       j.trace, j.result, h.cur, p.code as project, m.class as blocked
  from work.job j left join ledger.hold h on h.id = j.id
  left join work.moderation m on m.job_id = j.id
  left join app.project p on p.user_id = j.user_id and p.job_id = j.id
 where j.id = $1 and j.user_id = $2
"""
_LIST = """
select j.id, j.kind, j.app, j.stream, j.state::text, j.price, j.captured, j.code, j.attempt, j.spend,
       j.created_at, j.started_at, j.finished_at, j.run_at, j.cancel_requested_at, j.replay_of,
       j.trace, null::bytea as result, h.cur, null::text as project,
       m.class as blocked
  from work.job j left join ledger.hold h on h.id = j.id
  left join work.moderation m on m.job_id = j.id
 where j.user_id = $1 and ($2::uuid is null or j.id < $2)
   and ($3::work.state[] is null or j.state = any ($3)) and ($4::text is null or j.kind = $4)
   and ($6::smallint[] is null or j.app = any ($6))
 order by j.id desc limit $5
"""
_KNOWN = """
select id, kind, state::text, price, body_hash from work.job where user_id = $1 and key = $2
"""
_BURDEN = """
select (select sum(n) from unnest(m.waiting) n)::int as waiting, m.promised
  from work.member m where m.user_id = $1
"""


@dataclass(frozen=True, slots=True)
class Burden:
    """`waiting` jobs for a place or their time; the quotes of all that is due and unfinished."""

    waiting: int
    promised_units: int


@dataclass(frozen=True, slots=True)
class KnownKey:
    """The job that a key already stands for."""

    job_id: UUID
    kind: str
    state: State
    price_units: int
    body_hash: UUID


@dataclass(frozen=True, slots=True)
class JobView:
    """`currency` is the wallet that pays; before the start, the first one that may.

    `result` is set for a job that was read alone and succeeded, or whose result came after the house
    had ended it; None after retention has taken it. `blocked`: the class of what was not allowed.
    """

    id: UUID
    kind: Kind
    app: App
    lane: Lane
    state: State
    price_units: int
    captured_units: int
    currency: Currency
    code: str | None
    attempts: int
    created_at: datetime
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    replay_of: UUID | None
    trace: str
    project: str | None
    result: AnyResult | None
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class JobFilters:
    """`before` is the id of the last job seen: ids rise with time."""

    before: UUID | None = None
    states: tuple[State, ...] = ()
    kind: Kind | None = None
    apps: tuple[App, ...] = ()
    limit: int = 20


class Results:
    def __init__(self, db: Database, keys: Keys, blobs: Blobs) -> None:
        self._db = db
        self._keys = keys
        self._blobs = blobs

    async def get(self, user_id: int, job_id: UUID) -> JobView:
        """Raises Missing, for another person's job too; Unreadable."""
        row = await self._db.fetchrow(_GET, job_id, user_id)
        if row is None:
            raise Missing("not_found")
        return _view(row, _opened(row, await self._keys.of(user_id)))

    async def known(self, user_id: int, key: str) -> KnownKey | None:
        """The job that was accepted under this key."""
        row = await self._db.fetchrow(_KNOWN, user_id, key)
        if row is None:
            return None
        return KnownKey(row["id"], row["kind"], State(row["state"]), row["price"], row["body_hash"])

    async def burden(self, user_id: int) -> Burden:
        """What this person has going on. Raises Missing `no_account`."""
        row = await self._db.fetchrow(_BURDEN, user_id)
        if row is None:
            raise Missing("no_account")
        return Burden(row["waiting"], row["promised"])

    async def list(self, user_id: int, *, filters: JobFilters | None = None) -> list[JobView]:
        """Newest first, without results, at most PAGE_MAX."""
        wanted = filters or JobFilters()
        rows = await self._db.fetch(
            _LIST,
            user_id,
            wanted.before,
            [state.value for state in wanted.states] or None,
            wanted.kind,
            max(1, min(wanted.limit, PAGE_MAX)),
            [app.number for app in wanted.apps] or None,
        )
        return [_view(row, None) for row in rows]

    async def artifact(self, user_id: int, job_id: UUID, number: int) -> tuple[Artifact, bytes]:
        """File `number` (from 0) of a job's result. Raises Missing, Unreadable."""
        view = await self.get(user_id, job_id)
        artifacts = artifacts_of(view.result) if view.result else ()
        if not 0 <= number < len(artifacts):
            raise Missing("not_found")
        artifact = artifacts[number]
        key = await self._keys.of(user_id)
        sealed = await self._blobs.get(artifact.key)
        return artifact, await asyncio.to_thread(key.decrypt, sealed, purpose=ARTIFACT)


def _opened(row: Row, key: DataKey) -> AnyResult | None:
    if row["result"] is None:
        return None
    return parse_result(key.decrypt(row["result"], purpose=RESULT))


def _view(row: Row, result: AnyResult | None) -> JobView:
    return JobView(
        id=row["id"],
        kind=Kind(row["kind"]),
        app=App.from_number(row["app"]),
        lane=stream_lane(row["stream"]),
        state=State(row["state"]),
        price_units=row["price"],
        captured_units=row["captured"],
        currency=Currency.from_number(_currency_number(row)),
        code=row["code"],
        attempts=row["attempt"],
        created_at=row["created_at"],
        run_at=row["run_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        cancel_requested=row["cancel_requested_at"] is not None,
        replay_of=row["replay_of"],
        trace=row["trace"],
        project=row["project"],
        result=result,
        blocked=row["blocked"],
    )


def _currency_number(row: Row) -> Any:
    return row["cur"] if row["cur"] is not None else row["spend"][0]
