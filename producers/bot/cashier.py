"""What becomes of a payment, wherever it is heard of: credited, said once, and what waited for it runs."""

from ledger.stars import Stars
from ledger.subscriptions import Subscriptions
from producers.bot import flow
from producers.bot.amounts import local, money
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.renewals import stop_superseded
from producers.bot.room import Room
from producers.bot.till import Receipt, Till
from schemas.errors import Refused
from schemas.money import Currency
from schemas.speech import Html, html
from storage.orders import Order, Paid


def till_of(room: Room) -> Till:
    db = room.desk.db
    return Till(room.orders, room.desk.users, Stars(db), Subscriptions(db), room.desk.queue)


async def take(room: Room, guest: Guest | None, paid: Paid) -> Receipt:
    """A payment from wherever it is heard of. Without a guest the person is looked up to be told.

    Everything in here may happen again; thanks are said once, or not at all if we die over them.
    """
    receipt = await till_of(room).accept(paid)
    order = receipt.order
    if order is None or (receipt.outcome == "parked" and receipt.reason == "another_person"):
        return receipt
    guest = guest or await guest_of(room, order.user_id, bot_id=paid.bot_id, key=f"paid-{paid.id}")
    if guest is None:
        return receipt
    if receipt.outcome == "parked":
        if receipt.first:
            await room.say.send(guest, html("shop.parked", guest.language, stars=paid.stars))
        return receipt
    if order.article.kind == "plan":
        await stop_superseded(room, order.user_id)
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
    """What only credits were missing for. Its own refusals are told by the flow, or here."""
    wish = await room.wishes.latest_unpaid(guest.user_id)
    if wish is None:
        return
    here = await _guest_at(room, guest, wish.bot)
    if here is None:
        return
    try:
        await flow.run_wish(room, here, wish.id)
    except Refused as refused:
        await flow.tell_refusal(room, guest, refused)


async def _guest_at(room: Room, guest: Guest, bot: str) -> Guest | None:
    """The same person at the bot that the wish was made at."""
    if bot == guest.bot:
        return guest
    account = next((one for one in room.accounts.values() if one.name == bot), None)
    if account is None:
        return None
    return await guest_of(room, guest.user_id, bot_id=account.bot_id, key=guest.key)
