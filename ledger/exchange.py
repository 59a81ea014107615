"""Conversion between CREDIT, BATV and BATT, at the rate the person was shown."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import partial
from uuid import UUID

from ledger.answers import again, done
from schemas.errors import Conflict, refusal
from schemas.money import Currency
from storage import ledger_money as sql
from storage.ledger import Answer
from storage.ledger_money import Rate
from storage.pool import Database


@dataclass(frozen=True, slots=True)
class Offer:
    """What a conversion would give now; `rate` goes back with the order and must still hold."""

    source: Currency
    target: Currency
    units: int
    rate: Decimal
    given_units: int


class Exchange:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def rates(self) -> list[Rate]:
        """The rate in force of every pair."""
        return await again(lambda: sql.rates(self._db))

    async def offer(self, source: Currency, target: Currency, *, units: int) -> Offer:
        """Raises Conflict `no_rate`."""
        rate = await again(lambda: sql.newest_rate(self._db, source, target))
        if rate is None:
            raise Conflict("no_rate")
        given = (units * rate).to_integral_value(rounding=ROUND_FLOOR)
        return Offer(source, target, units, rate, int(given))

    async def convert(self, op: UUID, *, user_id: int, offer: Offer) -> Answer:
        """Both legs or nothing; the remainder below one unit stays with the house.

        The answer's amount is what was given. Raises Insufficient (a bonus or held part cannot be
        converted), Conflict `rate_changed` (with the new rate), `no_rate`, `key_conflict`,
        InvalidInput `amount_too_small`, `bad_amount`, `overflow`, NotAllowed, Missing.
        """
        answer = await again(
            lambda: sql.convert(
                self._db,
                op,
                user_id=user_id,
                source=offer.source,
                target=offer.target,
                units=offer.units,
                rate=offer.rate,
            )
        )
        if answer.code == "rate_changed":
            rate = await again(lambda: sql.newest_rate(self._db, offer.source, offer.target))
            return done(answer, rate=rate)
        return done(answer)

    async def set_rate(
        self,
        source: Currency,
        target: Currency,
        *,
        rate: Decimal,
        actor: str,
        reason: str | None = None,
        op: UUID | None = None,
    ) -> None:
        """A new row; the newest counts. `op` makes it happen once.

        Raises Conflict `rate_pump` when a way round would pay, `key_conflict`; InvalidInput.
        """
        set_it = partial(sql.set_rate, self._db, source, target, rate=rate)
        code = await again(lambda: set_it(actor=actor, reason=reason, op=op))
        if code != "ok":
            raise refusal(code)
