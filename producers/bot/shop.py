"""`/buy`, payments in Stars as they come in, and `/terms`.

The question before a payment is answered by `answer_pre_checkout`, which the receiving side calls
beside the queue of updates: Telegram waits ten seconds for it and no longer.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import BotSubscriptionUpdated, CallbackQuery, Message, PreCheckoutQuery

from ledger.subscriptions import Subscriptions
from ops.base.logs import get_logger
from producers.bot.amounts import local, money
from producers.bot.cashier import take, till_of
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.presses import Pressed
from producers.bot.private import check_private
from producers.bot.refusals import refusals
from producers.bot.renewals import set_renewal, settle
from producers.bot.room import Room
from producers.bot.say import Keyboard
from producers.bot.show import Show, show
from producers.bot.till import articles, is_included
from schemas.buttons import Press, pack
from schemas.errors import LeydenError, Missing
from schemas.money import Currency, format_units
from schemas.plans import PlanName
from schemas.speech import Html, html
from schemas.texts import language_of, text
from storage.ledger_plans import SubscriptionRow
from storage.orders import Article, Order, Paid

if TYPE_CHECKING:
    from aiogram import Bot

log = get_logger(__name__)

SHOP: Final = "shop"
CHECK_S: Final = 7.0
"""Of the ten seconds that Telegram waits (Bot API, answerPreCheckoutQuery)."""


def router() -> Router:
    made = Router(name="shop")
    made.message.register(on_paid, F.successful_payment)
    made.message.register(on_buy, Command("buy"))
    made.message.register(on_terms, Command("terms"))
    made.callback_query.register(on_shop, Pressed(SHOP), F.message)
    made.callback_query.register(on_renewal, Pressed("renewal"), F.message)
    made.subscription.register(on_subscription)
    return made


async def answer_pre_checkout(room: Room, bot: "Bot", query: PreCheckoutQuery) -> bool:
    """Yes when the order stands as it was offered, else why not; True for a yes.

    Crash window 20: killed before the answer, the payment does not happen and nothing is owed; killed
    after it, Telegram tells of the payment. Raises TelegramAPIError when the answer cannot be given:
    asking again is Telegram's business.
    """
    language = language_of(query.from_user.language_code)
    paid = Paid(
        charge_id="", bot_id=bot.id, payer_id=query.from_user.id, stars=query.total_amount,
        currency=query.currency, payload=query.invoice_payload,
    )  # fmt: skip
    try:
        async with asyncio.timeout(CHECK_S):
            problem = await till_of(room).check(paid)
    except (LeydenError, TimeoutError) as error:
        log.warning("checkout.unanswerable", reason=str(error) or "timeout")
        problem = "busy"
    log.info("checkout.answered", problem=problem or "none", stars=paid.stars)
    if not problem:
        return await bot.answer_pre_checkout_query(query.id, ok=True)
    told = text(f"shop.refused-{problem}", language)
    await bot.answer_pre_checkout_query(query.id, ok=False, error_message=told)
    return False


async def on_buy(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        check_private(guest)
        await show(room, guest, *await counter(room, guest))


async def on_shop(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """The counter, or with a `ref` the article that was chosen there."""
    async with refusals(room, guest, query):
        check_private(guest)
        if press.ref:
            await sell(room, guest, press.ref, press.arg)
        else:
            await show(room, guest, *await counter(room, guest))


async def on_terms(_: Message, room: Room, guest: Guest) -> None:
    await room.say.send(guest, html("shop.terms", guest.language))


async def counter(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    """What is on sale, with what the person has. What Telegram renews is what we show as renewed."""
    language = guest.language
    units = await room.desk.wallets.available_units(guest.user_id, guest.app)
    subscriptions = Subscriptions(room.desk.db)
    given = await subscriptions.given(guest.user_id)
    current = await subscriptions.current(guest.user_id)
    if current is not None and current.state == "expired":
        current = None
    renewed = [one.plan for one in await room.orders.renewals(guest.user_id)]
    lines = [html("shop.title", language, price_units=units), *_plan_lines(current, renewed, guest)]
    if given is not PlanName.FREE:
        lines.append(html("shop.given", language, plan=given.value))
    rows = [
        [_article_key(one, guest)]
        for one in articles()
        if one.kind != "plan" or not (one.name in renewed or is_included(one, given))
    ]
    if renewed or current is not None:
        rows.append([_renewal_key(guest, on=bool(renewed))])
    return Html("\n\n".join(lines)), [*rows, [_back(guest)]]


async def sell(room: Room, guest: Guest, kind: str, name: str) -> None:
    """An order, then an invoice for it. Raises Missing."""
    till = till_of(room)
    article = till.article(kind, name)
    order = await till.order(guest.user_id, article, bot_id=guest.bot_id, app=guest.app)
    await _invoice(room, guest, order)


async def on_paid(message: Message, room: Room, guest: Guest) -> None:
    """Credited by its charge; told once; then what waited for credits runs."""
    told = message.successful_payment
    if told is None or message.from_user is None:
        return
    paid = Paid(
        charge_id=told.telegram_payment_charge_id,
        bot_id=guest.bot_id,
        payer_id=message.from_user.id,
        stars=told.total_amount,
        currency=told.currency,
        payload=told.invoice_payload,
        recurring=bool(told.is_recurring),
        begins=bool(told.is_first_recurring),
    )
    await take(room, guest, paid)


async def on_renewal(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """The person stops all that Telegram renews, or lets the newest plan go on."""
    async with refusals(room, guest, query):
        check_private(guest)
        await set_renewal(room, guest.user_id, on=press.ref == "on")
        await show(room, guest, *await counter(room, guest), query)


async def on_subscription(event: BotSubscriptionUpdated, room: Room, bot: "Bot") -> None:
    """Stopped or resumed in Telegram itself, or not paid for."""
    try:
        order = await room.orders.get(UUID(event.invoice_payload))
    except (ValueError, Missing):
        log.warning("subscription.unknown", state=event.state)
        return
    if await room.desk.users.find("telegram", str(event.user.id)) != order.user_id:
        log.warning("subscription.of_another", state=event.state)
        return
    if not await room.orders.set_order_stopped(order.id, stopped=event.state != "active"):
        log.warning("subscription.unclear", order=str(order.id), state=event.state)
        return
    await settle(room, order.user_id)
    current = await Subscriptions(room.desk.db).current(order.user_id)
    if current is None or current.plan != order.article.name or current.state == "expired":
        return
    guest = await guest_of(room, order.user_id, bot_id=bot.id, key=f"subscription-{order.id}")
    if guest is not None:
        facts = {"plan": order.article.name, "until": local(current.ends_at, guest)}
        key = {"active": "renewal-on", "canceled": "renewal-off"}.get(event.state, "renewal-failed")
        await room.say.send(guest, html(f"shop.{key}", guest.language, **facts))


async def _invoice(room: Room, guest: Guest, order: Order) -> None:
    article, language = order.article, guest.language
    title, description = _title(article, guest), _description(article, guest)
    if article.kind == "package":
        await Show.of(room).invoice(
            guest, title=title, description=description, payload=str(order.id), stars=article.stars
        )
        return
    link = await Show.of(room).subscription_link(
        guest, title=title, description=description, payload=str(order.id), stars=article.stars
    )
    told = html("shop.subscribe", language, title=title, description=description)
    pay = text("shop.pay", language, stars=article.stars)
    await room.say.send(guest, told, keyboard=[[(pay, link)]])


def _title(article: Article, guest: Guest) -> str:
    if article.kind == "package":
        return text("shop.package", guest.language, amount=_amount(article, guest))
    return text("shop.plan", guest.language, plan=article.name)


def _description(article: Article, guest: Guest) -> str:
    if article.kind == "package":
        return text("shop.package-about", guest.language, amount=_amount(article, guest))
    return text(f"shop.about-{article.name.lower()}", guest.language)


def _amount(article: Article, guest: Guest) -> str:
    return money(article.units, Currency.CREDIT, guest.language)


def _article_key(article: Article, guest: Guest) -> tuple[str, str]:
    told = text(
        f"shop.{article.kind}-key", guest.language, stars=article.stars, plan=article.name,
        amount=_amount(article, guest) if article.units else format_units(0),
    )  # fmt: skip
    return told, pack(Press(SHOP, article.kind, article.name))


def _plan_lines(
    current: SubscriptionRow | None, renewed: Sequence[str], guest: Guest
) -> list[Html]:
    """The plan that runs, what follows it, and what else Telegram goes on charging for."""
    lines, language = [], guest.language
    if current is not None:
        key = "shop.renews" if current.plan in renewed else "shop.runs-out"
        lines.append(html(key, language, plan=current.plan, until=local(current.ends_at, guest)))
        if current.next_plan:
            lines.append(
                html("shop.follows", language, plan=current.next_plan, days=current.next_days)
            )
    others = {plan for plan in renewed if plan and (current is None or plan != current.plan)}
    lines += [html("shop.charged", language, plan=plan) for plan in sorted(others)]
    return lines


def _renewal_key(guest: Guest, *, on: bool) -> tuple[str, str]:
    told = text("shop.stop-renewal" if on else "shop.resume-renewal", guest.language)
    return told, pack(Press("renewal", "off" if on else "on"))


def _back(guest: Guest) -> tuple[str, str]:
    return text("wallet.back", guest.language), pack(Press("wallet", "balance"))
