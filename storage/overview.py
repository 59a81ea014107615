"""What an operator sees of all users' jobs: lanes, lists, the dead. Reading only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from schemas.jobs import Kind, Lane, State
from schemas.money import App
from storage.pool import Database

LIST_MAX: Final = 1_000

_LANES = """
select (j.stream - 1) / 4 + 1 as lane,
       count(*) filter (where j.state = 'queued' and j.run_at <= clock_timestamp()) as backlog,
       count(*) filter (where j.state = 'queued' and j.run_at > clock_timestamp()) as delayed,
       count(*) filter (where j.state = 'running') as running,
       count(*) filter (where j.state = 'remote') as remote,
       count(*) filter (where j.state = 'waiting') as waiting,
       extract(epoch from clock_timestamp() - min(j.run_at) filter
         (where j.state = 'queued' and j.run_at <= clock_timestamp()))::float8 as oldest_s
  from work.job j where j.due_at is not null and ($1::bigint is null or j.user_id = $1)
 group by 1
"""
_JOBS = """
select j.id, j.user_id, j.kind, j.app, j.state::text, j.price, j.captured, j.code, j.attempt,
       j.tries, j.created_at, j.finished_at, j.worker, j.replay_of, j.payload is not null as whole
  from work.job j
 where ($1::work.state is null or j.state = $1) and ($2::bigint is null or j.user_id = $2)
   and ($3::text is null or j.kind = $3) and ($4::uuid[] is null or j.id = any ($4))
 order by j.id desc limit $5
"""
_STORED = "select user_id, payload, key_version from work.job where id = $1"


@dataclass(frozen=True, slots=True)
class LaneView:
    """`backlog`: due and not started. `oldest_s`: how long the oldest of them has waited."""

    lane: Lane
    backlog: int
    delayed: int
    running: int
    remote: int
    waiting: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class JobLine:
    """`whole`: its payload has not been forgotten yet, so it can be replayed."""

    id: UUID
    user_id: int
    kind: Kind
    app: App
    state: State
    price_units: int
    captured_units: int
    code: str | None
    attempts: int
    tries: int
    created_at: datetime
    finished_at: datetime | None
    worker: str | None
    replay_of: UUID | None
    whole: bool


@dataclass(frozen=True, slots=True)
class StoredPayload:
    user_id: int
    sealed: bytes | None
    key_version: int


class Overview:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def lanes(self, *, user_id: int | None = None) -> list[LaneView]:
        """Every lane, busy or not; of one user, or of all."""
        rows = {row["lane"]: row for row in await self._db.fetch(_LANES, user_id)}
        views = []
        for lane in Lane:
            row = rows.get(lane.number)
            counts = tuple(row.values())[1:] if row else (0, 0, 0, 0, 0, None)
            views.append(LaneView(lane, *counts))
        return views

    async def jobs(
        self,
        *,
        state: State | None = None,
        user_id: int | None = None,
        kind: Kind | None = None,
        ids: tuple[UUID, ...] = (),
        limit: int = 20,
    ) -> list[JobLine]:
        """Newest first, at most LIST_MAX."""
        rows = await self._db.fetch(
            _JOBS,
            state.value if state else None,
            user_id,
            kind.value if kind else None,
            list(ids) or None,
            max(1, min(limit, LIST_MAX)),
        )
        return [
            JobLine(
                row["id"],
                row["user_id"],
                Kind(row["kind"]),
                App.from_number(row["app"]),
                State(row["state"]),
                *tuple(row.values())[5:],
            )
            for row in rows
        ]

    async def stored_payload(self, job_id: UUID) -> StoredPayload | None:
        """The encrypted payload of any user's job, to submit it anew."""
        row = await self._db.fetchrow(_STORED, job_id)
        return None if row is None else StoredPayload(*row.values())
