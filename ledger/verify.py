"""The proof that the books are sound: whole book, one person, or what changed since the last mark.

Reads one snapshot, read-only, beside running jobs. A repair is always a new, compensating transfer.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ops.base import metrics
from ops.base.clock import monotonic_s, unix_s
from storage import ledger_reads as sql
from storage.ledger_reads import Mark, Violation
from storage.pool import Connection, Database

OVERLAP = timedelta(minutes=10)
"""A transfer is stamped before its transaction commits. None lives longer than this."""

BOOK_TIMEOUT_S = 3_600.0
"""For the whole book of many millions of transfers."""

BOOK_EVERY = timedelta(hours=23)
"""The whole book is proved about once a day."""

SLICE_WALLETS = 20_000
"""How many wallets each proof since a mark compares with their last transfers: a million take 50."""

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
    """Every invariant over every row. Leaves a mark when sound; what it found stands until the next."""
    began_s = monotonic_s()
    async with db.transaction(readonly=True, snapshot=True, timeout_s=BOOK_TIMEOUT_S) as snapshot:
        found, seen = await _read_book(snapshot)
    return await _book_concluded(db, found, seen, began_s)


async def verify_book_daily(db: Database) -> Report | None:
    """As `verify_book`, unless that was done today or somebody is at it. Ask often."""
    began_s = monotonic_s()
    async with db.transaction(readonly=True, snapshot=True, timeout_s=BOOK_TIMEOUT_S) as snapshot:
        if not await sql.prove_alone(snapshot):
            return None
        proof = await sql.last_proof(snapshot, fresh=BOOK_EVERY)
        if proof is not None and proof.fresh:
            return None
        found, seen = await _read_book(snapshot)
    return await _book_concluded(db, found, seen, began_s)


async def verify_since_mark(db: Database) -> Report | None:
    """What changed since the book was last found sound, and the next slice of all wallets. None: it
    never was, only the whole proof can say so.

    The gauge shows what the whole proof found as long as that stands, and no mark is left meanwhile.
    """
    mark, proof = await sql.last_mark(db), await sql.last_proof(db, fresh=BOOK_EVERY)
    standing = 0 if proof is None else proof.violations
    if mark is None:
        if proof is not None:
            _show(standing)
        return None
    began_s = monotonic_s()
    since = replace(mark, at=mark.at - OVERLAP, oldest_open=mark.oldest_open - OVERLAP)
    async with db.transaction(readonly=True, snapshot=True) as snapshot:
        fresh = await sql.violations_since(snapshot, since)
        slice_ = await sql.violations_of_slice(snapshot, wallets=SLICE_WALLETS)
        seen = await sql.describe_snapshot(
            snapshot, oldest_open=since.oldest_open, counted_since=since.at
        )
    found = tuple(dict.fromkeys([*fresh, *slice_]))
    _show(max(len(found), standing))
    if not slice_:
        await sql.patrol_on(db, wallets=SLICE_WALLETS)
    if not found and not standing:
        await sql.set_mark(db, seen)
    return Report(found, seen.at, mark.at, seen.transfers, monotonic_s() - began_s)


async def verify_user(db: Database, user_id: int) -> Report:
    """All wallets of one person. Neither gauge nor mark: it says nothing about the rest."""
    began_s = monotonic_s()
    async with db.transaction(readonly=True, snapshot=True) as snapshot:
        found = await sql.violations(snapshot, user_id)
        as_of, transfers = await sql.describe_user(snapshot, user_id)
    return Report(tuple(found), as_of, None, transfers, monotonic_s() - began_s)


async def _read_book(snapshot: Connection) -> tuple[tuple[Violation, ...], Mark]:
    found = await sql.violations(snapshot, None)
    seen = await sql.describe_snapshot(snapshot, oldest_open=_BEGINNING, counted_since=None)
    return tuple(found), seen


async def _book_concluded(
    db: Database, found: tuple[Violation, ...], seen: Mark, began_s: float
) -> Report:
    """Killed before the second write: the proof stands, and the next one leaves the mark."""
    _show(len(found))
    await sql.note_proof(db, seen, violations=len(found))
    if not found:
        await sql.set_mark(db, seen)
    return Report(found, seen.at, None, seen.transfers, monotonic_s() - began_s)


def _show(violations: int) -> None:
    metrics.ledger_violations.set(violations)
    metrics.ledger_verified_timestamp.set(unix_s())
