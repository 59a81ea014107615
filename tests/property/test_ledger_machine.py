"""The ledger against a plain dict: every operation in any order, with lost replies and crashes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ops.base.clock import now
from schemas.ids import derive_id, new_id
from schemas.money import App, Currency
from storage import ledger as sql
from storage import ledger_money as money
from storage.ledger import Answer, Credit
from storage.pool import Connection, Database, Row
from tests.ledger_book import BATV, CREDIT, Book, LoneBook, open_line

RATES: Final = {(CREDIT, BATV): Decimal("0.7"), (BATV, CREDIT): Decimal("1.0")}
PURSES: Final = (CREDIT, BATV)
ORDERS: Final = ((CREDIT,), (BATV, CREDIT), (CREDIT, BATV))

PROOF: Final = """
select (select count(*) from ledger.transfer where owner = $1) as moves,
       (select array_agg(v::text) from ledger.violations_of($1) v) as broken
"""

T = TypeVar("T")
amounts = st.one_of(st.integers(1, 12), st.sampled_from([0, 1, 50, 10**12, 10**12 + 1]))
purses = st.sampled_from(PURSES)
fates = st.sampled_from(["once", "once", "reply lost", "crashed"])


@dataclass
class Purse:
    balance: int = 0
    held: int = 0
    bought: int = 0
    moves: int = 0
    lots: dict[tuple[datetime, UUID], int] = field(default_factory=dict)

    @property
    def bonus(self) -> int:
        return sum(self.lots.values())

    @property
    def movable(self) -> int:
        return self.balance - max(self.held, self.bonus)

    def post(self, units: int) -> None:
        self.balance += units
        self.moves += 1
        self.bought = min(self.bought, self.balance)

    def spend(self, units: int) -> None:
        rest = units
        for lot in sorted(self.lots):
            taken = min(rest, self.lots[lot])
            self.lots[lot] -= taken
            rest -= taken
        self.post(-units)


@dataclass
class Hold:
    purse: Currency
    units: int
    asked: tuple[int, App]
    state: str = "open"
    captured: int = 0
    refunded: int = 0


class Crash(Exception):
    """The process dies before the commit."""


class Doomed:
    """A database whose every call is undone."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def one(self, statement: str, *args: Any) -> Row:
        row: Row | None = None
        try:
            async with self._db.transaction() as transaction:
                row = await transaction.fetchrow(statement, *args)
                raise Crash
        except Crash:
            assert row is not None
            return row

    async def fetch(self, statement: str, *args: Any) -> list[Row]:
        return [await self.one(statement, *args)]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        with suppress(Crash):
            async with self._db.transaction() as transaction:
                yield transaction
                raise Crash


