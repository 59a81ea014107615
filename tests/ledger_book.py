"""The ledger as its owner may call it, for tests: also the functions that only jobs call.

Closing a book checks the proof: a test that leaves one violation behind fails.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import asyncpg

from schemas.ids import new_id
from schemas.money import App, Currency
from storage import ledger as sql
from storage.ledger import Answer, Credit, CreditKind, WalletRow
from storage.pool import Database, Row

CREDIT, BATV, BATT, XTR = Currency
UNITS = 10_000
"""One credit."""

_LOCK = """
select pg_advisory_xact_lock(hashtextextended(j::text, 0))
  from (select distinct u as j from unnest($1::uuid[]) u order by u) ordered
"""
_HOLD = "select job, code, cur from ledger.hold_jobs($1, $2, $3, $4, $5)"
_CAPTURE = "select job, code, captured from ledger.capture_jobs($1, $2)"
_RELEASE = "select job, code, released from ledger.release_jobs($1)"
_PRINT = """
select md5(coalesce(string_agg(line, chr(10) order by line), '')) from (
  select 'a' || a::text as line from ledger.account a union all
  select 'h' || h::text from ledger.hold h union all
  select 't' || t::text from ledger.transfer t union all
  select 'l' || l::text from ledger.lot l union all
  select 'r' || r::text from ledger.rate r union all
  select 'p' || p::text from ledger.purchase p union all
  select 's' || s::text from ledger.subscription s) everything
"""


class Held(NamedTuple):
    code: str
    currency: Currency | None


class Book:
    def __init__(self, db: Database) -> None:
        self.db = db

    async def fund(
        self,
        user_id: int,
        units: int,
        currency: Currency = CREDIT,
        *,
        kind: CreditKind = "grant",
        expires_at: datetime | None = None,
        op: UUID | None = None,
    ) -> Answer:
        what = Credit(op or new_id(), user_id, currency, units, kind, expires_at)
        return await sql.credit(self.db, what, note="test", actor="test")

    async def hold(
        self,
        job: UUID,
        user_id: int,
        units: int | None,
        *,
        app: App = App.PENORA,
        spend: Sequence[Currency] = (CREDIT,),
    ) -> Held:
        """Through the set form with one row, which is the single form."""
        return (await self.hold_all([(job, user_id, units)], app=app, spend=spend))[job]

    async def hold_all(
        self,
        jobs: Sequence[tuple[UUID, int, int | None]],
        *,
        app: App = App.PENORA,
        spend: Sequence[Currency] = (CREDIT,),
    ) -> dict[UUID, Held]:
        order = "{" + ",".join(str(currency.number) for currency in spend) + "}"
        ids = [job for job, _, _ in jobs]
        rows = await self._with_jobs_locked(
            _HOLD,
            ids,
            [user_id for _, user_id, _ in jobs],
            [app.number] * len(jobs),
            [units for _, _, units in jobs],
            [order] * len(jobs),
        )
        return {
            row["job"]: Held(row["code"], row["cur"] and Currency.from_number(row["cur"]))
            for row in rows
        }

    async def capture(self, job: UUID, units: int | None) -> tuple[str, int | None]:
        return (await self.capture_all([(job, units)]))[job]

    async def capture_all(
        self, jobs: Sequence[tuple[UUID, int | None]]
    ) -> dict[UUID, tuple[str, int | None]]:
        ids, amounts = [job for job, _ in jobs], [units for _, units in jobs]
        rows = await self._with_jobs_locked(_CAPTURE, ids, amounts)
        return {row["job"]: (row["code"], row["captured"]) for row in rows}

    async def release(self, job: UUID) -> tuple[str, int]:
        return (await self.release_all([job]))[job]

    async def release_all(self, jobs: Sequence[UUID]) -> dict[UUID, tuple[str, int]]:
        rows = await self._with_jobs_locked(_RELEASE, list(jobs))
        return {row["job"]: (row["code"], row["released"]) for row in rows}

    async def _with_jobs_locked(self, statement: str, jobs: list[UUID], *args: Any) -> list[Row]:
        """As the job functions do it: the job rows are locked, in order, before any hold or wallet."""
        async with self.db.transaction() as transaction:
            await transaction.execute(_LOCK, jobs)
            return await transaction.fetch(statement, jobs, *args)

    async def wallet(self, user_id: int, currency: Currency = CREDIT) -> WalletRow:
        found = {row.currency: row for row in await sql.wallets(self.db, user_id)}
        return found[currency]

    async def lots(self, user_id: int) -> list[int]:
        """What remains of each lot, soonest expiry first."""
        rows = await self.db.fetch(
            "select remaining from ledger.lot where owner = $1 order by expires_at, op", user_id
        )
        return [row["remaining"] for row in rows]

    async def lines(self, user_id: int, currency: Currency = CREDIT) -> list[tuple[str, int, int]]:
        """(kind, amount, balance after) in the wallet's own order."""
        rows = await self.db.fetch(
            "select kind::text, amount, balance_after from ledger.transfer "
            "where owner = $1 and cur = $2 order by seq",
            user_id,
            currency.number,
        )
        return [tuple(row.values()) for row in rows]

    async def fingerprint(self) -> str:
        """Equal before and after: nothing at all was written."""
        value: str = await self.db.fetchval(_PRINT)
        return value

    async def violations(self) -> list[str]:
        rows = await self.db.fetch(
            "select what, owner, cur, found, expected from ledger.violations"
        )
        return [str(tuple(row.values())) for row in rows]


class LoneBook(Book):
    """For a single caller on a single connection: there is nobody to lock jobs against."""

    async def _with_jobs_locked(self, statement: str, jobs: list[UUID], *args: Any) -> list[Row]:
        return await self.db.fetch(statement, jobs, *args)


class _Line:
    """A pool of one connection that is not reset between two calls: a round trip less for each."""

    def __init__(self, raw: "asyncpg.Connection[Any]") -> None:
        self.fetch, self.fetchrow, self.fetchval = raw.fetch, raw.fetchrow, raw.fetchval
        self.execute, self.close = raw.execute, raw.close
        self._raw = raw

    @asynccontextmanager
    async def acquire(self) -> "AsyncIterator[asyncpg.Connection[Any]]":
        yield self._raw


async def open_line(dsn: str) -> Database:
    """As the owner of the tables, for one caller at a time."""
    return Database(cast("asyncpg.Pool[Any]", _Line(await asyncpg.connect(dsn))))


@asynccontextmanager
async def open_book(dsn: str, *, size: int = 10) -> AsyncIterator[Book]:
    """A book as the owner of the tables; sound at the end, or the test fails."""
    db = await Database.open(dsn, role=None, size=size)
    try:
        book = Book(db)
        yield book
        assert await book.violations() == []
    finally:
        await db.close()
