"""Random calls on a few small wallets from many connections: what the ledger must survive.

The same seed makes the same jobs in every process, so two processes work on the same holds, as at a
delivery that comes twice. Balances are small, so that guards are met and not only passed.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from ops.base.clock import now
from schemas.errors import Unavailable
from schemas.ids import derive_id, new_id
from schemas.money import App, Currency
from storage import ledger as sql
from storage import ledger_money as money
from tests.ledger_book import BATV, CREDIT, Book

OWNERS = 4
RECENT = 40
ORDER = (BATV, CREDIT)

Told = Callable[[str, UUID, int], None]


@dataclass
class Trial:
    """`told` hears of every acknowledged capture; `complaints` collects what no call may do."""

    book: Book
    seed: int
    jobs: int
    told: Told
    complaints: list[str] = field(default_factory=list)
    calm: bool = True
    """False while stores are being killed: a lost connection is no complaint then."""

    def job(self, n: int) -> tuple[UUID, int, int]:
        """Id, owner and price of the n-th job: the same in every process."""
        job = derive_id(self.seed, n)
        return job, self.owner(job.int), job.int % 11 + 1

    def owner(self, n: int) -> int:
        """One of this seed's own people: what other trials left in their wallets proves nothing."""
        return self.seed * OWNERS + n % OWNERS + 1

    def partner_hold(self, n: int) -> tuple[UUID, int, int]:
        job, owner, units = self.job(n)
        return derive_id("partner", job), owner, units

    def position(self, step: int, steps: int) -> int:
        """The place in the row of jobs where everybody is now."""
        return step * self.jobs // steps

    async def run(self, steps: int, *, actors: int, salt: int = 0) -> None:
        """All actors to their end, or until somebody complains."""
        await asyncio.gather(
            *(
                Actor(self, random.Random(f"{self.seed}/{salt}/{n}")).play(steps)
                for n in range(actors)
            )
        )

    async def prepare(self) -> None:
        for owner in map(self.owner, range(OWNERS)):
            for currency in ORDER:
                await self.book.fund(owner, 9, currency, op=derive_id(self.seed, owner, currency))


