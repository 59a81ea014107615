"""Every refusal of money: its exact code, its HTTP status, its texts, and nothing written."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from ledger.answers import again
from ledger.corrections import Corrections
from ledger.exchange import Exchange, Offer
from ledger.holds import Holds
from ledger.stars import Stars
from ledger.subscriptions import Subscriptions
from ledger.wallets import Wallets
from ops.base.clock import now
from schemas.errors import Refused, Unavailable, refusal
from schemas.ids import new_id
from schemas.money import AMOUNT_MAX_UNITS, App, Currency, credits_to_units
from schemas.plans import PlanName
from schemas.texts import error_text
from tests.ledger_book import BATV, CREDIT, UNITS, XTR, Book, open_book

Step = Callable[[Book], Awaitable[object]]

TTL_S = 60.0
LARGEST = 10**12
BALANCE_MAX = 10**15


@pytest_asyncio.fixture
async def book(dsn: str) -> AsyncIterator[Book]:
    async with open_book(dsn) as book:
        yield book


@dataclass(frozen=True)
class Case:
    """`prepare` makes the world, `ask` is refused; `shown` are the amounts the person reads."""

    name: str
    code: str
    ask: Step
    prepare: Step | None = None
    shown: tuple[str, str] = ("", "")


HOLD, OTHER = new_id(), new_id()


def reserve(units: int = 20_000, *, user_id: int = 1, app: App = App.PENORA) -> Step:
    return lambda b: Holds(b.db).reserve(HOLD, user_id=user_id, app=app, units=units, ttl_s=TTL_S)


def capture(units: int | None = None, *, app: App = App.PENORA) -> Step:
    return lambda b: Holds(b.db).capture(HOLD, app=app, units=units)


def release(*, app: App = App.PENORA) -> Step:
    return lambda b: Holds(b.db).release(HOLD, app=app)


def convert(
    units: int, *, rate: str = "1", source: Currency = CREDIT, target: Currency = BATV
) -> Step:
    offer = Offer(source, target, units, Decimal(rate), units)
    return lambda b: Exchange(b.db).convert(new_id(), user_id=1, offer=offer)


def refund(units: int | None) -> Step:
    return lambda b: Corrections(b.db).refund_job(
        OTHER, job_id=HOLD, units=units, reason="r", actor="a"
    )


def credit(units: int = UNITS, currency: Currency = CREDIT) -> Step:
    return lambda b: Wallets(b.db).credit(
        OTHER, user_id=1, currency=currency, units=units, kind="grant", actor="a"
    )


def adjust(units: int, *, user_id: int = 1) -> Step:
    return lambda b: Corrections(b.db).adjust(
        OTHER, user_id=user_id, currency=CREDIT, units=units, reason="r", actor="a"
    )


def funds(units: int = 15_000) -> Step:
    return lambda b: b.fund(1, units)


def steps(*parts: Step) -> Step:
    async def all_of_them(book: Book) -> None:
        for part in parts:
            await part(book)

    return all_of_them


def status(value: str) -> Step:
    return lambda b: b.db.fetchval(
        "select ledger.set_status(1, $1::text::ledger.account_status)", value
    )


async def expired(book: Book) -> None:
    past = now() - timedelta(seconds=1)
    await book.db.execute("update ledger.hold set expires_at = $2 where id = $1", HOLD, past)
    assert await book.db.fetchval("select ledger.expire_next()") == HOLD


def set_rate(rate: str, source: Currency = CREDIT, target: Currency = BATV) -> Step:
    return lambda b: Exchange(b.db).set_rate(source, target, rate=Decimal(rate), actor="a")


def no_rates(book: Book) -> Awaitable[object]:
    return book.db.execute(
        "alter table ledger.rate disable trigger user; delete from ledger.rate; "
        "alter table ledger.rate enable trigger user"
    )


def full_wallet(book: Book) -> Awaitable[object]:
    """As full as a wallet can be, through a thousand of the largest imports."""
    return book.db.execute(
        "select ledger.credit(gen_random_uuid(), 1, 1::smallint, 1000000000000, 'migrate') "
        "from generate_series(1, 1000)"
    )


def buy(charge: str = "charge", *, user_id: int = 1) -> Step:
    return lambda b: Stars(b.db).buy_units(charge, user_id=user_id, stars=50, units=50 * UNITS)


def refund_stars(charge: str = "charge") -> Step:
    return lambda b: Stars(b.db).refund(charge, reason="r", actor="a")


held = steps(funds(50_000), reserve())
spent = steps(held, capture())

TOLD = {
    "insufficient": (402, "You need", "Нужно"),
    "suspended": (403, "Your account is suspended", "Ваш счёт приостановлен"),
    "closed": (403, "This account is closed", "Этот счёт закрыт"),
    "key_conflict": (409, "This key was already used", "С этим ключом уже был"),
    "already_captured": (409, "was already charged", "уже списан"),
    "already_released": (409, "was already returned", "уже возвращён"),
    "already_expired": (409, "has expired", "истёк"),
    "bad_amount": (422, "The amount must be", "Сумма должна быть"),
    "unknown_currency": (422, "We do not know this currency", "не знаем такой валюты"),
    "no_account": (404, "You have no wallet yet", "У вас пока нет кошелька"),
    "overflow": (422, "The wallet cannot hold", "не поместится"),
    "exceeds_hold": (409, "More than was reserved", "больше, чем зарезервировано"),
    "no_hold": (404, "There is no such reservation", "Такого резерва нет"),
    "exceeds_capture": (409, "More than was charged", "больше, чем списано"),
    "not_captured": (409, "This job was not charged", "ничего не списано"),
    "rate_changed": (409, "The rate has changed to 0.5.", "Курс изменился, теперь он 0,5."),
    "no_rate": (409, "There is no rate", "нет курса"),
    "amount_too_small": (422, "too small to convert", "Слишком малая сумма"),
    "rate_pump": (409, "would create credits", "появлялись бы из ничего"),
    "unknown_plan": (422, "There is no plan FREE", "Нет тарифа FREE"),
    "plan_given": (409, "The plan that you were given", "Подаренный вам тариф"),
}

CASES = [
    Case(
        "available below the price",
        "insufficient",
        reserve(),
        funds(),
        shown=("You need 2 and can spend 1.5 (0 more", "Нужно 2, доступно 1,5"),
    ),
    Case(
        "part of it is held",
        "insufficient",
        lambda b: Holds(b.db).reserve(OTHER, user_id=1, app=App.PENORA, units=40_000, ttl_s=TTL_S),
        held,
        shown=("You need 4 and can spend 3 (2 more", "доступно 3 (ещё 2"),
    ),
    Case("suspended", "suspended", reserve(), steps(funds(), status("suspended"))),
    Case("closed", "closed", reserve(), steps(funds(), status("closed"))),
    Case("money into a closed account", "closed", credit(), steps(funds(), status("closed"))),
    Case("a purchase for a closed account", "closed", buy(), steps(funds(), status("closed"))),
    Case(
        "money into a new wallet of a closed account",
        "closed",
        credit(currency=BATV),
        steps(funds(), status("closed")),
    ),
    Case(
        "suspended, in a wallet that came later",
        "suspended",
        reserve(app=App.VIAIZER),
        steps(funds(), status("suspended"), lambda b: Wallets(b.db).first_use(1, App.VIAIZER)),
    ),
    Case("same id, other amount", "key_conflict", reserve(10_000), held),
    Case(
        "same id, other person",
        "key_conflict",
        reserve(user_id=2),
        steps(held, lambda b: b.fund(2, 50_000)),
    ),
    Case("same id, other app", "key_conflict", reserve(app=App.IMAGEGENE), held),
    Case(
        "a job's id for a partner's hold",
        "key_conflict",
        reserve(),
        steps(funds(50_000), lambda b: b.hold(HOLD, 1, 20_000)),
    ),
    Case("same grant, other amount", "key_conflict", credit(2 * UNITS), credit()),
    Case("same charge, other person", "key_conflict", buy(user_id=2), buy()),
    Case("reserve of a captured hold", "already_captured", reserve(), spent),
    Case("reserve of a released hold", "already_released", reserve(), steps(held, release())),
    Case("reserve of an expired hold", "already_expired", reserve(), steps(held, expired)),
    Case("no amount", "bad_amount", reserve(0), funds()),
    Case("a negative amount", "bad_amount", reserve(-1), funds()),
    Case("an absurd amount", "bad_amount", reserve(LARGEST + 1), funds()),
    Case("an absurd grant", "bad_amount", credit(LARGEST + 1)),
    Case("a grant of Stars", "unknown_currency", credit(1, XTR)),
    Case("a currency into itself", "unknown_currency", convert(1, target=CREDIT), funds()),
    Case("nobody", "no_account", reserve()),
    Case("nothing to convert from", "no_account", convert(1)),
    Case("a balance beyond the end", "overflow", credit(1), full_wallet),
    Case("a purchase beyond the end", "overflow", buy(), full_wallet),
    Case("capture above the hold", "exceeds_hold", capture(20_001), held),
    Case("capture of nothing", "bad_amount", capture(0), held),
    Case("capture after release", "already_released", capture(), steps(held, release())),
    Case("capture after expiry", "already_expired", capture(), steps(held, expired)),
    Case("capture again with another amount", "key_conflict", capture(1), spent),
    Case("capture of nobody's hold", "no_hold", capture()),
    Case("capture of another app's hold", "no_hold", capture(app=App.IMAGEGENE), held),
    Case(
        "capture of a job's hold",
        "no_hold",
        capture(),
        steps(funds(50_000), lambda b: b.hold(HOLD, 1, 20_000)),
    ),
    Case("release after capture", "already_captured", release(), spent),
    Case(
        "extend after release",
        "already_released",
        lambda b: Holds(b.db).extend(HOLD, app=App.PENORA, ttl_s=TTL_S),
        steps(held, release()),
    ),
    Case("refund above the charge", "exceeds_capture", refund(20_001), spent),
    Case("refund of an open job", "not_captured", refund(None), held),
    Case("refund of no job", "no_hold", refund(None)),
    Case("the rate moved", "rate_changed", convert(10_000), steps(funds(), set_rate("0.5"))),
    Case("no rate", "no_rate", convert(10_000), steps(funds(), no_rates)),
    Case(
        "too small to convert",
        "amount_too_small",
        convert(1, rate="0.5"),
        steps(funds(), set_rate("0.5")),
    ),
    Case(
        "a bonus cannot be converted",
        "insufficient",
        convert(15_000),
        steps(funds(10_000), lambda b: b.fund(1, 10_000, kind="bonus")),
        shown=("You need 1.5 and can spend 1 (1 more", "бонусы не обмениваются"),
    ),
    Case(
        "a held part cannot be converted",
        "insufficient",
        convert(40_000),
        held,
        shown=("You need 4 and can spend 3 (2 more", "доступно 3 (ещё 2"),
    ),
    Case(
        "a suspended person converts", "suspended", convert(1), steps(funds(), status("suspended"))
    ),
    Case("rates that pump there and back", "rate_pump", set_rate("1.0001", BATV, CREDIT)),
    Case(
        "rates that pump the long way round",
        "rate_pump",
        set_rate("2", CREDIT, BATV),
        steps(set_rate("0.5", BATV, CREDIT)),
    ),
    Case("a rate of nothing", "bad_amount", set_rate("0")),
    Case("a rate too fine", "bad_amount", set_rate("0.00001")),
    Case("a rate for Stars", "unknown_currency", set_rate("1", CREDIT, XTR)),
    Case(
        "Stars back after the credits were spent",
        "insufficient",
        refund_stars(),
        steps(buy(), reserve(), capture()),
        shown=("You need 50 and can spend 48", "доступно 48"),
    ),
    Case("Stars back for an unknown charge", "no_hold", refund_stars("never")),
    Case("Stars back twice", "exceeds_capture", refund_stars(), steps(buy(), refund_stars())),
    Case("a correction of nothing", "bad_amount", adjust(0), funds()),
    Case("a correction as low as a number goes", "bad_amount", adjust(-(2**63)), funds()),
    Case(
        "a correction below what is held",
        "insufficient",
        adjust(-40_000),
        held,
        shown=("You need 4 and can spend 3", "доступно 3"),
    ),
    Case("a correction down for nobody", "no_account", adjust(-1)),
    Case(
        "FREE is not sold",
        "unknown_plan",
        lambda b: Subscriptions(b.db).pay("c", user_id=1, plan=PlanName.FREE, stars=1),
    ),
    Case(
        "a plan that a given one includes",
        "plan_given",
        lambda b: Subscriptions(b.db).pay("c", user_id=1, plan=PlanName.PRO, stars=500),
        lambda b: b.db.execute("insert into app.user_account (id, plan) values (1, 'ENTERPRISE')"),
    ),
    Case(
        "a plan for nobody",
        "no_account",
        lambda b: Subscriptions(b.db).pay("c", user_id=1, plan=PlanName.PRO, stars=500),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_refusal(book: Book, case: Case) -> None:
    if case.prepare is not None:
        await case.prepare(book)
    before = await book.fingerprint()
    with pytest.raises(Refused) as refused:
        await case.ask(book)
    status, *texts = TOLD[case.code]
    assert (refused.value.code, refused.value.status) == (case.code, status)
    for language, text, shown in zip(("en", "ru"), texts, case.shown, strict=True):
        told = error_text(refused.value, language)
        assert str(text) in told
        assert shown in told
    assert await book.fingerprint() == before, "a refusal writes nothing"


async def test_an_insufficient_reservation_is_not_remembered(book: Book) -> None:
    await book.fund(1, 15_000)
    with pytest.raises(Refused):
        await reserve()(book)
    await book.fund(1, 5_000)
    await reserve()(book)


async def test_the_same_request_gets_the_same_answer_for_ever(book: Book) -> None:
    await spent(book)
    answer = await Holds(book.db).capture(HOLD, app=App.PENORA, units=20_000)
    assert (answer.code, answer.amount_units, answer.replayed) == ("ok", 20_000, True)
    assert (await book.wallet(1)).balance_units == 30_000


async def test_a_capture_after_its_time_but_before_the_sweeper_is_ok(book: Book) -> None:
    await held(book)
    late = now() - timedelta(seconds=1)
    await book.db.execute("update ledger.hold set expires_at = $2 where id = $1", HOLD, late)
    await capture()(book)
    assert await book.db.fetchval("select ledger.expire_next()") is None


async def test_money_may_come_in_while_suspended(book: Book) -> None:
    await steps(funds(), status("suspended"), credit(), buy())(book)
    assert (await book.wallet(1)).balance_units == 15_000 + UNITS + 50 * UNITS


async def test_an_old_invoice_paid_again_is_a_second_purchase_and_one_charge_told_twice_is_one(
    book: Book,
) -> None:
    await steps(buy("first"), buy("first"), buy("second"))(book)
    assert (await book.wallet(1)).balance_units == 100 * UNITS


async def test_two_opposite_conversions_both_happen(book: Book) -> None:
    await book.fund(1, 50_000)
    await book.fund(1, 50_000, BATV)
    await convert(20_000)(book)
    await convert(30_000, source=BATV, target=CREDIT)(book)
    assert (await book.wallet(1)).balance_units == 60_000


async def test_a_store_that_is_down_is_never_called_insufficient() -> None:
    tried = 0

    async def lost() -> None:
        nonlocal tried
        tried += 1
        raise Unavailable(store="postgres")

    with pytest.raises(Unavailable) as down:
        await again(lost)
    assert (tried, down.value.status, down.value.retryable) == (5, 503, True)
    assert "try again in a moment" in error_text(down.value)


@pytest.mark.parametrize("amount", ["0.00001", "1.23456"])
def test_an_amount_finer_than_four_decimals_is_refused_never_rounded(amount: str) -> None:
    with pytest.raises(ValueError, match="more than four decimals"):
        credits_to_units(amount)


def test_the_largest_amount_is_the_same_here_and_in_the_database() -> None:
    assert AMOUNT_MAX_UNITS == LARGEST


@pytest.mark.parametrize(
    ("code", "status", "en", "ru"),
    [
        ("daily_limit", 429, "25 of 25 requests used today", "сегодня: 25 из 25"),
        ("backlog_full", 429, "already have 1000 jobs waiting", "ждут 1000 заданий"),
        ("unknown_currency", 422, "We do not know this currency", "не знаем такой валюты"),
    ],
)
def test_refusals_that_jobs_raise_have_their_texts(
    code: str, status: int, en: str, ru: str
) -> None:
    error = refusal(code, used=25, limit=25, reset="00:00 UTC", waiting=1000)
    assert error.status == status
    assert en in error_text(error, "en")
    assert ru in error_text(error, "ru")
