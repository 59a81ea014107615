"""Plans: bought, prolonged, changed, ended; limits as a person sees them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from ledger.housekeeping import sweep
from ledger.limits import Limits
from ledger.subscriptions import Subscriptions
from ops.base.clock import now
from schemas.errors import Conflict, Missing
from schemas.ids import new_id
from schemas.money import App
from schemas.plans import PlanName, plans
from tests.ledger_book import UNITS, XTR, Book, open_book

DAY = timedelta(days=1)
SECOND = timedelta(seconds=30)
FREE, PRO, ENTERPRISE = PlanName


@pytest_asyncio.fixture
async def book(dsn: str) -> AsyncIterator[Book]:
    async with open_book(dsn) as book:
        await person(book, 1)
        yield book


async def person(book: Book, user_id: int) -> None:
    await book.db.execute("insert into app.user_account (id) values ($1)", user_id)
    await book.db.execute(
        "insert into app.workspace (user_id, limit_bytes) values ($1, 1048576)", user_id
    )
    await book.db.execute(
        "insert into work.member (user_id, caps, waiting_max) values ($1, '{2,2,2,2,2}', 1000)",
        user_id,
    )


async def allowed(book: Book, user_id: int = 1) -> tuple[str, int, int]:
    """The plan's name, the cap of a lane, the storage in MiB: what really holds."""
    row = await book.db.one(
        "select a.plan, m.caps[1] as cap, w.limit_bytes from app.user_account a "
        "join work.member m on m.user_id = a.id join app.workspace w on w.user_id = a.id where a.id = $1",
        user_id,
    )
    return row["plan"], row["cap"], row["limit_bytes"] // 2**20


def close(at: datetime, expected: datetime) -> bool:
    return abs(at - expected) < SECOND


async def shift(book: Book, by: timedelta) -> None:
    """Let time pass for the plan."""
    await book.db.execute("update ledger.subscription set ends_at = ends_at - $1::interval", by)