class Ledger(RuleBasedStateMachine):
    """One new person an example; the last step asks the proof about that person."""

    loop: asyncio.AbstractEventLoop
    book: Book
    people = 0

    holds = Bundle("holds")
    sales = Bundle("sales")

    def __init__(self) -> None:
        super().__init__()
        Ledger.people += 1
        self.person = Ledger.people
        self.purses: dict[Currency, Purse] = {}
        self.known: dict[UUID, Hold] = {}
        self.sold: dict[UUID, str] = {}
        self.steps = 0

    def run(self, work: Awaitable[T]) -> T:
        """On one loop for all steps: a runner minds signals around each, which a step cannot afford."""
        return self.loop.run_until_complete(work)

    def call(self, fate: str, ask: Callable[[Database], Awaitable[T]]) -> T:
        """Once; or crashed first, which must leave nothing; or with the reply lost and asked again."""
        if fate == "crashed":
            self.run(ask(cast("Database", Doomed(self.book.db))))
        answer = self.run(ask(self.book.db))
        if fate == "reply lost":
            again = self.run(ask(self.book.db))
            if isinstance(answer, Answer):
                assert isinstance(again, Answer)
                assert again.code == answer.code
                assert again.amount_units == answer.amount_units
        return answer

    def job(self, fate: str, ask: Callable[[Book], Awaitable[T]]) -> T:
        """What a job does to money; what it gets when it asks again are rules of their own."""
        if fate == "crashed":
            self.run(ask(LoneBook(cast("Database", Doomed(self.book.db)))))
        return self.run(ask(self.book))

    def purse(self, currency: Currency) -> Purse:
        return self.purses.setdefault(currency, Purse())

    def moment(self) -> datetime:
        """Later at every call, so that no two lots end at once."""
        self.steps += 1
        return now() + timedelta(days=1, seconds=self.steps)

    @rule(currency=purses, units=amounts, fate=fates)
    def credit(self, currency: Currency, units: int, fate: str) -> None:
        what = Credit(new_id(), self.person, currency, units, "grant")
        answer = self.call(fate, lambda db: sql.credit(db, what))
        assert answer.code == ("ok" if 1 <= units <= 10**12 else "bad_amount")
        if answer.code == "ok":
            self.purse(currency).post(units)

    @rule(currency=purses, units=st.integers(1, 12), fate=fates)
    def bonus(self, currency: Currency, units: int, fate: str) -> None:
        what = Credit(new_id(), self.person, currency, units, "bonus", self.moment())
        assert self.call(fate, lambda db: sql.credit(db, what)).code == "ok"
        assert what.expires_at is not None
        self.purse(currency).post(units)
        self.purse(currency).lots[what.expires_at, what.op] = units

    @rule(
        target=holds,
        units=amounts,
        order=st.sampled_from(ORDERS),
        app=st.sampled_from(list(App)),
        fate=fates,
    )
    def hold(self, units: int, order: tuple[Currency, ...], app: App, fate: str) -> UUID:
        job = new_id()
        held = self.job(fate, lambda book: book.hold(job, self.person, units, app=app, spend=order))
        able = [c for c in order if c in self.purses and self._free(c) >= units]
        if not 1 <= units <= 10**12:
            assert held.code == "bad_amount"
        elif able:
            assert held == ("ok", able[0])
            self.purses[able[0]].held += units
            self.known[job] = Hold(able[0], units, (units, app))
        else:
            assert held.code == ("insufficient" if self._any(order) else "no_account")
        return job

    @rule(job=holds, units=st.integers(1, 12), app=st.sampled_from(list(App)))
    def hold_again(self, job: UUID, units: int, app: App) -> None:
        hold = self.known.get(job)
        if hold is None:
            return
        held = self.run(self.book.hold(job, self.person, units, app=app))
        expected = "ok" if hold.state == "open" else f"already_{hold.state}"
        assert held.code == (expected if hold.asked == (units, app) else "key_conflict")

    @rule(job=holds, units=st.integers(0, 60), fate=fates)
    def capture(self, job: UUID, units: int, fate: str) -> None:
        code, captured = self.job(fate, lambda book: book.capture(job, units))
        hold = self.known.get(job)
        if hold is None or hold.state != "open":
            assert code == ("no_hold" if hold is None else f"already_{hold.state}")
            return
        assert (code, captured) == ("ok", min(units, hold.units))
        purse = self.purses[hold.purse]
        purse.held -= hold.units
        hold.captured = min(units, hold.units)
        hold.state = "captured" if hold.captured else "released"
        if hold.captured:
            purse.spend(hold.captured)

    @rule(job=holds, fate=fates)
    def release(self, job: UUID, fate: str) -> None:
        code, released = self.job(fate, lambda book: book.release(job))
        hold = self.known.get(job)
        if hold is None or hold.state != "open":
            assert code == ("no_hold" if hold is None else f"already_{hold.state}")
            return
        assert (code, released) == ("ok", hold.units)
        hold.state = "released"
        self.purses[hold.purse].held -= hold.units

    @rule(job=holds, units=st.one_of(st.none(), st.integers(0, 8)), fate=fates)
    def refund(self, job: UUID, units: int | None, fate: str) -> None:
        op = new_id()
        answer = self.call(
            fate, lambda db: money.refund(db, op, hold=job, units=units, note="r", actor="a")
        )
        hold = self.known.get(job)
        rest = 0 if hold is None else hold.captured - hold.refunded
        if units == 0:
            assert answer.code == "bad_amount"
        elif hold is None:
            assert answer.code == "no_hold"
        elif hold.state != "captured":
            assert answer.code == "not_captured"
        elif rest == 0 or (units or 0) > rest:
            assert answer.code == "exceeds_capture"
        else:
            assert (answer.code, answer.amount_units) == ("ok", units or rest)
            hold.refunded += units or rest
            self.purses[hold.purse].post(units or rest)

    @rule(
        source=purses, units=amounts, seen=st.sampled_from([None, None, Decimal("0.1")]), fate=fates
    )
    def convert(self, source: Currency, units: int, seen: Decimal | None, fate: str) -> None:
        target = BATV if source is CREDIT else CREDIT
        rate, op = RATES[source, target], new_id()
        answer = self.call(
            fate,
            lambda db: money.convert(
                db,
                op,
                user_id=self.person,
                source=source,
                target=target,
                units=units,
                rate=seen or rate,
            ),
        )
        given = int((units * rate).to_integral_value(rounding=ROUND_FLOOR))
        if not 1 <= units <= 10**12:
            assert answer.code == "bad_amount"
        elif source not in self.purses:
            assert answer.code == "no_account"
        elif seen is not None:
            assert answer.code == "rate_changed"
        elif given < 1:
            assert answer.code == "amount_too_small"
        elif self.purses[source].movable < units:
            assert answer.code == "insufficient"
        else:
            assert (answer.code, answer.amount_units) == ("ok", given)
            self.purses[source].post(-units)
            self.purse(target).post(given)

    @rule(target=sales, fate=fates)
    def buy(self, fate: str) -> UUID:
        op = new_id()
        answer = self.call(
            fate,
            lambda db: money.purchase(
                db, op, charge_id=str(op), user_id=self.person, stars=2, units=5
            ),
        )
        assert answer.code == "ok"
        self.purse(CREDIT).post(5)
        self.purse(CREDIT).bought += 5
        self.purse(Currency.XTR).moves += 2
        self.sold[op] = "paid"
        return op

    @rule(sale=sales, fate=fates)
    def return_stars(self, sale: UUID, fate: str) -> None:
        op, purse = new_id(), self.purses[CREDIT]
        answer = self.call(
            fate,
            lambda db: money.refund_purchase(db, op, purchase_op=sale, note="r", actor="a"),
        )
        if self.sold[sale] != "paid":
            assert answer.code == "exceeds_capture"
        elif min(purse.bought, purse.movable) < 5:
            assert answer.code == "insufficient"
        else:
            assert answer.code == "ok"
            bought = purse.bought - 5
            purse.post(-5)
            purse.bought = min(bought, purse.balance)
            self.purses[Currency.XTR].moves += 2
            self.sold[sale] = "refunding"

    @rule(sale=sales, kept=st.booleans(), fate=fates)
    def telegram_answers(self, sale: UUID, fate: str, *, kept: bool) -> None:
        if kept:
            assert self.run(money.confirm_refund(self.book.db, sale)) == (self.sold[sale] != "paid")
            self.sold[sale] = "refunded" if self.sold[sale] != "paid" else "paid"
            return
        op = new_id()
        answer = self.call(
            fate, lambda db: money.undo_refund(db, op, purchase_op=sale, note="r", actor="a")
        )
        assert answer.code == ("ok" if self.sold[sale] == "refunding" else "no_hold")
        if answer.code == "ok":
            self.purses[CREDIT].post(5)
            self.purses[CREDIT].bought += 5
            self.purses[Currency.XTR].moves += 2
            self.sold[sale] = "paid"

    @rule(currency=purses, units=st.sampled_from([-30, -3, 0, 2]), fate=fates)
    def adjust(self, currency: Currency, units: int, fate: str) -> None:
        op = new_id()
        answer = self.call(
            fate,
            lambda db: money.adjust(
                db,
                op,
                user_id=self.person,
                currency=currency,
                units=units,
                reason="r",
                actor="a",
            ),
        )
        if units == 0:
            assert answer.code == "bad_amount"
        elif units > 0:
            self.purse(currency).post(units)
        elif currency not in self.purses:
            assert answer.code == "no_account"
        elif self._free(currency) < -units:
            assert answer.code == "insufficient"
        else:
            assert answer.code == "ok"
            self.purses[currency].spend(-units)

    @rule(currency=purses)
    def time_passes(self, currency: Currency) -> None:
        """The soonest lot of a wallet comes to its end; as much of it stays as is held."""
        purse = self.purses.get(currency)
        left = sorted(lot for lot, rest in purse.lots.items() if rest) if purse else []
        if purse is None or not left:
            return
        (ends, op), rest = left[0], purse.lots[left[0]]
        past = ends - timedelta(days=1000)
        self.run(
            self.book.db.execute("update ledger.lot set expires_at = $2 where op = $1", op, past)
        )
        lapsed = max(0, rest - purse.held)
        while self.run(sql.lapse_next(self.book.db)) is not None:
            pass
        purse.lots[past, op] = purse.lots.pop((ends, op)) - lapsed
        if lapsed:
            purse.post(-lapsed)
        self.run(
            self.book.db.execute("update ledger.lot set expires_at = $2 where op = $1", op, ends)
        )
        purse.lots[ends, op] = purse.lots.pop((past, op))

    @invariant()
    def every_wallet_is_as_the_dict_says(self) -> None:
        rows = self.run(sql.wallets(self.book.db, self.person))
        found = {
            r.currency: (r.balance_units, r.held_units, r.bonus_units, r.bought_units) for r in rows
        }
        expected = {c: (p.balance, p.held, p.bonus, p.bought) for c, p in self.purses.items()}
        assert found == expected

    def teardown(self) -> None:
        counted, broken = self.run(self.book.db.one(PROOF, self.person))
        assert broken is None
        assert counted == sum(purse.moves for purse in self.purses.values())

    def _free(self, currency: Currency) -> int:
        purse = self.purses.get(currency, Purse())
        return purse.balance - purse.held

    def _any(self, order: tuple[Currency, ...]) -> bool:
        return any(currency in self.purses for currency in order)


@pytest.mark.timeout(3600)
def test_the_ledger_is_a_dict_that_survives(dsn: str, *, long_form: bool) -> None:
    examples = settings(
        max_examples=10_000 if long_form else 500,
        stateful_step_count=20,
        deadline=None,
        derandomize=not long_form,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    with asyncio.Runner() as runner:
        db = runner.run(open_line(dsn))
        Ledger.loop, Ledger.book = runner.get_loop(), LoneBook(db)
        for (source, target), rate in RATES.items():
            code = runner.run(money.set_rate(db, source, target, rate=rate, actor="test"))
            assert code == "ok"
        try:
            run_state_machine_as_test(Ledger, settings=examples)
            assert runner.run(Ledger.book.violations()) == []
        finally:
            runner.run(db.close())


def test_derived_ids_never_meet() -> None:
    assert (
        len({derive_id(user, grant) for user in range(500) for grant in ("ku", "signup")}) == 1000
    )
