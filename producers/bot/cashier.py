"""What becomes of a payment, wherever it is heard of: credited, said once, and what waited for it runs."""

from typing import Final

from ledger.stars import Stars
from ledger.subscriptions import Subscriptions
from ops.base.logs import get_logger
from producers.bot import flow
from producers.bot.amounts import local, money
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.obstacles import SHOP
from producers.bot.presses import button
from producers.bot.renewals import stop_superseded
from producers.bot.room import Room
from producers.bot.say import Gone
from producers.bot.till import GIVEN, SECOND, Receipt, Till
from schemas.errors import Insufficient, Refused
from schemas.money import Currency
from schemas.speech import Html, html
from schemas.texts import text
from storage.orders import Order, Paid
from storage.wishes import Wish

log = get_logger(__name__)

REFUSED_MAX: Final = 3


def till_of(room: Room) -> Till:
    db = room.desk.db
    return Till(room.orders, room.desk.users, Stars(db), Subscriptions(db), room.desk.queue)


async def take(room: Room, guest: Guest | None, paid: Paid) -> Receipt:
    """A payment from wherever it is heard of. Without a guest the person is looked up to be told.

    Everything in here may happen again; thanks are said once, or not at all if we die over them.
    """
    receipt = await till_of(room).accept(paid)
    order = receipt.order
    if order is not None and paid.recurring:
        await stop_superseded(room, order.user_id)  # first of all: telling may fail
    if order is None or (receipt.outcome == "parked" and receipt.reason == "another_person"):
        return receipt
    guest = guest or await guest_of(room, order.user_id, bot_id=paid.bot_id, key=f"paid-{paid.id}")
    if guest is None:
        return receipt
    if receipt.outcome == "parked":
        if receipt.first:
            key = {SECOND: "shop.parked-second", GIVEN: "shop.parked-given"}.get(
                receipt.reason, "shop.parked"
            )
            await room.say.send(guest, html(key, guest.language, stars=paid.stars))
        return receipt
    if await room.orders.claim_thanks(paid):
        await room.say.send(guest, await _thanks(room, guest, order))
    await _run_kept(room, guest)
    return receipt


async def _thanks(room: Room, guest: Guest, order: Order) -> Html:
    article, language = order.article, guest.language
    if article.kind == "package":
        units = await room.desk.wallets.available_units(guest.user_id, guest.app)
        bought = money(article.units, Currency.CREDIT, language)
        return html("shop.thanks", language, bought=bought, price_units=units)
    current = await Subscriptions(room.desk.db).current(guest.user_id)
    until = local(current.ends_at, guest) if current else ""
    return html("shop.thanks-plan", language, plan=article.name, until=until)


async def _run_kept(room: Room, guest: Guest) -> None:
    """All that only credits were missing for, oldest first, each where it was asked.

    What cannot be paid still stays kept, and that is said once. Other refusals are told by the flow.
    """
    short: list[Insufficient] = []
    refused_in_a_row = 0
    once = {wish.key: wish for wish in await room.wishes.unpaid(guest.user_id)}
    for wish in once.values():
        here = await _guest_at(room, guest, wish.bot)
        if here is None:
            continue
        try:
            await flow.check_payable(room, here, wish)
        except Insufficient as missing:
            short.append(missing)
            continue
        except Refused as refused:
            log.info("wish.refused", code=refused.code)  # run, it says so in its own words
        ran = await _run(room, here, wish)
        refused_in_a_row = 0 if ran else refused_in_a_row + 1
        if refused_in_a_row >= REFUSED_MAX:  # the day is used up: the others would hear the same
            break
    if short:
        await _tell_short(room, guest, short)


async def _run(room: Room, guest: Guest, wish: Wish) -> bool:
    now = await room.wishes.get(guest.user_id, wish.id)
    if now.job_id is not None or now.dropped:  # another process, or its person, was faster
        return True
    try:
        return await flow.run_wish(room, guest, wish.id) is not None
    except Gone:  # a group that is no more: the others are not to wait for it
        return False


async def _tell_short(room: Room, guest: Guest, short: list[Insufficient]) -> None:
    first = short[0].facts
    missing_units = int(first["price_units"]) - int(first["available_units"])
    shown = html(
        "bot.still-kept", guest.language, count=len(short), missing_units=max(0, missing_units)
    )
    buy = button(text("bot.button.buy", guest.language), SHOP)
    await room.say.send(guest, shown, keyboard=[[buy]])


async def _guest_at(room: Room, guest: Guest, bot: str) -> Guest | None:
    """The same person at the bot that the wish was made at."""
    if bot == guest.bot:
        return guest
    account = next((one for one in room.accounts.values() if one.name == bot), None)
    if account is None:
        return None
    return await guest_of(room, guest.user_id, bot_id=account.bot_id, key=guest.key)
