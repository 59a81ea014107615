"""Holds that partner apps take over HTTP, with a clock: reserve, capture, release, extend.

Holds of jobs are not here: those are made and ended inside the job functions.
"""

from datetime import datetime
from uuid import UUID

from ledger.answers import again, done
from schemas.errors import InvalidInput, refusal
from schemas.money import App
from schemas.plans import Plans, plans
from storage import ledger as sql
from storage.ledger import Answer
from storage.pool import Database

TTL_MAX_S = 7 * 24 * 3600.0


class Holds:
    """The caller makes the id of a hold, and every call may be repeated with it for ever."""

    def __init__(self, db: Database, facts: Plans | None = None) -> None:
        self._db = db
        self._facts = facts or plans()

    async def reserve(
        self, hold: UUID, *, user_id: int, app: App, units: int, ttl_s: float
    ) -> Answer:
        """The whole amount from the first wallet of the app's spend order that covers it.

        Raises Insufficient, NotAllowed `suspended`, `closed`, Missing `no_account`, Conflict
        `key_conflict`, `already_*`, InvalidInput `bad_amount`, `invalid_input`.
        """
        _check_ttl(ttl_s)
        answer = await again(
            lambda: sql.reserve(
                self._db,
                hold,
                user_id=user_id,
                app=app,
                units=units,
                spend_order=self._facts.app(app).spend_order,
                ttl_s=ttl_s,
            )
        )
        return done(answer)

    async def capture(self, hold: UUID, *, app: App, units: int | None = None) -> Answer:
        """Take up to the reservation, all of it without `units`; the rest is free again.

        Raises Missing `no_hold`, Conflict `exceeds_hold`, `key_conflict`, `already_released`,
        `already_expired`, InvalidInput `bad_amount`.
        """
        return done(await again(lambda: sql.capture(self._db, hold, app=app, units=units)))

    async def release(self, hold: UUID, *, app: App) -> Answer:
        """Raises Missing `no_hold`, Conflict `already_captured`: a charge is undone by a refund."""
        return done(await again(lambda: sql.release(self._db, hold, app=app)))

    async def extend(self, hold: UUID, *, app: App, ttl_s: float) -> datetime:
        """The new end. Raises Missing `no_hold`, Conflict `already_*`, InvalidInput."""
        _check_ttl(ttl_s)
        code, until = await again(lambda: sql.extend(self._db, hold, app=app, ttl_s=ttl_s))
        if until is None:
            raise refusal(code)
        return until

    async def spend(self, hold: UUID, *, user_id: int, app: App, units: int) -> Answer:
        """Reserve and capture in one step, for callers that do no work in between."""
        answer = await again(
            lambda: sql.spend(
                self._db,
                hold,
                user_id=user_id,
                app=app,
                units=units,
                spend_order=self._facts.app(app).spend_order,
            )
        )
        return done(answer)


def _check_ttl(ttl_s: float) -> None:
    if not 1 <= ttl_s <= TTL_MAX_S:
        raise InvalidInput("invalid_input", problem=f"ttl_s must be between 1 and {TTL_MAX_S:.0f}")
