"""Many at once on one wallet: exactly what it covers succeeds, and nobody waits in a circle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio

from ledger.stars import Stars
from ledger.subscriptions import terms
from ledger.wallets import Wallets
from schemas.ids import new_id
from schemas.money import App
from schemas.plans import plans
from storage import ledger as sql
from storage import ledger_money as money
from storage import ledger_plans
from storage.ledger_plans import Payment
from tests.ledger_book import BATV, CREDIT, Book, LoneBook, open_book
from tests.support import wait_until

PARALLEL = 100
COVERED = 10
PRICE = 20_000
WAITING = """
select count(*) from pg_stat_activity
 where wait_event_type = 'Lock' and datname = current_database()
"""


@pytest_asyncio.fixture
async def book(dsn: str) -> AsyncIterator[Book]:
    async with open_book(dsn, size=8) as book:
        yield book


@pytest_asyncio.fixture
async def crowded(dsn: str) -> AsyncIterator[Book]:
    async with open_book(dsn, size=20) as book:
        yield book


class Undone(Exception):
    """Ends a transaction that was not to happen."""


async def waiting(book: Book, count: int) -> bool:
    return bool(await book.db.fetchval(WAITING) == count)


async def test_a_hundred_spends_on_a_wallet_that_covers_ten(crowded: Book) -> None:
    """Fifty rounds; jobs, partners and both mixed. Nobody else knows the jobs: they need no lock."""
    jobs = LoneBook(crowded.db)
    for user in range(1, 51):
        await jobs.fund(user, COVERED * PRICE)

        async def job(user: int = user) -> str:
            return (await jobs.hold(new_id(), user, PRICE)).code

        async def partner(user: int = user) -> str:
            answer = await sql.spend(
                jobs.db, new_id(), user_id=user, app=App.PENORA, units=PRICE, spend_order=(CREDIT,)
            )
            return answer.code

        kinds = [(job,), (partner,), (job, partner)][user % 3]
        codes = Counter(await asyncio.gather(*(kinds[n % len(kinds)]() for n in range(PARALLEL))))
        assert codes == {"ok": COVERED, "insufficient": PARALLEL - COVERED}


async def test_sets_that_overlap_take_no_more_than_is_there(book: Book) -> None:
    people = range(1, 6)
    for user in people:
        await book.fund(user, COVERED * PRICE)
        await book.fund(user, COVERED * PRICE, BATV)
    sets = [[(new_id(), 1 + (n + k) % 5, PRICE) for n in range(10)] for k in range(30)]
    answers = await asyncio.gather(
        *(book.hold_all(one, app=App.VIAIZER, spend=(BATV, CREDIT)) for one in sets)
    )
    codes = Counter(held.code for answer in answers for held in answer.values())
    assert codes == {"ok": 5 * 2 * COVERED, "insufficient": 300 - 5 * 2 * COVERED}
    for user in people:
        assert (await book.wallet(user)).held_units == COVERED * PRICE


async def test_sets_end_the_same_jobs_at_once_and_each_is_captured_once(book: Book) -> None:
    jobs = [(new_id(), 1 + n % 4, 1_000) for n in range(80)]
    for user in range(1, 5):
        await book.fund(user, 100_000)
    await book.hold_all(jobs)
    ids = [job for job, _, _ in jobs]
    taken: list[UUID] = []

    async def capture(wanted: list[UUID]) -> None:
        answers = await book.capture_all([(job, 900) for job in wanted])
        taken.extend(job for job, (code, _) in answers.items() if code == "ok")

    async def release(wanted: list[UUID]) -> None:
        answers = await book.release_all(wanted)
        taken.extend(job for job, (code, _) in answers.items() if code == "ok")

    await asyncio.gather(
        *(capture(ids[n::3] + ids[n + 1 :: 3]) for n in range(9)),
        *(release(ids[n::2]) for n in range(4)),
        capture(ids[::-1]),
    )
    assert Counter(taken) == dict.fromkeys(ids, 1)


async def test_twins_of_one_hold_are_one_hold(book: Book) -> None:
    await book.fund(1, PRICE)
    for _ in range(30):
        hold = new_id()

        twins = [
            sql.reserve(
                book.db,
                hold,
                user_id=1,
                app=App.PENORA,
                units=PRICE,
                spend_order=(BATV, CREDIT),
                ttl_s=60,
            )
            for _ in range(8)
        ]
        answers = await asyncio.gather(*twins)
        assert {answer.code for answer in answers} == {"ok"}
        assert (await book.wallet(1)).held_units == PRICE
        released = await asyncio.gather(
            *(sql.release(book.db, hold, app=App.PENORA) for _ in range(4))
        )
        assert {answer.code for answer in released} == {"ok"}


async def test_opposite_conversions_never_wait_in_a_circle(book: Book) -> None:
    for user in range(1, 4):
        await book.fund(user, 100_000)
        await book.fund(user, 100_000, BATV)
    orders = [
        money.convert(
            book.db,
            new_id(),
            user_id=1 + n % 3,
            source=CREDIT if n % 2 else BATV,
            target=BATV if n % 2 else CREDIT,
            units=10,
            rate=Decimal(1),
        )
        for n in range(300)
    ]
    assert {answer.code for answer in await asyncio.gather(*orders)} == {"ok"}


async def test_one_charge_reported_by_everybody_is_one_purchase(book: Book) -> None:
    stars = Stars(book.db)
    await asyncio.gather(
        *(stars.buy_units("charge", user_id=1, stars=5, units=50_000) for _ in range(30))
    )
    assert (await book.wallet(1)).balance_units == 50_000
    answers = await asyncio.gather(
        *(stars.refund("charge", reason="r", actor="a") for _ in range(10)), return_exceptions=True
    )
    assert any(not isinstance(answer, BaseException) for answer in answers)
    assert (await book.wallet(1)).balance_units == 0


async def test_sign_ups_from_everywhere_at_once(book: Book) -> None:
    wallets = Wallets(book.db)
    await asyncio.gather(*(wallets.signup(user) for user in list(range(1, 30)) * 4))
    total = await book.db.fetchval("select sum(balance) from ledger.account")
    assert total == 29 * 600_000


@pytest.mark.parametrize("size", [2, 50])
async def test_sets_keep_the_sequence_without_gaps(book: Book, size: int) -> None:
    await book.fund(1, 10_000_000)
    jobs = [(new_id(), 1, 100 + n) for n in range(size)]
    await book.hold_all(jobs)
    await book.capture_all([(job, units - n % 2 * 50) for n, (job, _, units) in enumerate(jobs)])
    balances = [balance for _, _, balance in await book.lines(1)]
    assert balances == sorted(balances, reverse=True)
    assert len(balances) == size + 1


async def test_a_reservation_that_waited_in_vain_for_its_first_wallet_meets_a_set(
    book: Book,
) -> None:
    """It keeps the lock of the wallet it could not use, so everybody must lock in its order."""
    await book.fund(1, PRICE)
    await book.fund(1, PRICE, BATV)
    spender = new_id()
    order = (BATV, CREDIT)
    async with book.db.transaction() as first:
        await first.fetch(
            "select ledger.hold_one($1, 1, 1::smallint, $2, '{2}', 'infinity')", spender, PRICE
        )
        single = asyncio.create_task(book.hold(new_id(), 1, PRICE, spend=order))
        await wait_until(
            lambda: waiting(book, 1), 10, "the single reservation waits for the batteries"
        )
        pair = [(new_id(), 1, PRICE), (new_id(), 1, PRICE)]
        several = asyncio.create_task(book.hold_all(pair, spend=order))
        await wait_until(lambda: waiting(book, 2), 10, "the set waits too")
    answers = [await single, *(await several).values()]
    assert Counter(answer.code for answer in answers) == {"ok": 1, "insufficient": 2}


async def test_a_plan_a_purchase_and_the_end_of_a_job_never_wait_in_a_circle(book: Book) -> None:
    """The purchase has the Stars and wants the credits, the job's end has those and wants the member."""
    await book.db.execute("insert into app.user_account (id) values (1)")
    await book.db.execute(
        "insert into work.member (user_id, caps, waiting_max) values (1, '{2,2,2,2,2}', 9)"
    )
    await book.fund(1, PRICE)
    job = new_id()
    await book.hold(job, 1, PRICE)
    payment = Payment(new_id(), "plan", 1, 5, "PRO", auto_renew=False, days=30)
    async with book.db.transaction() as end:
        await end.fetch("select * from ledger.capture_one($1, $2)", job, PRICE)
        bought = asyncio.create_task(
            money.purchase(book.db, new_id(), charge_id="pack", user_id=1, stars=1, units=1)
        )
        await wait_until(lambda: waiting(book, 1), 10, "the purchase waits for the credits")
        paid = asyncio.create_task(ledger_plans.subscribe(book.db, payment, terms=terms(plans())))
        await wait_until(lambda: waiting(book, 2), 10, "the plan waits for the Stars")
        await end.execute("update work.member set promised = promised where user_id = 1")
    assert ((await bought).code, (await paid).code) == ("ok", "ok")


