"""Orders behind invoices, and every payment that was reported: credited, or parked for a person.

An order freezes what is sold at which price. A report of a payment is one row for each different
wording, so the same one may come any number of times. Moving the credits is the ledger's part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from schemas.errors import Missing
from schemas.ids import derive_id, new_id
from schemas.money import App
from storage.pool import Database, Row

OrderKind = Literal["package", "plan"]
Source = Literal["update", "list"]

_OPEN: Final = """
insert into app.star_order (id, user_id, bot_id, app, kind, name, stars, units)
values ($1, $2, $3, $4, $5::text::app.order_kind, $6, $7, $8)
returning id, user_id, bot_id, app, kind::text, name, stars, units, created_at
"""
_ORDER: Final = """
select id, user_id, bot_id, app, kind::text, name, stars, units, created_at
  from app.star_order where id = $1
"""
_REPORT: Final = """
insert into app.star_payment (id, charge_id, bot_id, payer, user_id, order_id, stars, currency,
                              payload, recurring, source, state, reason, ended_at, subscribes)
values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12::text::app.payment_state,$13,
        case when $12::text = 'credited' then clock_timestamp() end, $14)
on conflict (id) do update
   set state = excluded.state, reason = excluded.reason, ended_at = excluded.ended_at,
       user_id = coalesce(star_payment.user_id, excluded.user_id)
 where star_payment.state = 'parked' and excluded.state = 'credited'
returning id
"""
_CREDITED: Final = """
select charge_id from app.star_payment
 where charge_id = any ($1) and bot_id = $2 and state = 'credited'
"""
_THANK: Final = """
update app.star_payment set told_at = clock_timestamp()
 where id = $1 and told_at is null returning id
"""
_PARKED: Final = """
select id, charge_id, bot_id, payer, user_id, order_id, stars, currency, payload, recurring,
       state::text, reason, at from app.star_payment where state = 'parked'
 order by at limit $1
"""
_OF_CHARGE: Final = """
select id, charge_id, bot_id, payer, user_id, order_id, stars, currency, payload, recurring,
       state::text, reason, at from app.star_payment where charge_id = $1
 order by (state = 'credited') desc, at
"""
_END: Final = """
update app.star_payment
   set state = $2::text::app.payment_state, reason = $3, ended_at = clock_timestamp()
 where id = $1 and state = 'parked' returning id
"""
_BEGINS: Final = """
select $3::boolean is true or not exists (
         select from app.star_payment q
          where q.order_id = $1 and q.charge_id <> $2 and q.recurring and q.state = 'credited'
            and ($3 is false or q.at < clock_timestamp() - make_interval(secs => $4)))
"""
_SUBSCRIBED: Final = """
select exists (select from app.star_payment q
                where q.order_id = $1 and q.charge_id <> $2 and q.subscribes and q.state = 'credited')
"""
_RENEWALS: Final = """
select p.id, coalesce(o.user_id, p.user_id) as user_id, p.charge_id, p.bot_id, p.payer,
       coalesce(o.name, '') as plan
  from app.star_payment p left join app.star_order o on o.id = p.order_id
 where p.subscribes and p.renewal_stopped_at is null
   and ($1::bigint is null or o.user_id = $1 or p.user_id = $1)
   and (p.state = 'credited' or p.state = 'parked' and not exists (
        select from app.star_payment c where c.charge_id = p.charge_id and c.state = 'credited'))
   and (not $2 or p.state = 'parked' or exists (
        select from app.star_payment q
         where q.order_id = p.order_id and q.state = 'parked' and q.reason = 'plan_given') or exists (
        select from app.star_payment q
         where q.user_id = p.user_id and q.subscribes and q.state = 'credited'
           and (q.at, q.id) > (p.at, p.id)))
 order by p.at, p.id limit $3
"""
_NEWEST: Final = """
select p.id, o.user_id, p.charge_id, p.bot_id, p.payer, o.name as plan
  from app.star_payment p join app.star_order o on o.id = p.order_id
 where p.user_id = $1 and p.subscribes and p.state = 'credited'
 order by p.at desc, p.id desc limit 1
"""
_STOPPED: Final = """
update app.star_payment
   set renewal_stopped_at = case when $2 then clock_timestamp() end where id = $1
