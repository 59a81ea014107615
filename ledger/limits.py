"""What is left of today's requests, and what was used. Counted by the job functions, only read here."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.answers import again
from schemas.errors import Missing
from schemas.money import App
from schemas.plans import UNLIMITED, PlanName, Plans, plans
from storage import ledger_plans as sql
from storage.ledger_plans import UsageRow
from storage.pool import Database

PAGE_MAX = 200


@dataclass(frozen=True, slots=True)
class UsageLimit:
    """Requests of one app on one UTC day; -1 is unlimited. `resets_at` is in the person's own zone."""

    plan: PlanName
    used: int
    limit: int
    remaining: int
    resets_at: datetime


class Limits:
    def __init__(self, db: Database, facts: Plans | None = None) -> None:
        self._db = db
        self._facts = facts or plans()

    async def usage_limit(self, user_id: int, app: App) -> UsageLimit:
        """A look, not a reservation: the count is taken at submit. Raises Missing `no_account`."""
        counter = await again(lambda: sql.day_counter(self._db, user_id))
        if counter is None:
            raise Missing("no_account")
        plan = PlanName(counter.plan)
        limit = self._facts.plans[plan].daily_limits[app]
        used = counter.used[app.number - 1] if counter.day == counter.today else 0
        remaining = UNLIMITED if limit == UNLIMITED else max(0, limit - used)
        midnight = datetime.combine(counter.today + timedelta(days=1), time(), UTC)
        return UsageLimit(
            plan, used, limit, remaining, midnight.astimezone(_zone(counter.time_zone))
        )

    async def usage(
        self,
        user_id: int,
        *,
        app: App | None = None,
        since: datetime,
        until: datetime,
        after: tuple[datetime, UUID] | None = None,
        limit: int = 50,
    ) -> list[UsageRow]:
        """What each job used, newest first; `after` is (at, job_id) of the last row seen."""
        return await again(
            lambda: sql.usage(
                self._db,
                user_id,
                app=app,
                since=since,
                until=until,
                after=after,
                limit=min(limit, PAGE_MAX),
            )
        )


def _zone(name: str) -> ZoneInfo:
    """A zone this machine does not know is shown as UTC."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
