"""The ledger's SQL functions for money that changes its form: rates, Stars, refunds, corrections.

The same rules as `storage.ledger`: one transaction each, idempotent by id, an Answer for every outcome.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from schemas.money import Currency
from storage.ledger import Answer
from storage.pool import Database

_RATE: Final = "select ledger.newest_rate($1, $2)"
_RATES: Final = """
select distinct on (src, dst) src, dst, rate, at, set_by from ledger.rate
 order by src, dst, id desc
"""
_SET_RATE: Final = "select ledger.set_rate($1, $2, $3, $4, $5, $6)"
_CONVERT: Final = "select * from ledger.convert($1, $2, $3, $4, $5, $6)"
_PURCHASE: Final = "select * from ledger.purchase($1, $2, $3, $4, $5)"
_REFUND_PURCHASE: Final = "select * from ledger.refund_purchase($1, $2, $3, $4)"
_CONFIRM_REFUND: Final = "select ledger.confirm_refund($1)"
_UNDO_REFUND: Final = "select * from ledger.undo_refund($1, $2, $3, $4)"
_SALE: Final = """
select op, charge_id, owner, stars, units, plan, state::text, created_at, changed_at
  from ledger.purchase where op = $1
"""
_REFUNDING: Final = """
select op, charge_id, owner, stars, units, plan, state::text, created_at, changed_at
  from ledger.purchase where state = 'refunding' order by changed_at limit $1
"""
_REFUND: Final = "select * from ledger.refund($1, $2, $3, $4, $5)"
_ADJUST: Final = "select * from ledger.adjust($1, $2, $3, $4, $5, $6)"


@dataclass(frozen=True, slots=True)
class Rate:
    source: Currency
    target: Currency
    rate: Decimal
    at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Sale:
    """A payment in Stars. `units` 0 and a `plan`: it paid for a plan. `state`: paid, refunding, refunded."""

    op: UUID
    charge_id: str
    user_id: int
    stars: int
    units: int
    plan: str | None
    state: str
    created_at: datetime
    changed_at: datetime


async def newest_rate(db: Database, source: Currency, target: Currency) -> Decimal | None:
    rate: Decimal | None = await db.fetchval(_RATE, source.number, target.number)
    return rate


async def rates(db: Database) -> list[Rate]:
    return [
        Rate(
            Currency.from_number(row["src"]),
            Currency.from_number(row["dst"]),
            *list(row.values())[2:],
        )
        for row in await db.fetch(_RATES)
    ]


async def set_rate(
    db: Database,
    source: Currency,
    target: Currency,
    *,
    rate: Decimal,
    actor: str,
    reason: str | None = None,
    op: UUID | None = None,
) -> str:
    """Codes: ok, unknown_currency, bad_amount, rate_pump, key_conflict."""
    words = (actor, reason, op)
    code: str = await db.fetchval(_SET_RATE, source.number, target.number, rate, *words)
    return code


async def convert(
    db: Database,
    op: UUID,
    *,
    user_id: int,
    source: Currency,
    target: Currency,
    units: int,
    rate: Decimal,
) -> Answer:
    """`rate` is what the person was shown. The answer's amount is what was given in `target`."""
    return Answer.of(await db.one(_CONVERT, op, user_id, source.number, target.number, units, rate))


async def purchase(
    db: Database, op: UUID, *, charge_id: str, user_id: int, stars: int, units: int
) -> Answer:
    """Codes: ok, bad_amount, closed, overflow, key_conflict."""
    return Answer.of(await db.one(_PURCHASE, op, charge_id, user_id, stars, units))


async def refund_purchase(
    db: Database, op: UUID, *, purchase_op: UUID, note: str, actor: str
) -> Answer:
    """Takes the credits back. Codes: ok, no_hold, exceeds_capture, closed, insufficient, key_conflict."""
    return Answer.of(await db.one(_REFUND_PURCHASE, op, purchase_op, note, actor))


async def confirm_refund(db: Database, purchase_op: UUID) -> bool:
    """The Stars are back with the person. False: no such refund was begun."""
    confirmed: bool = await db.fetchval(_CONFIRM_REFUND, purchase_op)
    return confirmed


async def undo_refund(
    db: Database, op: UUID, *, purchase_op: UUID, note: str, actor: str
) -> Answer:
    """The Stars will not go back: the credits do. Codes: ok, no_hold, closed."""
    return Answer.of(await db.one(_UNDO_REFUND, op, purchase_op, note, actor))


async def sale(db: Database, op: UUID) -> Sale | None:
    row = await db.fetchrow(_SALE, op)
    return None if row is None else Sale(*row.values())


async def refunding(db: Database, *, limit: int) -> list[Sale]:
    """Purchases whose Stars are still to be returned, oldest first: an outbox."""
    return [Sale(*row.values()) for row in await db.fetch(_REFUNDING, limit)]


async def refund(
    db: Database, op: UUID, *, hold: UUID, units: int | None, note: str, actor: str
) -> Answer:
    """None returns all that is left. Codes: ok, no_hold, not_captured, bad_amount, exceeds_capture,
    closed, overflow, key_conflict."""
    return Answer.of(await db.one(_REFUND, op, hold, units, note, actor))


async def adjust(
    db: Database,
    op: UUID,
    *,
    user_id: int,
    currency: Currency,
    units: int,
    reason: str,
    actor: str,
) -> Answer:
    """Codes: ok, bad_amount, unknown_currency, no_account, closed, insufficient, overflow, key_conflict."""
    return Answer.of(await db.one(_ADJUST, op, user_id, currency.number, units, reason, actor))
