"""The proof that the books are sound: whole book, one person, or what changed since the last mark.

Reads one snapshot, read-only, beside running jobs. A repair is always a new, compensating transfer.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ops.base import metrics
from ops.base.clock import monotonic_s, unix_s
from storage import ledger_reads as sql
from storage.ledger_reads import Mark, Violation
from storage.pool import Database

OVERLAP = timedelta(minutes=10)
"""A transfer is stamped before its transaction commits. None lives longer than this."""

BOOK_TIMEOUT_S = 3_600.0
"""For the whole book of many millions of transfers."""

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Report:
    """`since` None: the whole book. `transfers` is how many were looked at."""

    violations: tuple[Violation, ...]
    as_of: datetime
    since: datetime | None
    transfers: int
    duration_s: float

    @property
    def ok(self) -> bool:
        return not self.violations


async def verify_book(db: Database) -> Report:
    """Every invariant over every row; leaves a mark when sound."""
    began_s = monotonic_s()
    async with db.transaction(readonly=True, snapshot=True, timeout_s=BOOK_TIMEOUT_S) as snapshot:
        found = await sql.violations(snapshot, None)
        seen = await sql.describe_snapshot(snapshot, oldest_open=_BEGINNING, counted_since=None)
    return await _concluded(db, found, seen, since=None, began_s=began_s)


async def verify_since_mark(db: Database) -> Report:
    """What changed since the book was last found sound; the whole book when it never was."""
    mark = await sql.last_mark(db)
    if mark is None:
        return await verify_book(db)
    began_s = monotonic_s()
    since = replace(mark, at=mark.at - OVERLAP, oldest_open=mark.oldest_open - OVERLAP)
    async with db.transaction(readonly=True, snapshot=True) as snapshot:
        found = await sql.violations_since(snapshot, since)
        seen = await sql.describe_snapshot(
            snapshot, oldest_open=since.oldest_open, counted_since=since.at
        )
    return await _concluded(db, found, seen, since=mark.at, began_s=began_s)


async def verify_user(db: Database, user_id: int) -> Report:
    """All wallets of one person. Neither gauge nor mark: it says nothing about the rest."""
    began_s = monotonic_s()
    async with db.transaction(readonly=True, snapshot=True) as snapshot:
        found = await sql.violations(snapshot, user_id)
        as_of, transfers = await sql.describe_user(snapshot, user_id)
    return Report(tuple(found), as_of, None, transfers, monotonic_s() - began_s)


async def _concluded(
    db: Database, found: list[Violation], seen: Mark, *, since: datetime | None, began_s: float
) -> Report:
    metrics.ledger_violations.set(len(found))
    metrics.ledger_verified_timestamp.set(unix_s())
    if not found:
        await sql.set_mark(db, seen)
    return Report(tuple(found), seen.at, since, seen.transfers, monotonic_s() - began_s)
