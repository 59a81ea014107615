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
                              payload, recurring, source, state, reason, ended_at)
values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12::text::app.payment_state,$13,
        case when $12::text = 'credited' then clock_timestamp() end)
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
_RENEWALS: Final = """
select distinct on (o.id) o.id, o.user_id, p.charge_id, p.bot_id, p.payer
  from app.star_order o join app.star_payment p on p.order_id = o.id
 where ($1::bigint is null or o.user_id = $1) and o.kind = 'plan' and o.renewal_stopped_at is null
   and p.state = 'credited' and p.recurring
   and (not $2 or exists (
        select 1 from app.star_order n join app.star_payment q on q.order_id = n.id
         where n.user_id = o.user_id and n.id > o.id and n.kind = 'plan'
           and q.state = 'credited' and q.recurring))
 order by o.id, p.at limit $3
"""
_FIRST: Final = """
select o.id, o.user_id, p.charge_id, p.bot_id, p.payer
  from app.star_order o join app.star_payment p on p.order_id = o.id
 where p.state = 'credited' and p.recurring
   and o.id = (select x.order_id from app.star_payment x
                where x.charge_id = $1 and x.state = 'credited' and x.user_id = $2 limit 1)
 order by p.at limit 1
"""
_STOPPED: Final = """
update app.star_order
   set renewal_stopped_at = case when $2 then clock_timestamp() end where id = $1
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
    """A payment as Telegram reports it. `payer_id` is the Telegram id; `charge_id` its identity."""

    charge_id: str
    bot_id: int
    payer_id: int
    stars: int
    currency: str
    payload: str
    recurring: bool = False
    source: Source = "update"

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
    """A subscription that Telegram goes on charging for. `payer` is empty for an erased person."""

    order_id: UUID
    user_id: int
    charge_id: str
    bot_id: int
    payer: str


RENEWALS_MAX: Final = 100
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

    async def renewals(
        self, user_id: int | None = None, *, superseded: bool = False
    ) -> list[Renewal]:
        """Subscriptions that still renew themselves, of one person or of all, oldest first.

        `superseded`: only those that a newer one has taken the place of.
        """
        rows = await self._db.fetch(_RENEWALS, user_id, superseded, RENEWALS_MAX)
        return [Renewal(*row.values()) for row in rows]

    async def renewal_of(self, user_id: int, charge_id: str) -> Renewal | None:
        """The subscription that a payment of this person belongs to, named by its first charge."""
        row = await self._db.fetchrow(_FIRST, charge_id, user_id)
        return None if row is None else Renewal(*row.values())

    async def set_stopped(self, order_id: UUID, *, stopped: bool) -> None:
        """Telegram has been told, or has told us."""
        await self._db.execute(_STOPPED, order_id, stopped)

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
        row = await self._db.fetchval(
            _REPORT, paid.id, paid.charge_id, paid.bot_id, str(paid.payer_id), user_id, order_id,
            paid.stars, paid.currency, paid.payload, paid.recurring, paid.source, state, reason,
        )  # fmt: skip
        return row is not None


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