async def test_a_payment_begins_a_plan_at_once_and_stars_only_pass_through(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    for _ in range(3):
        await subscriptions.pay("c1", user_id=1, plan=PRO, stars=500)
    assert await allowed(book) == ("PRO", 10, 50)
    current = await subscriptions.current(1)
    assert current is not None
    assert close(current.ends_at, now() + 30 * DAY)
    assert [amount for _, amount, _ in await book.lines(1, XTR)] == [500, -500]
    house = await book.db.fetchval(
        "select -sum(amount) from ledger.transfer where house = 'revenue'"
    )
    assert house == 500


async def test_one_charge_cannot_pay_for_two_people(book: Book) -> None:
    await person(book, 2)
    subscriptions = Subscriptions(book.db)
    await subscriptions.pay("c1", user_id=1, plan=PRO, stars=500)
    with pytest.raises(Conflict):
        await subscriptions.pay("c1", user_id=2, plan=PRO, stars=500)
    assert (await allowed(book, 2))[0] == "FREE"


async def test_a_renewal_adds_thirty_days_to_the_end(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    await subscriptions.pay("c1", user_id=1, plan=PRO, stars=500)
    await shift(book, 29 * DAY)
    await subscriptions.pay("c2", user_id=1, plan=PRO, stars=500)
    current = await subscriptions.current(1)
    assert current is not None
    assert close(current.ends_at, now() + 31 * DAY)


async def test_an_upgrade_begins_at_once_and_keeps_the_worth_of_unused_days(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    await subscriptions.pay("c1", user_id=1, plan=PRO, stars=500)
    await shift(book, 10 * DAY)
    await subscriptions.pay("c2", user_id=1, plan=ENTERPRISE, stars=5000)
    assert await allowed(book) == ("ENTERPRISE", 50, 500)
    current = await subscriptions.current(1)
    assert current is not None
    assert close(current.ends_at, now() + 32 * DAY), "20 days of 500 are 2 days of 5000"


async def test_a_smaller_plan_waits_for_the_end_of_the_larger(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    await subscriptions.pay("c1", user_id=1, plan=ENTERPRISE, stars=5000, auto_renew=False)
    await subscriptions.pay("c2", user_id=1, plan=PRO, stars=500)
    assert (await allowed(book))[0] == "ENTERPRISE"
    assert await subscriptions.expire_next() is None
    await shift(book, 30 * DAY + DAY)
    assert await subscriptions.expire_next() == (1, PRO, ())
    assert await allowed(book) == ("PRO", 10, 50)
    await shift(book, 30 * DAY)
    assert await subscriptions.expire_next() == (1, FREE, ())
    assert await allowed(book) == ("FREE", 2, 1)
    assert await subscriptions.expire_next() is None


async def test_a_renewing_plan_has_a_day_of_grace_and_a_cancelled_one_has_none(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    await subscriptions.pay("c1", user_id=1, plan=PRO, stars=500, auto_renew=True)
    await shift(book, 30 * DAY + DAY / 2)
    assert await subscriptions.expire_next() is None
    await subscriptions.set_auto_renew(1, auto_renew=False)
    assert await subscriptions.expire_next() == (1, FREE, ())
    current = await subscriptions.current(1)
    assert current is not None
    assert current.state == "expired"
    with pytest.raises(Missing):
        await subscriptions.set_auto_renew(1, auto_renew=True)
    await subscriptions.pay("c2", user_id=1, plan=PRO, stars=500)
    current = await subscriptions.current(1)
    assert current is not None
    assert close(current.ends_at, now() + 30 * DAY), "a new beginning, not a prolongation"


async def test_an_operator_gives_and_takes_a_plan_without_money(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    await subscriptions.give(1, ENTERPRISE)
    assert await allowed(book) == ("ENTERPRISE", 50, 500)
    await subscriptions.give(1, FREE)
    assert await allowed(book) == ("FREE", 2, 1)
    with pytest.raises(Missing):
        await subscriptions.give(99, PRO)


async def test_what_a_given_plan_includes_is_not_sold(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    await subscriptions.give(1, ENTERPRISE)
    before = await book.fingerprint()
    for plan in (PRO, ENTERPRISE):
        with pytest.raises(Conflict, match="plan_given"):
            await subscriptions.pay("c1", user_id=1, plan=plan, stars=500)
    assert await allowed(book) == ("ENTERPRISE", 50, 500)
    assert await book.fingerprint() == before
    await subscriptions.give(1, FREE)
    await subscriptions.pay("c1", user_id=1, plan=PRO, stars=500)
    assert (await allowed(book))[0] == "PRO"


async def test_a_given_plan_comes_back_when_a_larger_one_ends(book: Book) -> None:
    subscriptions = Subscriptions(book.db)
    await subscriptions.give(1, PRO)
    for charge in ("c1", "c2"):
        await subscriptions.pay(charge, user_id=1, plan=ENTERPRISE, stars=5000, auto_renew=False)
    assert await allowed(book) == ("ENTERPRISE", 50, 500)
    with pytest.raises(Conflict, match="plan_given"):
        await subscriptions.pay("c3", user_id=1, plan=PRO, stars=500)
    await shift(book, 61 * DAY)
    assert await subscriptions.expire_next() == (1, PRO, ())
    assert await allowed(book) == ("PRO", 10, 50)
    await subscriptions.pay("c4", user_id=1, plan=ENTERPRISE, stars=5000, auto_renew=False)
    await shift(book, 31 * DAY)
    assert await subscriptions.expire_next() == (1, PRO, ()), "it stays given"


async def test_a_larger_cap_lets_waiting_jobs_in_at_once(book: Book) -> None:
    await book.db.execute("update work.member set waiting[1] = 3 where user_id = 1")
    jobs = [new_id() for _ in range(3)]
    await book.db.execute(
        "insert into work.job (id, user_id, state, app, stream, slot, version, max_tries, due_at, run_at, "
        "limit_s, price, price_version, day, spend, kind, key, body_hash, reply, trace, created_at, "
        "key_version) "
        "select j, 1, 'waiting', 1, 3, 0, 1, 5, 'infinity', now(), 60, 0, 1, current_date, '{1}', "
        "'text.improve', j::text, j, 'pull', 'trace', now(), 1 from unnest($1::uuid[]) j",
        jobs,
    )
    wakes = await Subscriptions(book.db).pay("c1", user_id=1, plan=PRO, stars=500)
    assert {wake.job_id for wake in wakes} == set(jobs)
    assert {wake.kind for wake in wakes} == {"text.improve"}
    row = await book.db.one("select active[1], waiting[1] from work.member where user_id = 1")
    assert tuple(row.values()) == (3, 0)


async def test_the_limit_is_shown_with_its_reset_in_the_persons_zone(book: Book) -> None:
    limits = Limits(book.db)
    await book.db.execute(
        "update work.member set day = (now() at time zone 'UTC')::date, used = '{25,3,0,0}' where user_id = 1"
    )
    await book.db.execute("update app.user_account set time_zone = 'Asia/Tokyo' where id = 1")
    viaizer = await limits.usage_limit(1, App.VIAIZER)
    assert (viaizer.used, viaizer.limit, viaizer.remaining) == (25, 25, 0)
    text_ai = await limits.usage_limit(1, App.TEXT_AI)
    assert (text_ai.used, text_ai.limit, text_ai.remaining) == (3, 100, 97)
    assert (viaizer.resets_at.hour, str(viaizer.resets_at.tzinfo)) == (9, "Asia/Tokyo")
    assert timedelta() < viaizer.resets_at - datetime.now(UTC) <= DAY


async def test_yesterdays_requests_do_not_count_and_unlimited_is_minus_one(book: Book) -> None:
    limits = Limits(book.db)
    await book.db.execute(
        "update work.member set day = current_date - 1, used = '{25,3,0,0}' where user_id = 1"
    )
    assert (await limits.usage_limit(1, App.VIAIZER)).used == 0
    await Subscriptions(book.db).give(1, ENTERPRISE)
    unlimited = await limits.usage_limit(1, App.VIAIZER)
    assert (unlimited.limit, unlimited.remaining) == (-1, -1)
    await book.db.execute("update app.user_account set time_zone = 'Nowhere/At all' where id = 1")
    assert str((await limits.usage_limit(1, App.VIAIZER)).resets_at.tzinfo) == "UTC"
    with pytest.raises(Missing):
        await limits.usage_limit(99, App.VIAIZER)


async def test_the_usage_log_is_read_page_by_page_newest_first(book: Book) -> None:
    jobs = [new_id() for _ in range(5)]
    await book.db.execute(
        "insert into work.usage (job_id, user_id, app, kind, model, provider, tokens, units, captured, "
        "success, at) "
        "select j, 1, 1 + n % 2, 'text.improve', 'm', 'p', 0, 1, 10000, true, "
        "now() - n * interval '1 minute' "
        "from unnest($1::uuid[]) with ordinality u (j, n)",
        jobs,
    )
    limits = Limits(book.db)
    since, until = now() - DAY, now() + DAY
    first = await limits.usage(1, limit=3, since=since, until=until)
    rest = await limits.usage(
        1, limit=3, after=(first[-1].at, first[-1].job_id), since=since, until=until
    )
    assert [row.job_id for row in first + rest] == jobs
    assert len(await limits.usage(1, app=App.TEXT_AI, since=since, until=until)) == 3


async def test_the_usage_log_lives_in_months(book: Book) -> None:
    names = await book.db.fetch(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where i.inhparent = 'work.usage'::regclass"
    )
    assert len(names) >= 4


async def test_one_sweep_ends_all_that_is_due(book: Book) -> None:
    await book.fund(1, 5 * UNITS)
    await book.fund(1, 5 * UNITS, kind="bonus", expires_at=now() - DAY)
    for _ in range(3):
        await book.db.fetchval(
            "select ledger.reserve($1, 1, 1::smallint, 10000, '{1}', 0.001)", new_id()
        )
    subscriptions = Subscriptions(book.db)
    await subscriptions.pay("c1", user_id=1, plan=PRO, stars=500, auto_renew=False)
    await shift(book, 31 * DAY)
    swept = await sweep(book.db, subscriptions)
    assert (swept.holds, swept.bonuses, swept.plans) == (3, 1, 1)
    swept = await sweep(book.db, subscriptions)
    assert (swept.holds, swept.bonuses, swept.plans) == (0, 0, 0)


def test_plans_for_sale_are_below_telegrams_cap() -> None:
    assert all(plans().plan(name).price_stars <= 10_000 for name in PlanName)
