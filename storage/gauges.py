"""What the sweeping worker measures for everybody: lanes, unknown kinds, money. Reading only.

One pass over the index of unfinished jobs; ended jobs, however many, cost nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.jobs import Kind, Lane
from storage.pool import Database

_UNFINISHED: Final = """
select (j.stream - 1) / 4 + 1 as lane, j.kind,
       count(*) filter (where j.state in ('queued', 'remote') and j.run_at <= clock_timestamp()) as backlog,
       coalesce(extract(epoch from clock_timestamp() - min(j.run_at) filter
         (where j.state = 'queued' and j.run_at <= clock_timestamp())), 0)::float8 as oldest_s,
       count(*) filter (where j.state = 'queued' and j.kind || ':' || j.version <> all ($1)) as unknown,
       count(*) filter (where j.attempt > 0 and j.price > 0) as holds,
       coalesce(sum(j.price) filter (where j.attempt > 0), 0)::bigint as held_units
  from work.job j where j.due_at is not null
 group by 1, 2
"""

_UPDATES: Final = """
select count(*) as number,
       coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0)::float8 as oldest_s
  from app.inbox where handled_at is null and source like 'tg:%'
"""
_PARKED: Final = "select count(*) from app.star_payment where state = 'parked'"


@dataclass(frozen=True, slots=True)
class Gauges:
    """Every lane is in each mapping. `work_s`: seconds of one slot that the backlog will take.

    `unknown`: queued jobs, by kind, of versions that the asking worker does not know.
    """

    backlog: Mapping[Lane, int]
    oldest_s: Mapping[Lane, float]
    work_s: Mapping[Lane, float]
    unknown: Mapping[Kind, int]
    holds: int
    held_units: int


async def measure(db: Database, *, known: Sequence[str], typical_s: Mapping[Kind, float]) -> Gauges:
    """`known` are `kind:version`; `typical_s` is how long a run of a kind takes. Raises Unavailable."""
    backlog = dict.fromkeys(Lane, 0)
    oldest_s = dict.fromkeys(Lane, 0.0)
    work_s = dict.fromkeys(Lane, 0.0)
    unknown = dict.fromkeys(Kind, 0)
    holds = held_units = 0
    for row in await db.fetch(_UNFINISHED, list(known)):
        lane, kind = Lane.from_number(row["lane"]), Kind(row["kind"])
        backlog[lane] += row["backlog"]
        oldest_s[lane] = max(oldest_s[lane], row["oldest_s"])
        work_s[lane] += row["backlog"] * typical_s[kind]
        unknown[kind] += row["unknown"]
        holds += row["holds"]
        held_units += row["held_units"]
    return Gauges(backlog, oldest_s, work_s, unknown, holds, held_units)


async def updates_open(db: Database) -> tuple[int, float]:
    """Updates of bots that nobody has handled, and for how many seconds the oldest has been one. Raises
    Unavailable.
    """
    row = await db.one(_UPDATES)
    return row["number"], row["oldest_s"]


async def count_parked(db: Database) -> int:
    """Payments in Stars that an operator has to look at. Raises Unavailable."""
    parked: int = await db.fetchval(_PARKED)
    return parked
