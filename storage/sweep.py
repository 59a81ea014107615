"""Running the sweeper: what Redis has delivered goes in, wake-ups come out.

Dies anywhere: the sweep was one transaction; what it wanted to wake is told again by the next one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from storage.jobs import Wake
from storage.pool import Database

BATCH: Final = 500
SLACK_S: Final = 5.0
"""How much older than the newest delivered entry a wake-up must be before it counts as lost."""

_SWEEP = "select * from work.sweep($1, $2, $3, $4, $5)"


@dataclass(frozen=True, slots=True)
class SweepAnswer:
    """`busy`: another process is sweeping. `counts` by reason; `more`: call again, a batch was full."""

    wakes: tuple[Wake, ...]
    counts: Mapping[str, int]
    busy: bool
    more: bool


async def sweep(
    db: Database, delivered_age_s: Mapping[int, float], *, lease_s: float, batch: int = BATCH
) -> SweepAnswer:
    """One pass. `delivered_age_s`: stream number -> age in seconds. Raises Unavailable."""
    rows = await db.fetch(
        _SWEEP,
        batch,
        list(delivered_age_s),
        [float(age_s) for age_s in delivered_age_s.values()],
        lease_s,
        SLACK_S,
    )
    counts = Counter(row["what"] for row in rows)
    wakes = tuple(
        Wake(row["job"], row["stream"], row["kind"], row["trace"])
        for row in rows
        if row["stream"] is not None
    )
    more = bool(counts["again"]) or any(number >= batch for number in counts.values())
    return SweepAnswer(wakes, counts, busy=bool(counts["busy"]), more=more)
