"""What no code may write, however wrong it is: the constraints of the hot tables, rule by rule."""

from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
import pytest_asyncio

from schemas.ids import new_id
from storage.pool import Database
from tests.ledger_book import Book

MAX_BALANCE = 10**15
MAX_AMOUNT = 10**12
HELD, FREE = 300, 1_000

WALLETS = (
    "balance = -1, held = 0",
    f"balance = {MAX_BALANCE + 1}",
    "held = -1",
    "held = balance + 1",
    "bonus = -1",
    "bonus = balance + 1",
    "bought = -1",
    "bought = balance + 1",
    "seq = -1",
)
SOUND_WALLETS = (
    "balance = 0, held = 0",
    f"balance = {MAX_BALANCE}",
    "held = balance, bonus = balance, bought = balance",
)
HOLDS = (
    "amount = 0",
    f"amount = {MAX_AMOUNT + 1}",
    "captured = -1",
    "captured = 1",
    "captured = amount",
    "refunded = -1",
    "refunded = 1",
    "resolved_at = now()",
    "state = 'released'",
    "state = 'captured', resolved_at = now()",
    "state = 'captured', captured = 1",
    "state = 'captured', captured = amount + 1, resolved_at = now()",
    "state = 'released', captured = 1, resolved_at = now()",
    "state = 'expired', captured = 1, resolved_at = now()",
    "state = 'captured', captured = 2, refunded = 3, resolved_at = now()",
    "state = 'captured', captured = 2, refunded = -1, resolved_at = now()",
)
SOUND_HOLDS = (
    f"amount = {MAX_AMOUNT}",
    "state = 'captured', captured = amount, refunded = amount, resolved_at = now()",
    "state = 'released', resolved_at = now()",
    "state = 'expired', resolved_at = now()",
)
TRANSFERS = (
    ("capture", "revenue", 0, None),
    ("capture", "revenue", 1, None),
    ("capture", "promo", -1, None),
    ("capture", "revenue", -MAX_AMOUNT - 1, None),
    ("lapse", "breakage", 1, None),
    ("lapse", "revenue", -1, None),
    ("grant", "promo", -1, None),
    ("grant", "revenue", 1, None),
    ("grant", "promo", 0, None),
    ("grant", "promo", MAX_AMOUNT + 1, None),
    ("bonus", "promo", -1, None),
    ("bonus", "liquidity", 1, None),
    ("refund", "revenue", -1, None),
    ("refund", "promo", 1, None),
    ("convert", "revenue", 1, None),
    ("convert", "liquidity", 0, None),
    ("convert", "liquidity", -MAX_AMOUNT - 1, None),
    ("purchase", "promo", 1, None),
    ("stars_refund", "revenue", -1, None),
    ("adjust", "adjust", 1, None),
    ("adjust", "promo", 1, "somebody"),
    ("migrate", "migration", -1, None),
    ("migrate", "promo", 1, None),
)
SOUND_TRANSFERS = (
    ("capture", "revenue", -MAX_AMOUNT, None),
    ("lapse", "breakage", -1, None),
    ("grant", "promo", MAX_AMOUNT, None),
    ("bonus", "promo", 1, None),
    ("refund", "revenue", 1, None),
    ("convert", "liquidity", -1, None),
    ("convert", "liquidity", 1, None),
    ("purchase", "telegram", 1, None),
    ("purchase", "liquidity", -1, None),
    ("purchase", "revenue", -1, None),
    ("stars_refund", "telegram", -1, None),
    ("stars_refund", "liquidity", 1, None),
    ("adjust", "adjust", -1, "somebody"),
    ("migrate", "migration", 1, None),
)
POST = """
insert into ledger.transfer (owner, cur, seq, op, kind, house, amount, balance_after, note, actor)
values (1, 1, 99, $1, $2::text::ledger.kind, $3::text::ledger.house, $4, $5, $6, $6)
"""


@pytest_asyncio.fixture
async def owner(dsn: str) -> AsyncIterator[Database]:
    """Somebody with one open hold of 300 on a wallet of 1,000."""
    db = await Database.open(dsn, role=None, size=2)
    await Book(db).fund(1, FREE)
    assert (await Book(db).hold(new_id(), 1, HELD)).code == "ok"
    yield db
    await db.close()


class Undone(Exception):
    """Ends a transaction that was only to be tried."""


async def attempt(owner: Database, statement: str, *args: object) -> None:
    with suppress(Undone):
        async with owner.transaction() as transaction:
            await transaction.execute(statement, *args)
            raise Undone


async def refused(owner: Database, statement: str, *args: object) -> None:
    try:
        await owner.execute(statement, *args)
    except asyncpg.CheckViolationError:
        return
    pytest.fail(f"it was written: {statement} {args}")


async def test_no_wallet_holds_more_than_it_has(owner: Database) -> None:
    for change in WALLETS:
        await refused(owner, f"update ledger.account set {change} where owner = 1")
    for change in SOUND_WALLETS:
        await attempt(owner, f"update ledger.account set {change} where owner = 1")


async def test_no_hold_gives_more_than_it_took_and_every_end_can_be_written(
    owner: Database,
) -> None:
    for change in HOLDS:
        await refused(owner, f"update ledger.hold set {change}")
    for change in SOUND_HOLDS:
        await attempt(owner, f"update ledger.hold set {change}")


async def test_no_transfer_goes_the_wrong_way_and_every_kind_can_be_written(
    owner: Database,
) -> None:
    for kind, house, units, actor in TRANSFERS:
        await refused(owner, POST, new_id(), kind, house, units, 0, actor)
    for kind, house, units, actor in SOUND_TRANSFERS:
        await attempt(owner, POST, new_id(), kind, house, units, 0, actor)
        await refused(owner, POST, new_id(), kind, house, units, -1, actor)


async def test_a_correction_names_its_reason_and_who_made_it(owner: Database) -> None:
    for note, actor in (("'why'", "null"), ("null", "'who'")):
        await refused(
            owner,
            "insert into ledger.transfer (owner, cur, seq, op, kind, house, amount, balance_after, "
            f"note, actor) values (1, 1, 99, $1, 'adjust', 'adjust', 1, 0, {note}, {actor})",
            new_id(),
        )
