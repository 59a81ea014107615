"""Wallets of a person and the grants that fill them. Every grant is given once, however often asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from ledger.answers import again, done
from schemas.errors import Missing, NotAllowed
from schemas.ids import derive_id
from schemas.money import App, Currency
from schemas.plans import Grant, Plans, plans
from storage import ledger as sql
from storage.ledger import Answer, Credit, CreditKind, Status
from storage.pool import Database

EXISTING_USERS_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Wallet:
    """Units of one currency. `held` and `bonus` are parts of `balance`.

    `bought` is what may go back to Stars at most; `available` is free for the next job.
    """

    currency: Currency
    status: Status
    balance_units: int
    held_units: int
    bonus_units: int
    bought_units: int

    @property
    def available_units(self) -> int:
        return self.balance_units - self.held_units


class Wallets:
    def __init__(self, db: Database, facts: Plans | None = None) -> None:
        self._db = db
        self._facts = facts or plans()

    async def balances(self, user_id: int) -> list[Wallet]:
        """All wallets that exist, CREDIT first. Empty for somebody the ledger has not met."""
        rows = await again(lambda: sql.wallets(self._db, user_id))
        return [
            Wallet(
                r.currency, r.status, r.balance_units, r.held_units, r.bonus_units, r.bought_units
            )
            for r in rows
        ]

    async def available_units(self, user_id: int, app: App) -> int:
        """What the largest single wallet of the app's spend order could pay now."""
        order = self._facts.app(app).spend_order
        free = [w.available_units for w in await self.balances(user_id) if w.currency in order]
        return max(free, default=0)

    async def signup(self, user_id: int) -> list[Answer]:
        """The sign-up grants."""
        return await self._grant(user_id, self._facts.grants.signup, note="sign-up")

    async def first_use(self, user_id: int, app: App) -> list[Answer]:
        """What the first use of an app brings; nothing for apps without such a grant."""
        grants = self._facts.grants.first_use.get(app, ())
        return await self._grant(user_id, grants, note=f"first use of {app}")

    async def thank_existing_users(
        self,
        user_ids: Sequence[int],
        *,
        reason: str = "thanks for being here",
        actor: str = "system",
    ) -> int:
        """The one-time bonus for people who were here before, a batch a transaction.

        May be stopped and run again over the same ids: nobody gets it twice, nor who got it at
        sign-up. Answers how many were given now.
        """
        given = 0
        for start in range(0, len(user_ids), EXISTING_USERS_BATCH):
            batch = user_ids[start : start + EXISTING_USERS_BATCH]
            credits_ = [
                _credit(user_id, grant)
                for user_id in batch
                for grant in self._facts.grants.existing_users
            ]
            answers = await again(partial(self._credit_all, credits_, reason, actor))
            given += sum(answer.code == "ok" and not answer.replayed for answer in answers)
        return given

    async def credit(
        self,
        op: UUID,
        *,
        user_id: int,
        currency: Currency,
        units: int,
        kind: CreditKind,
        expires_at: datetime | None = None,
        note: str | None = None,
        actor: str | None = None,
    ) -> Answer:
        """One grant, bonus (always a lot of its own) or imported balance, given by `actor`.

        Raises InvalidInput `bad_amount`, `unknown_currency`, `overflow`; NotAllowed `closed`;
        Conflict `key_conflict`.
        """
        what = Credit(op, user_id, currency, units, kind, expires_at)
        return done(await again(lambda: sql.credit(self._db, what, note=note, actor=actor)))

    async def set_status(self, user_id: int, status: Status) -> None:
        """Suspend, close or reopen a person: no new job of any price, no spending. What runs may end.

        Raises Missing `no_account`; NotAllowed `closed`: being erased, or erased.
        """
        code = await again(lambda: sql.set_status(self._db, user_id, status))
        if code == "closed":
            raise NotAllowed(code)
        if code != "ok":
            raise Missing(code)

    async def _grant(self, user_id: int, grants: Sequence[Grant], *, note: str) -> list[Answer]:
        credits_ = [_credit(user_id, grant) for grant in grants]
        return [done(answer) for answer in await again(partial(self._credit_all, credits_, note))]

    async def _credit_all(
        self, credits_: Sequence[Credit], note: str, actor: str = "system"
    ) -> list[Answer]:
        return await sql.credit_all(self._db, credits_, note=note, actor=actor)


def grant_op(user_id: int, grant: Grant) -> UUID:
    """The id of a grant: the same for the same person and grant, wherever it is given."""
    return derive_id(user_id, grant.id)


def _credit(user_id: int, grant: Grant) -> Credit:
    return Credit(grant_op(user_id, grant), user_id, grant.currency, grant.units, grant.kind)
