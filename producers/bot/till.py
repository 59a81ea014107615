"""The till: what may be paid, and what becomes of a payment. Knows nothing of messages.

A payment is credited by its charge and only as its order says: by the person who was offered it, in
Stars, to the last Star. Anything else is parked with its reason, shown by `leyden stars parked`, and
nothing is credited for it. Every step may be repeated: the ledger counts a charge once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from ledger.stars import Stars
from ledger.subscriptions import Subscriptions
from ops.base.logs import get_logger
from schemas.errors import Missing, Refused
from schemas.money import App
from schemas.plans import PlanName, Plans, plans
from schemas.prices import PriceBook, price_book
from storage.orders import Article, Order, Orders, Paid
from storage.queue import Queue
from storage.users import Users

log = get_logger(__name__)

STARS: Final = "XTR"
PROVIDER: Final = "telegram"
OFF_SALE: Final = "off_sale"
SUBSCRIBED: Final = "subscribed"
SECOND: Final = "second_subscription"
GIVEN: Final = "plan_given"
Outcome = Literal["credited", "parked"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """`first`: this is the report that made the difference. `order` is None for an unknown one."""

    outcome: Outcome
    order: Order | None
    first: bool
    reason: str = ""


def articles(book: PriceBook | None = None, facts: Plans | None = None) -> tuple[Article, ...]:
    """All that is on sale now: packages first, then plans."""
    packages = (book or price_book()).packages
    paid = {name: plan for name, plan in (facts or plans()).plans.items() if plan.price_stars}
    return (
        *(Article("package", one.name, one.stars, one.units) for one in packages),
        *(Article("plan", name.value, plan.price_stars, 0) for name, plan in paid.items()),
    )


def is_included(article: Article, given: PlanName) -> bool:
    """Whether a plan that an operator gave has all of this one: it would be paid for nothing."""
    return article.kind == "plan" and PlanName(article.name).rank <= given.rank


class Till:
    """Methods raise Unavailable when Postgres is away; nothing is lost by asking again."""

    def __init__(
        self, orders: Orders, users: Users, stars: Stars, subscriptions: Subscriptions, queue: Queue,
        *, on_sale: Callable[[], tuple[Article, ...]] = articles,
    ) -> None:  # fmt: skip
        self._orders = orders
        self._users = users
        self._stars = stars
        self._subscriptions = subscriptions
        self._queue = queue
        self._on_sale = on_sale

    def article(self, kind: str, name: str) -> Article:
        """Raises Missing when it is not sold any more."""
        for article in self._on_sale():
            if (article.kind, article.name) == (kind, name):
                return article
        raise Missing("not_found")

    async def order(self, user_id: int, article: Article, *, bot_id: int, app: App) -> Order:
        """A new order: an invoice for it may be sent, and paid until the offer changes."""
        return await self._orders.open(user_id, article, bot_id=bot_id, app=app)

    async def check(self, paid: Paid) -> str:
        """Why this may not be paid now; empty when it may. A few reads and no write."""
        order, problem = await self._match(paid)
        if problem or order is None:
            return problem
        if order.article not in self._on_sale():
            return OFF_SALE
        if order.article.kind == "plan":
            if await self._orders.is_subscribed(order):
                return SUBSCRIBED
            if is_included(order.article, await self._subscriptions.given(order.user_id)):
                return GIVEN
        account = await self._users.get(order.user_id)
        return "" if account.status == "active" else "closed"

    async def accept(self, paid: Paid) -> Receipt:
        """Credit a payment or park it.

        Crash window 21: killed before or after the ledger's commit, the same report comes again from the
        inbox, or from the list of transactions, and is credited then, or finds it done.
        """
        order, problem = await self._match(paid)
        if problem or order is None:
            return await self._park(paid, order, problem)
        if await self._orders.is_second(paid):
            return await self._park(paid, order, SECOND)
        try:
            await self._credit(paid, order)
        except Refused as refused:
            return await self._park(paid, order, refused.code)
        first = await self._orders.credited(paid, order)
        if first:
            log.info(
                "payment.credited", user_id=order.user_id, stars=paid.stars, source=paid.source
            )
        return Receipt("credited", order, first)

    async def _match(self, paid: Paid) -> tuple[Order | None, str]:
        """The order of a payment, and what does not fit it."""
        if paid.order_id is None:
            return None, "unknown_order"
        try:
            order = await self._orders.get(paid.order_id)
        except Missing:
            return None, "unknown_order"
        payer = await self._users.find(PROVIDER, str(paid.payer_id))
        if payer is None:
            return order, "no_account"
        if payer != order.user_id or paid.bot_id != order.bot_id:
            return order, "another_person" if payer != order.user_id else "another_bot"
        if paid.currency != STARS:
            return order, "wrong_currency"
        return order, "" if paid.stars == order.article.stars else "wrong_amount"

    async def _credit(self, paid: Paid, order: Order) -> None:
        article = order.article
        if article.kind == "package":
            await self._stars.buy_units(
                paid.charge_id, user_id=order.user_id, stars=paid.stars, units=article.units
            )
            return
        wakes = await self._subscriptions.pay(
            paid.charge_id,
            user_id=order.user_id,
            plan=PlanName(article.name),
            stars=paid.stars,
            auto_renew=paid.recurring,
        )
        await self._queue.wake(wakes, reason="plan")

    async def _park(self, paid: Paid, order: Order | None, reason: str) -> Receipt:
        user_id = order.user_id if order is not None and reason != "another_person" else None
        first = await self._orders.park(paid, reason=reason, user_id=user_id)
        if first:
            log.error("payment.parked", payment=str(paid.id), reason=reason, stars=paid.stars)
        return Receipt("parked", order, first, reason)