class Actor:
    def __init__(self, trial: Trial, dice: random.Random) -> None:
        self.trial = trial
        self.book = trial.book
        self.dice = dice
        self.position = 0
        self.steps: list[tuple[Callable[[], Coroutine[Any, Any, object]], int]] = [
            (self.hold, 6),
            (self.hold_set, 3),
            (self.capture, 5),
            (self.capture_set, 2),
            (self.release, 2),
            (self.release_set, 1),
            (self.partner, 3),
            (self.fund, 2),
            (self.bonus, 4),
            (self.lapse, 4),
            (self.expire, 2),
            (self.convert_twice, 2),
            (self.stars, 4),
            (self.refund, 4),
            (self.adjust, 2),
        ]

    async def play(self, steps: int) -> None:
        calls, weights = zip(*self.steps, strict=True)
        for step in range(steps):
            if self.trial.complaints:
                return
            self.position = self.trial.position(step, steps)
            call = self.dice.choices(calls, weights)[0]
            try:
                await call()
            except (asyncpg.PostgresError, Unavailable) as error:
                lost = isinstance(error, Unavailable) and "Deadlock" not in str(error)
                if self.trial.calm or not lost:
                    self.trial.complaints.append(f"{call.__name__}: {error!r} {error}")

    def some(self, count: int) -> list[tuple[UUID, int, int]]:
        """Different jobs around the place that everybody has reached."""
        near = range(self.position, self.position + RECENT)
        return [self.trial.job(n) for n in self.dice.sample(near, count)]

    async def hold(self) -> None:
        job, owner, units = self.some(1)[0]
        await self.book.hold(job, owner, units, spend=ORDER)

    async def hold_set(self) -> None:
        await self.book.hold_all(self.some(self.dice.randint(2, 8)), spend=ORDER)

    async def capture(self) -> None:
        job, _, units = self.some(1)[0]
        self._tell(job, *await self.book.capture(job, self.dice.randint(0, units + 2)))

    async def capture_set(self) -> None:
        wanted = [(job, self.dice.randint(0, units + 2)) for job, _, units in self.some(5)]
        for job, answer in (await self.book.capture_all(wanted)).items():
            self._tell(job, *answer)

    async def release(self) -> None:
        await self.book.release(self.some(1)[0][0])

    async def release_set(self) -> None:
        await self.book.release_all([job for job, _, _ in self.some(3)])

    async def partner(self) -> None:
        hold, owner, units = self.trial.partner_hold(self.position + self.dice.randrange(RECENT))
        db = self.book.db
        match self.dice.randrange(4):
            case 0 | 1:
                await sql.reserve(
                    db,
                    hold,
                    user_id=owner,
                    app=App.PENORA,
                    units=units,
                    spend_order=ORDER,
                    ttl_s=self.dice.choice((0.01, 60.0)),
                )
            case 2:
                amount = self.dice.choice((None, units, 1))
                await sql.capture(db, hold, app=App.PENORA, units=amount)
            case _:
                await sql.release(db, hold, app=App.PENORA)

    async def fund(self) -> None:
        await self.book.fund(self._owner(), self.dice.randint(1, 9), self.dice.choice(ORDER))

    async def bonus(self) -> None:
        until = now() + timedelta(milliseconds=self.dice.choice((1, 20, 100, 1_000)))
        currency = self.dice.choice(ORDER)
        await self.book.fund(
            self._owner(), self.dice.randint(1, 9), currency, kind="bonus", expires_at=until
        )

    async def lapse(self) -> None:
        """Often with nothing free beside it: what lapses now was held."""
        job, owner, currency = new_id(), self._owner(), self.dice.choice(ORDER)
        wallet = await self.book.wallet(owner, currency)
        free = wallet.balance_units - wallet.held_units
        if free > 0 and self.dice.random() < 0.5:
            await self.book.hold(job, owner, free, spend=(currency,))
        await sql.lapse_next(self.book.db)
        await self.book.release(job)

    async def expire(self) -> None:
        await sql.expire_next(self.book.db)

    async def convert_twice(self) -> None:
        """The same order on two connections at once, and its opposite."""
        owner, op, units = self._owner(), new_id(), self.dice.randint(1, 5)

        def leg(op: UUID, source: Currency, target: Currency) -> Coroutine[Any, Any, object]:
            return money.convert(
                self.book.db,
                op,
                user_id=owner,
                source=source,
                target=target,
                units=units,
                rate=Decimal(1),
            )

        legs = (leg(op, CREDIT, BATV), leg(op, CREDIT, BATV), leg(new_id(), BATV, CREDIT))
        answers = await asyncio.gather(*legs, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer  # all three have ended: nobody is left behind who still writes

    async def stars(self) -> None:
        charge = f"{self.trial.seed}-{self.dice.randrange(6)}"
        purchase = derive_id("stars", charge)
        owner = self.trial.owner(purchase.int)
        db = self.book.db
        match self.dice.randrange(5):
            case 0 | 1:
                await money.purchase(
                    db, purchase, charge_id=charge, user_id=owner, stars=3, units=5
                )
            case 2 | 3:
                await self._spend_what_was_bought(owner)
                await money.refund_purchase(db, new_id(), purchase_op=purchase, note="r", actor="a")
            case _:
                await money.undo_refund(db, new_id(), purchase_op=purchase, note="r", actor="a")

    async def _spend_what_was_bought(self, owner: int) -> None:
        """Sometimes: then other money takes its place, which must not go to Stars."""
        wallet = await self.book.wallet(owner)
        free = wallet.balance_units - wallet.held_units
        if free > 0 and self.dice.random() < 0.5:
            await self._adjust(owner, -free)
            await self.book.fund(owner, 6, CREDIT)

    async def refund(self) -> None:
        job, _, units = self.some(1)[0]
        amount = self.dice.choice((None, 1, units))
        await money.refund(self.book.db, new_id(), hold=job, units=amount, note="r", actor="a")

    async def adjust(self) -> None:
        await self._adjust(self._owner(), self.dice.choice((-9, -5, -2, 2)))

    async def _adjust(self, owner: int, units: int) -> None:
        await money.adjust(
            self.book.db,
            new_id(),
            user_id=owner,
            currency=CREDIT,
            units=units,
            reason="r",
            actor="a",
        )

    def _owner(self) -> int:
        return self.trial.owner(self.dice.randrange(OWNERS))

    def _tell(self, job: UUID, code: str, captured: int | None) -> None:
        if code == "ok" and captured:
            self.trial.told("captured", job, captured)
