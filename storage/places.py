"""Where unfinished jobs stand: how many are before each in its lane, and how much work that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from schemas.jobs import Kind, Lane, State, stream_lane
from storage.pool import Database

_PLACES: Final = """
with line as (
  select q.id, count(*) over w - 1 as ahead, sum(t.typical_s) over w - t.typical_s as work_s
    from work.job q join unnest($2::text[], $3::float8[]) t (kind, typical_s) on t.kind = q.kind
   where q.due_at is not null and q.state = 'queued' and q.run_at <= clock_timestamp()
  window w as (partition by (q.stream - 1) / 4 order by q.stream, q.id rows unbounded preceding))
select j.id, j.user_id, j.state::text, j.kind, j.stream, j.price,
       coalesce(l.ahead, 0)::int as ahead, coalesce(l.work_s, 0)::float8 as work_s
  from work.job j left join line l on l.id = j.id where j.id = any ($1)
"""
_LINES: Final = """
select clock_timestamp() as at, q.stream, count(*)::int as jobs, sum(t.typical_s)::float8 as work_s
  from work.job q join unnest($1::text[], $2::float8[]) t (kind, typical_s) on t.kind = q.kind
 where q.due_at is not null and q.state = 'queued' and q.run_at <= clock_timestamp() group by q.stream
"""
_NEW: Final = (
    "select id, user_id, state::text, kind, stream, price, created_at from work.job where id = $1"
)


@dataclass(frozen=True, slots=True)
class Place:
    """`ahead`: queued jobs of the lane that start before it; `work_s`: seconds of one slot they take."""

    job_id: UUID
    user_id: int
    state: State
    kind: Kind
    lane: Lane
    price_units: int
    ahead: int
    work_s: float


async def places(
    db: Database, job_ids: Sequence[UUID], *, typical_s: Mapping[Kind, float]
) -> dict[UUID, Place]:
    """One pass over the index of unfinished jobs, however many are asked for. Raises Unavailable."""
    if not job_ids:
        return {}
    kinds, seconds = [kind.value for kind in typical_s], list(typical_s.values())
    rows = await db.fetch(_PLACES, list(job_ids), kinds, seconds)
    return {
        row["id"]: Place(
            job_id=row["id"],
            user_id=row["user_id"],
            state=State(row["state"]),
            kind=Kind(row["kind"]),
            lane=stream_lane(row["stream"]),
            price_units=row["price"],
            ahead=row["ahead"],
            work_s=row["work_s"],
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Lines:
    """What was queued at a moment, by stream: how many jobs, and seconds of one slot that they take."""

    at: datetime | None
    jobs: Mapping[int, int]
    work_s: Mapping[int, float]


async def lines(db: Database, *, typical_s: Mapping[Kind, float]) -> Lines:
    """One pass over the index of unfinished jobs, for all who come within a moment. Raises Unavailable."""
    rows = await db.fetch(_LINES, [kind.value for kind in typical_s], list(typical_s.values()))
    return Lines(
        at=rows[0]["at"] if rows else None,
        jobs={row["stream"]: row["jobs"] for row in rows},
        work_s={row["stream"]: row["work_s"] for row in rows},
    )


async def place_behind(
    db: Database, job_id: UUID, queued: Lines, *, typical_s: Mapping[Kind, float]
) -> Place | None:
    """The place of a job that has just come: behind all that was queued. None for no such job.

    Raises Unavailable.
    """
    row = await db.fetchrow(_NEW, job_id)
    if row is None:
        return None
    kind, state, lane = Kind(row["kind"]), State(row["state"]), stream_lane(row["stream"])
    ahead, work_s = 0, 0.0
    if state is State.QUEUED:
        before = [n for n in queued.jobs if stream_lane(n) is lane and n <= row["stream"]]
        counted = queued.at is not None and row["created_at"] < queued.at
        ahead = max(0, sum(queued.jobs[n] for n in before) - counted)
        work_s = max(
            0.0, sum(queued.work_s[n] for n in before) - counted * typical_s.get(kind, 0.0)
        )
    return Place(row["id"], row["user_id"], state, kind, lane, row["price"], ahead, work_s)
