"""The ledger's SQL functions, one typed function each: holds of partners and money into a wallet.

Only these functions move credits; those that jobs need are called inside the job functions. Every
call is one transaction and idempotent by its operation's id: after Unavailable the same call may be
repeated. An Answer says what happened; nothing is written unless its code is `ok`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from schemas.money import App, Currency
from storage.pool import Database, Row, columns

CreditKind = Literal["grant", "bonus", "migrate"]
Status = Literal["active", "suspended", "closed"]

_CREDIT: Final = "select * from ledger.credit($1, $2, $3, $4, $5::ledger.kind, $6, $7, $8)"
_CREDIT_ALL: Final = "select * from ledger.credit_all($1, $2, $3, $4, $5, $6, $7, $8)"
_SET_STATUS: Final = "select app.set_standing($1, $2::ledger.account_status)"
_WALLETS: Final = """
select cur, status::text, balance, held, bonus, bought from ledger.account
 where owner = $1 order by cur
"""
_RESERVE: Final = "select * from ledger.reserve($1, $2, $3, $4, $5::smallint[], $6)"
_CAPTURE: Final = "select * from ledger.capture($1, $2, $3)"
_RELEASE: Final = "select * from ledger.release($1, $2)"
_EXTEND: Final = "select code, until from ledger.extend($1, $2, $3)"
_EXPIRE: Final = "select ledger.expire_next()"
_SPEND: Final = "select * from ledger.spend($1, $2, $3, $4, $5::smallint[])"
_LAPSE: Final = "select ledger.lapse_next()"


@dataclass(frozen=True, slots=True)
class Answer:
    """`code` is `ok` or why not. Amounts are units of `currency`; `replayed`: it was done before."""

    code: str
    op: UUID
    amount_units: int | None
    currency: Currency | None
    balance_units: int | None
    held_units: int | None
    replayed: bool

    @classmethod
    def of(cls, row: Row) -> "Answer":
        code, op, amount, cur, balance, held, replayed = row.values()
        currency = None if cur is None else Currency.from_number(cur)
        return cls(code, op, amount, currency, balance, held, replayed)


@dataclass(frozen=True, slots=True)
class Credit:
    """One grant, bonus or imported balance; `op` makes it happen once."""

    op: UUID
    user_id: int
    currency: Currency
    units: int
    kind: CreditKind
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WalletRow:
    """`held` and `bonus` are parts of `balance`; `bought` is what may go back to Stars at most."""

    currency: Currency
    status: Status
    balance_units: int
    held_units: int
    bonus_units: int
    bought_units: int


async def credit(
    db: Database, what: Credit, *, note: str | None = None, actor: str | None = None
) -> Answer:
    """Codes: ok, bad_amount, unknown_currency, closed, overflow, key_conflict."""
    row = await db.one(
        _CREDIT,
        what.op,
        what.user_id,
        what.currency.number,
        what.units,
        what.kind,
        what.expires_at,
        note,
        actor,
    )
    return Answer.of(row)


async def credit_all(
    db: Database, credits_: Sequence[Credit], *, note: str | None = None, actor: str | None = None
) -> list[Answer]:
    """All in one transaction, in any order; codes as `credit`, one answer each."""
    if not credits_:
        return []
    arrays = columns(
        [(c.op, c.user_id, c.currency.number, c.units, c.kind, c.expires_at) for c in credits_]
    )
    answers = {
        row["op"]: Answer.of(row) for row in await db.fetch(_CREDIT_ALL, *arrays, note, actor)
    }
    return [answers[c.op] for c in credits_]


async def set_status(db: Database, user_id: int, status: Status) -> str:
    """Account, wallets and jobs at once. Open holds may still be captured or released.

    Codes: ok, no_account, closed.
    """
    code: str = await db.fetchval(_SET_STATUS, user_id, status)
    return code


async def wallets(db: Database, user_id: int) -> list[WalletRow]:
    rows = await db.fetch(_WALLETS, user_id)
    return [WalletRow(Currency.from_number(row["cur"]), *list(row.values())[1:]) for row in rows]


async def reserve(
    db: Database,
    hold: UUID,
    *,
    user_id: int,
    app: App,
    units: int,
    spend_order: Sequence[Currency],
    ttl_s: float,
) -> Answer:
    """Codes: ok, insufficient, suspended, closed, no_account, bad_amount, key_conflict, already_*."""
    order = [currency.number for currency in spend_order]
    return Answer.of(await db.one(_RESERVE, hold, user_id, app.number, units, order, ttl_s))


async def capture(db: Database, hold: UUID, *, app: App, units: int | None) -> Answer:
    """None captures all. Codes: ok, no_hold, bad_amount, exceeds_hold, key_conflict, already_*."""
    return Answer.of(await db.one(_CAPTURE, hold, app.number, units))


async def release(db: Database, hold: UUID, *, app: App) -> Answer:
    """Codes: ok (released or expired before, too), no_hold, already_captured."""
    return Answer.of(await db.one(_RELEASE, hold, app.number))


async def extend(
    db: Database, hold: UUID, *, app: App, ttl_s: float
) -> tuple[str, datetime | None]:
    """Code (ok, no_hold, already_*) and the new end. Never shortens."""
    row = await db.one(_EXTEND, hold, app.number, ttl_s)
    return row["code"], row["until"]


async def spend(
    db: Database,
    hold: UUID,
    *,
    user_id: int,
    app: App,
    units: int,
    spend_order: Sequence[Currency],
) -> Answer:
    """Reserve and capture at once. Codes of both."""
    order = [currency.number for currency in spend_order]
    return Answer.of(await db.one(_SPEND, hold, user_id, app.number, units, order))


async def expire_next(db: Database) -> UUID | None:
    """Gives one partner hold back whose time is over; None when none is."""
    hold: UUID | None = await db.fetchval(_EXPIRE)
    return hold


async def lapse_next(db: Database) -> UUID | None:
    """Ends what is left of one bonus whose time is over; None when none is free to end."""
    lot: UUID | None = await db.fetchval(_LAPSE)
    return lot
