"""On which plan a job was accepted: what its aliases stand for depends on it, as its quote did."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from schemas.errors import Missing
from schemas.jobs import Priority, stream_priority
from schemas.plans import PlanName, plans
from storage.users import Users


@dataclass(frozen=True, slots=True)
class Standing:
    """The stream of a job was chosen by its owner's plan, and so it tells the plan without a question.
    Jobs that run alone have left theirs: for those, the plan of today.
    """

    users: Users

    async def of(self, *, stream: int, user_id: int) -> PlanName | None:
        """None for a person who is gone. Raises Unavailable."""
        plan = _plans_by_priority().get(stream_priority(stream))
        if plan is not None:
            return plan
        try:
            return await self.users.plan(user_id)
        except Missing:
            return None


@cache
def _plans_by_priority() -> Mapping[Priority, PlanName]:
    return {plan.stream_priority: name for name, plan in plans().plans.items()}
