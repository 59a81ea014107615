"""Holds of jobs: one price, one wallet, captured or released once, alone and in sets."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from ledger.holds import Holds
from ops.base.clock import now
from schemas.ids import new_id
from schemas.money import App
from tests.ledger_book import BATV, CREDIT, UNITS, Book, Held, open_book

OK = Held("ok", CREDIT)


@pytest_asyncio.fixture
async def book(dsn: str) -> AsyncIterator[Book]:
    async with open_book(dsn) as book:
        yield book


async def test_a_hold_is_part_of_the_balance_and_its_capture_leaves_it(book: Book) -> None:
    await book.fund(1, 60 * UNITS)
    job = new_id()
    assert await book.hold(job, 1, 2 * UNITS) == OK
    wallet = await book.wallet(1)
    assert (wallet.balance_units, wallet.held_units) == (60 * UNITS, 2 * UNITS)
    assert await book.capture(job, 2 * UNITS) == ("ok", 2 * UNITS)
    wallet = await book.wallet(1)
    assert (wallet.balance_units, wallet.held_units) == (58 * UNITS, 0)
    assert await book.lines(1) == [
        ("grant", 60 * UNITS, 60 * UNITS),
        ("capture", -2 * UNITS, 58 * UNITS),
    ]


@pytest.mark.parametrize(("asked", "taken"), [(15_000, 15_000), (99_999, 20_000)])
async def test_a_capture_takes_at_most_the_hold_and_frees_the_rest(
    book: Book, asked: int, taken: int
) -> None:
    await book.fund(1, 50_000)
    job = new_id()
    await book.hold(job, 1, 20_000)
    assert await book.capture(job, asked) == ("ok", taken)
    wallet = await book.wallet(1)
    assert (wallet.balance_units, wallet.held_units) == (50_000 - taken, 0)


async def test_capturing_nothing_releases(book: Book) -> None:
    await book.fund(1, 50_000)
    job = new_id()
    await book.hold(job, 1, 20_000)
    assert await book.capture(job, 0) == ("ok", 0)
    assert await book.capture(job, 20_000) == ("already_released", 0)
    assert [kind for kind, _, _ in await book.lines(1)] == ["grant"]


@pytest.mark.parametrize("count", [1, 2])
async def test_a_partners_hold_is_no_hold_of_a_job(book: Book, count: int) -> None:
    await book.fund(1, 50_000)
    ids = [new_id() for _ in range(count)]
    for hold in ids:
        await Holds(book.db).reserve(hold, user_id=1, app=App.PENORA, units=10_000, ttl_s=60)
    captured = await book.capture_all([(hold, 10_000) for hold in ids])
    assert set(captured.values()) == {("no_hold", None)}
    assert set((await book.release_all(ids)).values()) == {("no_hold", 0)}
    wallet = await book.wallet(1)
    assert (wallet.balance_units, wallet.held_units) == (50_000, count * 10_000)


async def test_a_release_gives_all_back_and_ends_the_hold(book: Book) -> None:
    await book.fund(1, 50_000)
    job = new_id()
    await book.hold(job, 1, 20_000)
    assert await book.release(job) == ("ok", 20_000)
    assert (await book.wallet(1)).held_units == 0
    assert await book.release(job) == ("already_released", 0)
    assert await book.capture(job, 1) == ("already_released", 0)
    assert await book.hold(job, 1, 20_000) == Held("already_released", CREDIT)


async def test_a_release_never_undoes_a_capture(book: Book) -> None:
    await book.fund(1, 50_000)
    job = new_id()
    await book.hold(job, 1, 20_000)
    await book.capture(job, 20_000)
    assert await book.release(job) == ("already_captured", 0)
    assert await book.capture(job, 20_000) == ("already_captured", 20_000)
    assert (await book.wallet(1)).balance_units == 30_000


async def test_the_same_hold_again_is_the_same_hold(book: Book) -> None:
    await book.fund(1, 30_000)
    job = new_id()
    for _ in range(3):
        assert await book.hold(job, 1, 20_000) == OK
    assert (await book.wallet(1)).held_units == 20_000


async def test_another_request_under_the_same_id_is_a_conflict(book: Book) -> None:
    await book.fund(1, 90_000)
    await book.fund(2, 90_000)
    job = new_id()
    await book.hold(job, 1, 20_000)
    before = await book.fingerprint()
    assert (await book.hold(job, 1, 20_001)).code == "key_conflict"
    assert (await book.hold(job, 2, 20_000)).code == "key_conflict"
    assert (await book.hold(job, 1, 20_000, app=App.VIAIZER)).code == "key_conflict"
    assert await book.fingerprint() == before


async def test_the_whole_price_comes_from_the_first_wallet_that_covers_it(book: Book) -> None:
    await book.fund(1, 10_000, BATV)
    await book.fund(1, 15_000, CREDIT)
    order = (BATV, CREDIT)
    assert await book.hold(new_id(), 1, 8_000, app=App.VIAIZER, spend=order) == Held("ok", BATV)
    assert await book.hold(new_id(), 1, 8_000, app=App.VIAIZER, spend=order) == OK
    refused = await book.hold(new_id(), 1, 8_000, app=App.VIAIZER, spend=order)
    assert refused == Held("insufficient", None), "9,000 are free, but in no single wallet"


async def test_a_set_in_one_wallet_of_many_people(book: Book) -> None:
    jobs = [(new_id(), user, 10_000) for user in (3, 1, 2) for _ in range(4)]
    for user in (1, 2, 3):
        await book.fund(user, 45_000)
    assert set((await book.hold_all(jobs)).values()) == {OK}
    taken = await book.capture_all([(job, 5_000 + n) for n, (job, _, _) in enumerate(jobs)])
    assert [taken[job] for job, _, _ in jobs] == [("ok", 5_000 + n) for n in range(12)]
    for user in (1, 2, 3):
        lines = await book.lines(user)
        assert len(lines) == 5
        assert lines[-1][2] == (await book.wallet(user)).balance_units


async def test_a_set_that_does_not_fit_goes_as_far_as_it_can(book: Book) -> None:
    await book.fund(1, 25_000)
    await book.fund(1, 12_000, BATV)
    jobs = [(new_id(), 1, 10_000) for _ in range(5)]
    held = await book.hold_all(jobs, app=App.VIAIZER, spend=(BATV, CREDIT))
    assert sorted(str(found.currency) for found in held.values()) == [
        "BATV",
        "CREDIT",
        "CREDIT",
        "None",
        "None",
    ]


async def test_a_set_answers_each_row_by_its_own_state(book: Book) -> None:
    await book.fund(1, 100_000)
    jobs = [new_id() for _ in range(5)]
    await book.hold_all([(job, 1, 10_000) for job in jobs[:4]])
    await book.capture(jobs[1], 10_000)
    await book.release(jobs[2])
    taken = await book.capture_all(
        [*((job, 7_000) for job in jobs), (new_id(), -1), (jobs[3], 1)][:6]
    )
    assert [taken[job] for job in jobs] == [
        ("ok", 7_000),
        ("already_captured", 10_000),
        ("already_released", 0),
        ("ok", 7_000),
        ("no_hold", None),
    ]
    again = await book.hold_all([(job, 1, 10_000) for job in jobs])
    assert [again[job].code for job in jobs] == [
        "already_captured",
        "already_captured",
        "already_released",
        "already_captured",
        "ok",
    ]
    assert (await book.release_all(jobs))[jobs[4]] == ("ok", 10_000)


async def test_a_set_with_one_id_twice_holds_it_once(book: Book) -> None:
    await book.fund(1, 100_000)
    job = new_id()
    await book.hold_all([(job, 1, 10_000), (job, 1, 10_000), (new_id(), 1, 5_000)])
    assert (await book.wallet(1)).held_units == 15_000


async def test_a_bonus_is_spent_first_the_soonest_expiring_first(book: Book) -> None:
    await book.fund(1, 100_000)
    later, soon = now() + timedelta(days=9), now() + timedelta(days=1)
    await book.fund(1, 10_000, kind="bonus")
    await book.fund(1, 20_000, kind="bonus", expires_at=later)
    await book.fund(1, 30_000, kind="bonus", expires_at=soon)
    job = new_id()
    await book.hold(job, 1, 35_000)
    await book.capture(job, 35_000)
    assert await book.lots(1) == [0, 15_000, 10_000]
    assert (await book.wallet(1)).bonus_units == 25_000
    jobs = [new_id(), new_id()]
    await book.hold_all([(jobs[0], 1, 20_000), (jobs[1], 1, 20_000)])
    await book.capture_all([(jobs[0], 20_000), (jobs[1], 20_000)])
    assert await book.lots(1) == [0, 0, 0]
    assert (await book.wallet(1)).balance_units == 85_000


async def test_what_was_bought_shrinks_with_the_balance(book: Book) -> None:
    await book.fund(1, 20_000)
    await book.db.fetch("select ledger.purchase($1, 'c', 1, 10, 50000)", new_id())
    jobs = [new_id() for _ in range(3)]
    await book.hold_all([(job, 1, 15_000) for job in jobs])
    await book.capture(jobs[0], 15_000)
    assert (await book.wallet(1)).bought_units == 50_000
    await book.capture_all([(jobs[1], 15_000), (jobs[2], 15_000)])
    wallet = await book.wallet(1)
    assert wallet.bought_units == wallet.balance_units == 25_000


async def test_a_suspended_person_starts_nothing_new_but_running_work_ends(book: Book) -> None:
    await book.fund(1, 90_000)
    first, second = new_id(), new_id()
    await book.hold_all([(first, 1, 10_000), (second, 1, 10_000)])
    await book.db.fetchval("select ledger.set_status(1, 'suspended')")
    assert await book.hold(new_id(), 1, 1) == Held("suspended", None)
    assert await book.capture(first, 10_000) == ("ok", 10_000)
    assert await book.release(second) == ("ok", 10_000)
    await book.db.fetchval("select ledger.set_status(1, 'closed')")
    assert await book.hold(new_id(), 1, 1) == Held("closed", None)


async def test_spendable_is_what_active_wallets_of_the_order_own(book: Book) -> None:
    await book.fund(1, 10_000)
    await book.fund(1, 5_000, BATV)
    ask = "select ledger.spendable($1, $2::smallint[])"
    assert await book.db.fetchval(ask, 1, [2, 1]) == 15_000
    assert await book.db.fetchval(ask, 1, [1]) == 10_000
    assert await book.db.fetchval(ask, 2, [1]) == 0


async def test_captures_and_releases_of_jobs_are_hot_updates(dsn: str) -> None:
    """No index is touched: that is what keeps the hot path fast for ever."""
    async with open_book(dsn, size=1) as book:  # one connection, so its own statistics are all
        await book.db.execute("select pg_stat_reset()")  # what other tests did in this database
        await book.fund(1, 10_000_000)
        for _ in range(40):
            job = new_id()
            await book.hold(job, 1, 10)
            await book.capture(job, 5)
        await book.db.execute("select pg_stat_force_next_flush()")
        rows = await book.db.fetch(
            "select relname, n_tup_upd, n_tup_hot_upd from pg_stat_user_tables "
            "where schemaname = 'ledger' and relname in ('hold', 'account')"
        )
        changed = {row["relname"]: (row["n_tup_upd"], row["n_tup_hot_upd"]) for row in rows}
        assert changed["hold"][0] == changed["hold"][1] >= 40
        assert changed["account"][0] == changed["account"][1] >= 80
