"""Plans and what they allow, as SQL sees them: subscriptions, daily counters, the usage log.

`terms` is what every plan allows, from data: the functions apply it in the transaction that changes
the plan. Wakes are the stream entries to add after the commit, for jobs a larger cap has let in.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from schemas.money import App
from storage.jobs import Wake
from storage.pool import Database, Row

Terms = Mapping[str, Mapping[str, Any]]

_SUBSCRIBE: Final = """
select code, replayed, to_json(wakes)::text as wakes
  from ledger.subscribe($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)
"""
_SUBSCRIPTION: Final = """
select plan, state::text, started_at, ends_at, auto_renew, price_stars, next_plan, next_days, charge_id
  from ledger.subscription where owner = $1
"""
_GIVEN: Final = "select ledger.given_plan($1)"
_SET_AUTO_RENEW: Final = "select ledger.set_auto_renew($1, $2)"
_EXPIRE_PLAN: Final = """
select owner, plan, to_json(wakes)::text as wakes from ledger.expire_plan_next($1, $2::text::jsonb)
"""
_SET_PLAN: Final = """
select code, to_json(wakes)::text as wakes from ledger.set_plan($1, $2, $3::text::jsonb)
"""
_DAY: Final = """
select a.plan, a.time_zone, m.day, m.used, (clock_timestamp() at time zone 'UTC')::date as today
  from app.user_account a join work.member m on m.user_id = a.id where a.id = $1
"""
_USAGE: Final = """
select job_id, app, kind, model, provider, tokens, units, captured, success, code, at
  from work.usage
 where user_id = $1 and ($2::smallint is null or app = $2) and at >= $3 and at < $4
   and ($5::timestamptz is null or (at, job_id) < ($5, $6))
 order by at desc, job_id desc limit $7
"""


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """`state`: active, cancelled (runs to its end), expired. `next_plan` begins at the end of this one."""

    plan: str
    state: str
    started_at: datetime
    ends_at: datetime
    auto_renew: bool
    price_stars: int
    next_plan: str | None
    next_days: int
    charge_id: str


@dataclass(frozen=True, slots=True)
class DayCounter:
    """Requests counted on `day` by app number, 1 first; `today` is the current UTC day."""

    plan: str
    time_zone: str
    day: date
    used: tuple[int, ...]
    today: date


@dataclass(frozen=True, slots=True)
class UsageRow:
    job_id: UUID
    app: App
    kind: str
    model: str
    provider: str
    tokens: int
    units: int
    captured_units: int
    success: bool
    code: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Payment:
    """Stars for `days` of a plan. `op` is derived from the charge, which is the payment's identity."""

    op: UUID
    charge_id: str
    user_id: int
    stars: int
    plan: str
    auto_renew: bool
    days: int


@dataclass(frozen=True, slots=True)
class PlanChange:
    """`code`: ok, bad_amount, unknown_plan, no_account, closed, plan_given, key_conflict."""

    code: str
    replayed: bool
    wakes: tuple[Wake, ...]


async def subscribe(db: Database, payment: Payment, *, terms: Terms) -> PlanChange:
    """See the SQL function for what begins when."""
    p = payment
    facts = (p.op, p.charge_id, p.user_id, p.stars, p.plan, p.auto_renew, p.days)
    row = await db.one(_SUBSCRIBE, *facts, json.dumps(terms))
    return PlanChange(row["code"], row["replayed"], _wakes(row))


async def subscription(db: Database, user_id: int) -> SubscriptionRow | None:
    row = await db.fetchrow(_SUBSCRIPTION, user_id)
    return None if row is None else SubscriptionRow(*row.values())


async def given_plan(db: Database, user_id: int) -> str | None:
    """None: there is no such person."""
    plan: str | None = await db.fetchval(_GIVEN, user_id)
    return plan


async def set_auto_renew(db: Database, user_id: int, *, auto_renew: bool) -> bool:
    """False: there is no running plan."""
    found: bool = await db.fetchval(_SET_AUTO_RENEW, user_id, auto_renew)
    return found


async def expire_plan_next(
    db: Database, *, grace_s: float, terms: Terms
) -> tuple[int, str, tuple[Wake, ...]] | None:
    """Ends one plan whose time is over: its user, the plan that follows, wakes. None: nothing is due."""
    row = await db.one(_EXPIRE_PLAN, grace_s, json.dumps(terms))
    return None if row["owner"] is None else (row["owner"], row["plan"], _wakes(row))


async def set_plan(db: Database, user_id: int, *, plan: str, terms: Terms) -> PlanChange:
    """An operator's gift, without an end. Codes: ok, unknown_plan, no_account."""
    row = await db.one(_SET_PLAN, user_id, plan, json.dumps(terms))
    return PlanChange(row["code"], replayed=False, wakes=_wakes(row))


async def day_counter(db: Database, user_id: int) -> DayCounter | None:
    row = await db.fetchrow(_DAY, user_id)
    if row is None:
        return None
    return DayCounter(row["plan"], row["time_zone"], row["day"], tuple(row["used"]), row["today"])


async def usage(
    db: Database,
    user_id: int,
    *,
    app: App | None,
    since: datetime,
    until: datetime,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[UsageRow]:
    """Newest first; `after` is (at, job_id) of the last row seen."""
    at, job_id = after or (None, None)
    number = None if app is None else app.number
    rows = await db.fetch(_USAGE, user_id, number, since, until, at, job_id, limit)
    return [
        UsageRow(row["job_id"], App.from_number(row["app"]), *list(row.values())[2:])
        for row in rows
    ]


def _wakes(row: Row) -> tuple[Wake, ...]:
    found = json.loads(row["wakes"]) if row["wakes"] else []
    return tuple(Wake(UUID(w["job"]), w["stream"], w["kind"], w["trace"]) for w in found or [])