"""
_STOPPED_OF_ORDER: Final = """
update app.star_payment p set renewal_stopped_at = case when $2 then clock_timestamp() end
 where p.order_id = $1 and p.subscribes and p.state = 'credited'
   and 1 = (select count(*) from app.star_payment q where q.order_id = $1 and q.subscribes)
returning p.id
"""
_FORGET: Final = """
with old as (
  select o.id from app.star_order o
   where o.created_at < clock_timestamp() - make_interval(secs => $1)
     and not exists (select from app.star_payment p where p.order_id = o.id) limit $2),
gone as (delete from app.star_order o using old where o.id = old.id returning o.id)
select count(*) from gone
"""
_SCAN: Final = "select seen from app.star_scan where bot_id = $1"
_SCANNED: Final = """
insert into app.star_scan (bot_id, seen) values ($1, $2)
on conflict (bot_id) do update set seen = greatest(star_scan.seen, excluded.seen)
"""


@dataclass(frozen=True, slots=True)
class Article:
    """What is sold: a package of credits, or 30 days of a plan, which has no `units`."""

    kind: OrderKind
    name: str
    stars: int
    units: int


@dataclass(frozen=True, slots=True)
class Order:
    """The invoice's payload is the id."""

    id: UUID
    user_id: int
    bot_id: int
    app: App
    article: Article
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment as Telegram reports it. `payer_id` is the Telegram id; `charge_id` its identity.

    `begins`: the first one of a subscription; None where the report does not say (the list).
    """

    charge_id: str
    bot_id: int
    payer_id: int
    stars: int
    currency: str
    payload: str
    recurring: bool = False
    source: Source = "update"
    begins: bool | None = None

    @property
    def id(self) -> UUID:
        """The same for the same report, however often and from where it comes."""
        told = (self.bot_id, self.charge_id, self.payer_id, self.stars, self.currency, self.payload)
        return derive_id("star payment", *told)

    @property
    def order_id(self) -> UUID | None:
        try:
            return UUID(self.payload)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Payment:
    """`state`: credited, parked (`reason` says why), returned, settled."""

    id: UUID
    charge_id: str
    bot_id: int
    payer: str
    user_id: int | None
    order_id: UUID | None
    stars: int
    currency: str
    payload: str
    recurring: bool
    state: str
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Renewal:
    """A subscription that Telegram goes on charging for, by its first payment.

    `payer` is empty for an erased person; `user_id` None and `plan` "" where no order of ours was met.
    """

    payment_id: UUID
    user_id: int | None
    charge_id: str
    bot_id: int
    payer: str
    plan: str


RENEWALS_MAX: Final = 100
MONTH_AT_LEAST_S: Final = 20 * 86_400
"""In the list a renewal looks like a first payment: what follows sooner than this is no renewal."""
UNPAID_KEPT_S: Final = 90 * 86_400
FORGET_BATCH: Final = 5_000


class Orders:
    """Every method may raise Unavailable and may then be repeated."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def open(self, user_id: int, article: Article, *, bot_id: int, app: App) -> Order:
        """A new order; an invoice for it may be sent from now on."""
        a = article
        facts = (new_id(), user_id, bot_id, app.number, a.kind, a.name, a.stars, a.units)
        return _order(await self._db.one(_OPEN, *facts))

    async def get(self, order_id: UUID) -> Order:
        """Raises Missing."""
        row = await self._db.fetchrow(_ORDER, order_id)
        if row is None:
            raise Missing("not_found")
        return _order(row)

    async def credited(self, paid: Paid, order: Order) -> bool:
        """Note that the ledger has it. True the first time."""
        return await self._report(paid, "credited", user_id=order.user_id, order_id=order.id)

    async def park(self, paid: Paid, *, reason: str, user_id: int | None = None) -> bool:
        """Keep a payment that nothing was credited for. True the first time."""
        return await self._report(
            paid, "parked", user_id=user_id, order_id=paid.order_id, reason=reason
        )

    async def known(self, bot_id: int, charge_ids: Sequence[str]) -> frozenset[str]:
        """Those charges of a bot that were credited."""
        rows = await self._db.fetch(_CREDITED, list(charge_ids), bot_id)
        return frozenset(row["charge_id"] for row in rows)

    async def claim_thanks(self, paid: Paid) -> bool:
        """True for one caller: who dies before saying thanks leaves them unsaid, never said twice."""
        return await self._db.fetchval(_THANK, paid.id) is not None

    async def parked(self, *, limit: int = 100) -> list[Payment]:
        """Payments that wait for an operator, oldest first."""
        return [_payment(row) for row in await self._db.fetch(_PARKED, limit)]

    async def of_charge(self, charge_id: str) -> list[Payment]:
        """Every report of a charge, the credited one first."""
        return [_payment(row) for row in await self._db.fetch(_OF_CHARGE, charge_id)]

    async def end(self, payment_id: UUID, state: Literal["returned", "settled"], note: str) -> bool:
        """An operator has dealt with a parked one. False: it was not parked any more."""
        return await self._db.fetchval(_END, payment_id, state, note) is not None

    async def is_second(self, paid: Paid) -> bool:
        """Another subscription by a link that was paid before: no renewal, and nobody's wish."""
        if not paid.recurring or paid.order_id is None:
            return False
        taken = bool(await self._db.fetchval(_SUBSCRIBED, paid.order_id, paid.charge_id))
        return taken and await self._begins(paid)

    async def is_subscribed(self, order: Order) -> bool:
        """Whether the link of this order was paid before, or its plan renews itself already."""
        if await self._db.fetchval(_SUBSCRIBED, order.id, ""):
            return True
        open_ones = await self.renewals(order.user_id)
        return any(one.plan == order.article.name for one in open_ones)

    async def renewals(
        self, user_id: int | None = None, *, superseded: bool = False
    ) -> list[Renewal]:
        """Subscriptions that still renew themselves, of one person or of all, oldest first.

        `superseded`: only those that a newer one has taken the place of, or that nothing is given for.
        """
        rows = await self._db.fetch(_RENEWALS, user_id, superseded, RENEWALS_MAX)
        return [Renewal(*row.values()) for row in rows]

    async def newest_subscription(self, user_id: int) -> Renewal | None:
        """The one that was paid for last, renewed by itself or not."""
        row = await self._db.fetchrow(_NEWEST, user_id)
        return None if row is None else Renewal(*row.values())

    async def set_stopped(self, payment_id: UUID, *, stopped: bool) -> None:
        """Telegram has been told."""
        await self._db.execute(_STOPPED, payment_id, stopped)

    async def set_order_stopped(self, order_id: UUID, *, stopped: bool) -> bool:
        """Telegram has told us, by the order alone. False where that does not say which one is meant."""
        return await self._db.fetchval(_STOPPED_OF_ORDER, order_id, stopped) is not None

    async def seen(self, bot_id: int) -> int:
        """How many transactions of the bot's list have been read."""
        return int(await self._db.fetchval(_SCAN, bot_id) or 0)

    async def note_seen(self, bot_id: int, count: int) -> None:
        await self._db.execute(_SCANNED, bot_id, count)

    async def forget_unpaid(self, *, older_than_s: float = UNPAID_KEPT_S) -> int:
        """Offers that nobody took: how many are gone now, at most FORGET_BATCH."""
        return int(await self._db.fetchval(_FORGET, older_than_s, FORGET_BATCH))

    async def _report(
        self, paid: Paid, state: str, *, user_id: int | None, order_id: UUID | None,
        reason: str | None = None,
    ) -> bool:  # fmt: skip
        begins = paid.recurring and await self._begins(paid)
        row = await self._db.fetchval(
            _REPORT, paid.id, paid.charge_id, paid.bot_id, str(paid.payer_id), user_id, order_id,
            paid.stars, paid.currency, paid.payload, paid.recurring, paid.source, state, reason,
            begins,
        )  # fmt: skip
        return row is not None

    async def _begins(self, paid: Paid) -> bool:
        """As it was reported; from the list, as the time between two payments says."""
        facts = (paid.order_id, paid.charge_id, paid.begins, MONTH_AT_LEAST_S)
        return bool(await self._db.fetchval(_BEGINS, *facts))


def _order(row: Row) -> Order:
    return Order(
        id=row["id"],
        user_id=row["user_id"],
        bot_id=row["bot_id"],
        app=App.from_number(row["app"]),
        article=Article(row["kind"], row["name"], row["stars"], row["units"]),
        created_at=row["created_at"],
    )


def _payment(row: Row) -> Payment:
    return Payment(*row.values())
