"""Plans of a person: bought with Stars for 30 days at a time, prolonged, changed, ended.

The same plan again prolongs it. A larger one begins at once, and unused days of the smaller one
become days of the larger one by their prices. A smaller one begins when the larger one ends. A plan
that renews itself gets a day of grace, because its payment may be on the way.

A plan that an operator gave has no end. What it includes is not sold; a larger one that is bought
begins at once, and the given one is back when that ends.
"""

from typing import Any, Final

from ledger.answers import again
from schemas.errors import InvalidInput, Missing, refusal
from schemas.ids import derive_id
from schemas.plans import SUBSCRIPTION_DAYS, PlanName, Plans, plans
from storage import ledger_plans as sql
from storage.jobs import Wake
from storage.ledger_plans import Payment, SubscriptionRow
from storage.pool import Database

GRACE_S: Final = 24 * 3600.0


class Subscriptions:
    """Methods that change a plan answer the wake-ups to send for jobs that a larger cap let in."""

    def __init__(self, db: Database, facts: Plans | None = None) -> None:
        self._db = db
        self._facts = facts or plans()
        self._terms = terms(self._facts)

    async def current(self, user_id: int) -> SubscriptionRow | None:
        """The newest subscription, an expired one too; None for somebody who never had one."""
        return await again(lambda: sql.subscription(self._db, user_id))

    async def given(self, user_id: int) -> PlanName:
        """What an operator gave; FREE for nothing."""
        plan = await again(lambda: sql.given_plan(self._db, user_id))
        return PlanName(plan or PlanName.FREE)

    async def pay(
        self,
        charge_id: str,
        *,
        user_id: int,
        plan: PlanName,
        stars: int,
        auto_renew: bool = True,
    ) -> tuple[Wake, ...]:
        """A payment, first or renewing, keyed by its charge.

        Raises InvalidInput `unknown_plan` (FREE is not sold), Missing `no_account`, NotAllowed
        `closed`, Conflict `plan_given` (it would be paid for nothing) or `key_conflict`.
        """
        op = derive_id("stars", charge_id)
        payment = Payment(op, charge_id, user_id, stars, plan.value, auto_renew, SUBSCRIPTION_DAYS)
        change = await again(lambda: sql.subscribe(self._db, payment, terms=self._terms))
        return _wakes(change, plan=plan.value)

    async def set_auto_renew(self, user_id: int, *, auto_renew: bool) -> None:
        """Stop or resume the renewal; the plan runs to its end either way. Raises Missing."""
        if not await again(lambda: sql.set_auto_renew(self._db, user_id, auto_renew=auto_renew)):
            raise Missing("not_found")

    async def give(self, user_id: int, plan: PlanName) -> tuple[Wake, ...]:
        """A plan from an operator, without money and without an end; FREE takes one away."""
        change = await again(
            lambda: sql.set_plan(self._db, user_id, plan=plan.value, terms=self._terms)
        )
        return _wakes(change, plan=plan.value)

    async def expire_next(self) -> tuple[int, PlanName, tuple[Wake, ...]] | None:
        """End one plan whose time is over: its user, what follows, wakes. None: nothing is due."""
        ended = await again(
            lambda: sql.expire_plan_next(self._db, grace_s=GRACE_S, terms=self._terms)
        )
        return None if ended is None else (ended[0], PlanName(ended[1]), ended[2])


def terms(facts: Plans) -> dict[str, dict[str, Any]]:
    """What each plan allows, as the SQL functions take it."""
    return {
        name.value: {
            "caps": list(plan.caps),
            "storage_bytes": plan.storage_bytes,
            "rank": name.rank,
            "price_stars": plan.price_stars,
        }
        for name, plan in facts.plans.items()
    }


def _wakes(change: sql.PlanChange, *, plan: str) -> tuple[Wake, ...]:
    if change.code == "unknown_plan":
        raise InvalidInput("unknown_plan", plan=plan)
    if change.code != "ok":
        raise refusal(change.code)
    return change.wakes
