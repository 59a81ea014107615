"""Money put right by a person: a job's charge returned, a balance corrected. History is never rewritten."""

from uuid import UUID

from ledger.answers import again, done
from schemas.money import Currency
from storage import ledger_money as sql
from storage.ledger import Answer
from storage.pool import Database


class Corrections:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def refund_job(
        self, op: UUID, *, job_id: UUID, units: int | None = None, reason: str, actor: str
    ) -> Answer:
        """Return a captured charge in part, or all that is left of it, as ordinary credits.

        Raises Missing `no_hold`, Conflict `not_captured`, `exceeds_capture`, `key_conflict`,
        InvalidInput `bad_amount`, NotAllowed `closed`.
        """
        answer = await again(
            lambda: sql.refund(self._db, op, hold=job_id, units=units, note=reason, actor=actor)
        )
        return done(answer)

    async def adjust(
        self,
        op: UUID,
        *,
        user_id: int,
        currency: Currency,
        units: int,
        reason: str,
        actor: str,
    ) -> Answer:
        """Correct a balance up or down; down never takes what is held.

        Raises Insufficient, InvalidInput `bad_amount`, `unknown_currency`, `overflow`, Missing
        `no_account`, NotAllowed `closed`, Conflict `key_conflict`.
        """
        answer = await again(
            lambda: sql.adjust(
                self._db,
                op,
                user_id=user_id,
                currency=currency,
                units=units,
                reason=reason,
                actor=actor,
            )
        )
        return done(answer)
