"""Grants, conversion, Stars and corrections: what each moves, and what it never touches."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from ledger.corrections import Corrections
from ledger.exchange import Exchange
from ledger.holds import Holds
from ledger.stars import Stars, purchase_op
from ledger.wallets import Wallets
from ops.base.clock import now
from schemas.errors import Insufficient, InvalidInput
from schemas.ids import derive_id, new_id
from schemas.money import App
from tests.ledger_book import BATT, BATV, CREDIT, UNITS, XTR, Book, open_book

LONG_AGO = now() - timedelta(days=1)


@pytest_asyncio.fixture
async def book(dsn: str) -> AsyncIterator[Book]:
    async with open_book(dsn) as book:
        yield book


async def test_sign_up_gives_fifty_and_a_bonus_of_ten_once(book: Book) -> None:
    wallets = Wallets(book.db)
    await asyncio.gather(*(wallets.signup(7) for _ in range(5)))
    (credit,) = await wallets.balances(7)
    assert (credit.balance_units, credit.bonus_units) == (60 * UNITS, 10 * UNITS)
    assert sorted(kind for kind, _, _ in await book.lines(7)) == ["bonus", "grant"]


async def test_first_use_gives_batteries_once_and_only_in_two_apps(book: Book) -> None:
    wallets = Wallets(book.db)
    for app in (*App, *App):
        await wallets.first_use(7, app)
    found = {w.currency: w.balance_units for w in await wallets.balances(7)}
    assert found == {BATV: 25 * UNITS, BATT: 100 * UNITS}


async def test_the_bonus_for_existing_users_is_the_sign_up_bonus(book: Book) -> None:
    wallets = Wallets(book.db)
    await wallets.signup(1)
    people = list(range(1, 1502))
    assert await wallets.thank_existing_users(people[:700]) == 699, "one had it from sign-up"
    assert await wallets.thank_existing_users(people) == 801, "stopped and run again"
    assert await wallets.thank_existing_users(people) == 0
    assert await book.db.fetchval("select sum(bonus) from ledger.account") == 1501 * 10 * UNITS


async def test_two_runs_over_all_users_at_once_give_each_one_bonus(book: Book) -> None:
    wallets = Wallets(book.db)
    forwards, backwards = list(range(1, 300)), list(range(299, 0, -1))
    given = await asyncio.gather(
        wallets.thank_existing_users(forwards), wallets.thank_existing_users(backwards)
    )
    assert sum(given) == 299


async def test_a_bonus_lapses_but_never_what_is_held(book: Book) -> None:
    """A hold is paid from the lots that end first: as much of them waits for it."""
    await book.fund(1, 5_000)
    await book.fund(1, 10_000, kind="bonus", expires_at=LONG_AGO - timedelta(days=1))
    await book.fund(1, 20_000, kind="bonus", expires_at=LONG_AGO)
    job, other = new_id(), new_id()
    await book.hold(job, 1, 15_000)
    await book.hold(other, 1, 5_000)
    for expected in ((25_000, 20_000), (25_000, 20_000)):
        await book.db.fetchval("select ledger.lapse_next()")
        wallet = await book.wallet(1)
        assert (wallet.balance_units, wallet.bonus_units) == expected
    assert await book.lots(1) == [10_000, 10_000]
    await book.capture(job, 15_000)
    assert await book.db.fetchval("select ledger.lapse_next()") is None
    await book.release(other)
    assert await book.db.fetchval("select ledger.lapse_next()") is not None
    wallet = await book.wallet(1)
    assert (wallet.balance_units, wallet.bonus_units) == (5_000, 0), "what has no end is all there"
    assert await book.db.fetchval("select ledger.lapse_next()") is None


async def test_a_bonus_without_an_end_never_lapses(book: Book) -> None:
    await book.fund(1, 30_000, kind="bonus")
    assert await book.db.fetchval("select ledger.lapse_next()") is None


async def test_a_grant_with_an_end_lapses_too(book: Book) -> None:
    await book.fund(1, 30_000, kind="grant", expires_at=LONG_AGO)
    assert await book.db.fetchval("select ledger.lapse_next()") is not None
    assert (await book.wallet(1)).balance_units == 0


async def test_a_conversion_is_two_legs_rounded_down(book: Book) -> None:
    await book.fund(1, 100_000)
    exchange = Exchange(book.db)
    await exchange.set_rate(CREDIT, BATV, rate=Decimal("0.3333"), actor="admin")
    offer = await exchange.offer(CREDIT, BATV, units=10_001)
    op = new_id()
    for _ in range(2):
        answer = await exchange.convert(op, user_id=1, offer=offer)
        assert (answer.currency, answer.amount_units) == (BATV, 3_333)
    assert offer.given_units == 3_333
    assert await book.lines(1) == [("grant", 100_000, 100_000), ("convert", -10_001, 89_999)]
    assert await book.lines(1, BATV) == [("convert", 3_333, 3_333)]


async def test_there_and_back_never_gains(book: Book) -> None:
    await book.fund(1, 100_000)
    exchange = Exchange(book.db)
    await exchange.set_rate(CREDIT, BATV, rate=Decimal("0.7"), actor="admin")
    await exchange.set_rate(BATT, BATV, rate=Decimal("0.7"), actor="admin")
    await exchange.set_rate(BATV, CREDIT, rate=Decimal("1.4285"), actor="admin")
    for _ in range(20):
        there = await exchange.offer(CREDIT, BATV, units=9_999)
        answer = await exchange.convert(new_id(), user_id=1, offer=there)
        back = await exchange.offer(BATV, CREDIT, units=answer.amount_units or 0)
        await exchange.convert(new_id(), user_id=1, offer=back)
    assert (await book.wallet(1)).balance_units < 100_000


async def test_every_rate_in_force_is_known_with_its_author(book: Book) -> None:
    exchange = Exchange(book.db)
    await exchange.set_rate(CREDIT, BATT, rate=Decimal("0.9"), actor="kim")
    found = {(r.source, r.target): (r.rate, r.set_by) for r in await exchange.rates()}
    assert len(found) == 6
    assert found[CREDIT, BATT] == (Decimal("0.9000"), "kim")
    assert found[BATT, CREDIT] == (Decimal("1.0000"), "migration")


async def test_a_purchase_is_three_legs_and_leaves_no_stars_behind(book: Book) -> None:
    stars = Stars(book.db)
    package = stars.package("spark")
    await stars.buy("charge", user_id=1, package=package)
    wallet = await book.wallet(1)
    assert wallet.balance_units == wallet.bought_units == package.units
    assert [amount for _, amount, _ in await book.lines(1, XTR)] == [50, -50]
    rows = await book.db.fetch(
        "select house::text, cur, -sum(amount) as total from ledger.transfer group by 1, 2"
    )
    house = {(row["house"], row["cur"]): row["total"] for row in rows}
    assert house == {("telegram", 4): -50, ("liquidity", 4): 50, ("liquidity", 1): -package.units}


def test_an_unknown_package_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        Stars.package("bucket")
    assert refused.value.code == "unknown_package"


async def test_stars_go_back_through_the_outbox(book: Book) -> None:
    stars = Stars(book.db)
    await stars.buy_units("charge", user_id=1, stars=50, units=50 * UNITS)
    await book.fund(1, 9 * UNITS)
    await stars.refund("charge", reason="changed mind", actor="support")
    (waiting,) = await stars.to_return()
    assert (waiting.charge_id, waiting.stars, waiting.state) == ("charge", 50, "refunding")
    assert (await book.wallet(1)).balance_units == 9 * UNITS
    assert await stars.returned("charge")
    assert await stars.returned("charge"), "Telegram said: refunded before"
    assert await stars.to_return() == []


async def test_a_refund_that_telegram_refuses_gives_the_credits_back_as_bought(book: Book) -> None:
    stars = Stars(book.db)
    await stars.buy_units("charge", user_id=1, stars=50, units=50 * UNITS)
    for _ in range(2):
        await stars.refund("charge", reason="r", actor="a")
        (sale,) = await stars.to_return()
        for _ in range(2):
            await stars.not_returned(sale, reason="too old")
        wallet = await book.wallet(1)
        assert wallet.balance_units == wallet.bought_units == 50 * UNITS
    assert not await stars.returned("charge")


async def test_a_bonus_never_becomes_stars(book: Book) -> None:
    """Not even through a job that is refunded, which turns it into ordinary credits."""
    stars, corrections = Stars(book.db), Corrections(book.db)
    await stars.buy_units("charge", user_id=1, stars=50, units=50 * UNITS)
    job = new_id()
    await book.hold(job, 1, 50 * UNITS)
    await book.capture(job, 50 * UNITS)
    await book.fund(1, 60 * UNITS, kind="bonus")
    with pytest.raises(Insufficient):
        await stars.refund("charge", reason="r", actor="a")
    spent = new_id()
    await book.hold(spent, 1, 60 * UNITS)
    await book.capture(spent, 60 * UNITS)
    await corrections.refund_job(new_id(), job_id=spent, reason="r", actor="a")
    assert (await book.wallet(1)).bonus_units == 0
    with pytest.raises(Insufficient):
        await stars.refund("charge", reason="r", actor="a")


async def test_one_purchase_returned_is_not_there_for_the_next(book: Book) -> None:
    stars = Stars(book.db)
    await stars.buy_units("first", user_id=1, stars=50, units=50 * UNITS)
    job = new_id()
    await book.hold(job, 1, 50 * UNITS)
    await book.capture(job, 50 * UNITS)
    await stars.buy_units("second", user_id=1, stars=50, units=50 * UNITS)
    await book.fund(1, 50 * UNITS)
    await stars.refund("second", reason="r", actor="a")
    with pytest.raises(Insufficient):
        await stars.refund("first", reason="r", actor="a")


async def test_a_held_credit_does_not_go_back_to_stars(book: Book) -> None:
    stars = Stars(book.db)
    await stars.buy_units("charge", user_id=1, stars=50, units=50 * UNITS)
    job = new_id()
    await book.hold(job, 1, 1)
    with pytest.raises(Insufficient):
        await stars.refund("charge", reason="r", actor="a")
    await book.release(job)
    await stars.refund("charge", reason="r", actor="a")


async def test_a_job_is_refunded_in_parts_up_to_its_charge(book: Book) -> None:
    await book.fund(1, 50_000)
    job = new_id()
    await book.hold(job, 1, 20_000)
    await book.capture(job, 15_000)
    corrections = Corrections(book.db)
    op = new_id()
    for _ in range(2):
        await corrections.refund_job(op, job_id=job, units=5_000, reason="bad part", actor="kim")
    answer = await corrections.refund_job(new_id(), job_id=job, reason="the rest", actor="kim")
    assert (answer.amount_units, answer.balance_units) == (10_000, 50_000)


async def test_two_refunds_at_once_return_one_charge(book: Book) -> None:
    await book.fund(1, 50_000)
    job = new_id()
    await book.hold(job, 1, 20_000)
    await book.capture(job, 20_000)
    corrections = Corrections(book.db)
    results = await asyncio.gather(
        *(corrections.refund_job(new_id(), job_id=job, reason="r", actor="a") for _ in range(6)),
        return_exceptions=True,
    )
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert (await book.wallet(1)).balance_units == 50_000


async def test_a_correction_down_may_take_a_bonus_that_was_given_by_mistake(book: Book) -> None:
    await book.fund(1, 10_000)
    await book.fund(1, 30_000, kind="bonus")
    corrections = Corrections(book.db)
    op = derive_id("ticket 7")
    for _ in range(2):
        answer = await corrections.adjust(
            op, user_id=1, currency=CREDIT, units=-35_000, reason="ticket 7", actor="kim"
        )
        assert answer.amount_units == -35_000
    wallet = await book.wallet(1)
    assert (wallet.balance_units, wallet.bonus_units) == (5_000, 0)
    await corrections.adjust(
        new_id(), user_id=2, currency=BATV, units=7_000, reason="ticket 8", actor="kim"
    )
    assert (await book.wallet(2, BATV)).balance_units == 7_000


async def test_an_old_balance_comes_over_once(book: Book) -> None:
    op = derive_id("text_ai", 4711)
    for _ in range(3):
        await book.fund(1, 123_456, BATT, kind="migrate", op=op)
    assert await book.lines(1, BATT) == [("migrate", 123_456, 123_456)]


async def test_partner_holds_expire_one_by_one_and_are_extended(book: Book) -> None:
    await book.fund(1, 90_000)
    holds = Holds(book.db)
    due, kept = new_id(), new_id()
    for hold in (due, kept):
        await holds.reserve(hold, user_id=1, app=App.PENORA, units=20_000, ttl_s=60)
    await book.db.execute("update ledger.hold set expires_at = $1", LONG_AGO)
    until = await holds.extend(kept, app=App.PENORA, ttl_s=120)
    assert until > now() + timedelta(seconds=60)
    assert await holds.extend(kept, app=App.PENORA, ttl_s=1) == until, "a heartbeat never shortens"
    assert await book.db.fetchval("select ledger.expire_next()") == due
    assert await book.db.fetchval("select ledger.expire_next()") is None
    await holds.release(due, app=App.PENORA)
    assert (await book.wallet(1)).held_units == 20_000


@pytest.mark.parametrize("ttl_s", [0, -1, 1e9, float("nan")])
async def test_a_partner_hold_needs_a_sensible_time(book: Book, ttl_s: float) -> None:
    with pytest.raises(InvalidInput):
        await Holds(book.db).reserve(new_id(), user_id=1, app=App.PENORA, units=20_000, ttl_s=ttl_s)


async def test_a_spend_is_a_hold_and_its_capture_in_one(book: Book) -> None:
    await book.fund(1, 30_000)
    holds = Holds(book.db)
    op = new_id()
    for replayed in (False, True):
        answer = await holds.spend(op, user_id=1, app=App.IMAGEGENE, units=20_000)
        assert (answer.amount_units, answer.balance_units, answer.replayed) == (
            20_000,
            10_000,
            replayed,
        )
    with pytest.raises(Insufficient):
        await holds.spend(new_id(), user_id=1, app=App.IMAGEGENE, units=20_000)


async def test_what_a_purchase_is_called_is_its_charge(book: Book) -> None:
    await Stars(book.db).buy_units("charge", user_id=1, stars=1, units=1)
    assert await book.db.fetchval("select op from ledger.purchase") == purchase_op("charge")