@pytest.mark.parametrize("stars_before", [True, False])
async def test_an_account_that_is_closed_while_a_plan_is_paid_refuses_it(
    book: Book, stars_before: bool
) -> None:
    await book.db.execute("insert into app.user_account (id) values (1)")
    await book.fund(1, PRICE)
    if stars_before:
        await money.purchase(book.db, new_id(), charge_id="pack", user_id=1, stars=1, units=1)
    payment = Payment(new_id(), "plan", 1, 5, "PRO", auto_renew=False, days=30)
    async with book.db.transaction() as end:
        await end.fetchval("select ledger.set_status(1, 'closed')")
        before = await end.fetch("select owner, cur, seq from ledger.account order by cur")
        paid = asyncio.create_task(ledger_plans.subscribe(book.db, payment, terms=terms(plans())))
        await wait_until(lambda: waiting(book, 1), 10, "the plan waits for the closing")
    assert (await paid).code == "closed"
    assert await book.db.fetch("select owner, cur, seq from ledger.account order by cur") == before
    assert not await book.db.fetch("select from ledger.purchase where charge_id = 'plan'")


async def test_a_conversion_makes_its_target_in_the_order_of_all_locks(book: Book) -> None:
    """It waits for another operation under its id, while the wallet that it will need is made."""
    await book.fund(1, PRICE)
    op = new_id()

    async def grant_and_spend() -> str:
        async with book.db.transaction() as both:
            await both.fetch("select ledger.credit(gen_random_uuid(), 1, 2::smallint, 1, 'grant')")
            code: str = await both.fetchval(
                "select code from ledger.hold_one($1, 1, 1::smallint, 1, '{1}', 'infinity')",
                new_id(),
            )
            return code

    with suppress(Undone):
        async with book.db.transaction() as other:
            await other.fetch("select ledger.credit($1, 9, 1::smallint, 1, 'grant')", op)
            rate = Decimal(1)
            converted = asyncio.create_task(
                money.convert(
                    book.db, op, user_id=1, source=CREDIT, target=BATV, units=2, rate=rate
                )
            )
            await wait_until(lambda: waiting(book, 1), 10, "the conversion waits for its id")
            spent = asyncio.create_task(grant_and_spend())
            await wait_until(lambda: waiting(book, 2), 10, "the spender waits for the conversion")
            raise Undone
    assert ((await converted).code, await spent) == ("ok", "ok")
    assert (await book.wallet(1, BATV)).balance_units == 3


@pytest.mark.parametrize("grant_first", [True, False])
async def test_a_wallet_that_is_made_while_its_person_is_suspended(
    book: Book, grant_first: bool
) -> None:
    await book.fund(1, PRICE)
    suspend = "select ledger.set_status(1, 'suspended')"
    grant = "select ledger.credit(gen_random_uuid(), 1, 2::smallint, 1, 'grant')"
    before, after = (grant, suspend) if grant_first else (suspend, grant)
    async with book.db.transaction() as first:
        await first.fetchval(before)
        second = asyncio.create_task(book.db.fetchval(after))
        await wait_until(lambda: waiting(book, 1), 10, "the second waits for the first")
    await second
    assert {row.status for row in await sql.wallets(book.db, 1)} == {"suspended"}
