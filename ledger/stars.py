"""Credits for Telegram Stars, and their way back.

The charge id of a payment is its identity: an old invoice that is paid again is a second purchase,
one payment that is reported twice is one purchase.
"""

from uuid import UUID

from ledger.answers import again, done
from schemas.ids import derive_id
from schemas.prices import Package, price_book
from storage import ledger_money as sql
from storage.ledger import Answer
from storage.ledger_money import Sale
from storage.pool import Database

OUTBOX_BATCH = 50


def purchase_op(charge_id: str) -> UUID:
    return derive_id("stars", charge_id)


class Stars:
    """A refund has two halves: the credits are taken here first, then a sender returns the Stars.

    The sender walks `to_return`, calls Telegram, and says `returned` (also when Telegram answers that
    it had returned them before) or, after a definitive refusal only, `not_returned`. Killed between
    the two: the purchase stays `refunding` and the sender finds it again.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def buy(self, charge_id: str, *, user_id: int, package: Package) -> Answer:
        """Raises NotAllowed `closed`, Conflict `key_conflict`, InvalidInput `overflow`."""
        return await self.buy_units(
            charge_id, user_id=user_id, stars=package.stars, units=package.units
        )

    async def buy_units(self, charge_id: str, *, user_id: int, stars: int, units: int) -> Answer:
        """Three linked legs, keyed by the charge."""
        op = purchase_op(charge_id)
        answer = await again(
            lambda: sql.purchase(
                self._db, op, charge_id=charge_id, user_id=user_id, stars=stars, units=units
            )
        )
        return done(answer)

    async def refund(self, charge_id: str, *, reason: str, actor: str) -> Answer:
        """Take the credits of a purchase back; its Stars follow through the outbox.

        Raises Insufficient when they are not all there, unspent, neither held nor bonus; Missing
        `no_hold` for an unknown charge; Conflict `exceeds_capture` when they were returned before.
        """
        purchase = purchase_op(charge_id)
        found = await again(lambda: sql.sale(self._db, purchase))
        round_ = "first" if found is None else found.changed_at.isoformat()
        op = derive_id("stars refund", charge_id, round_)
        answer = await again(
            lambda: sql.refund_purchase(
                self._db, op, purchase_op=purchase, note=reason, actor=actor
            )
        )
        return done(answer)

    async def to_return(self) -> list[Sale]:
        """Purchases whose Stars are on their way back, oldest first."""
        return await again(lambda: sql.refunding(self._db, limit=OUTBOX_BATCH))

    async def returned(self, charge_id: str) -> bool:
        return await again(lambda: sql.confirm_refund(self._db, purchase_op(charge_id)))

    async def not_returned(self, sale: Sale, *, reason: str) -> Answer:
        """Telegram refuses for good: the credits come back."""
        op = derive_id("stars refund undone", sale.charge_id, sale.changed_at.isoformat())
        answer = await again(
            lambda: sql.undo_refund(
                self._db, op, purchase_op=sale.op, note=reason, actor="telegram"
            )
        )
        return done(answer)

    @staticmethod
    def package(name: str) -> Package:
        """Raises InvalidInput `unknown_package`."""
        return price_book().package(name)
