"""`/privacy`, `/export`, `/delete_me`: what is kept, a copy of it, and the end of it.

Deleting asks twice. From the second yes on nothing new is accepted; what runs is ended first, and then
the key is destroyed that everything a person wrote and got is locked with.
"""

from contextlib import suppress
from typing import Final

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from ledger.subscriptions import Subscriptions
from ops.base.clock import now
from ops.base.logs import get_logger
from producers.bot import archive
from producers.bot.amounts import local, money
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.private import check_private
from producers.bot.refusals import refusals
from producers.bot.renewals import stop
from producers.bot.room import Room
from producers.bot.say import Gone
from producers.bot.show import show
from schemas.buttons import Press
from schemas.money import Currency
from schemas.speech import Html, html
from schemas.texts import text
from storage.blobs import Blobs
from storage.erasing import Erasing

log = get_logger(__name__)

ERASE: Final = "erase"
SURE: Final = "sure"


def router() -> Router:
    made = Router(name="privacy")
    made.message.register(on_privacy, Command("privacy"))
    made.message.register(on_export, Command("export"))
    made.message.register(on_delete_me, Command("delete_me"))
    made.callback_query.register(on_erase, Pressed(ERASE), F.message)
    return made


async def on_privacy(_: Message, room: Room, guest: Guest) -> None:
    await room.say.send(guest, html("privacy.about", guest.language))


async def on_export(_: Message, room: Room, guest: Guest) -> None:
    """In the private chat only: it is nobody else's."""
    async with refusals(room, guest):
        check_private(guest)
        await room.say.typing(guest)
        number = 0
        async for data in archive.parts(room, guest):
            number += 1
            name = f"leyden-{now():%Y-%m-%d}-{number}.zip"
            caption = html("privacy.export", guest.language) if number == 1 else ""
            await room.say.document(guest, data, name, caption)


async def on_delete_me(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        check_private(guest)
        wallets = await room.desk.wallets.balances(guest.user_id)
        lost = [
            money(one.balance_units, one.currency, guest.language)
            for one in wallets
            if one.balance_units > 0 and one.currency is not Currency.XTR
        ]
        plan = await Subscriptions(room.desk.db).current(guest.user_id)
        if plan is not None and plan.state != "expired":
            until = local(plan.ends_at, guest)
            lost.append(html("privacy.plan", guest.language, plan=plan.plan, until=until))
        keyboard = [
            [button(text("privacy.first-yes", guest.language), ERASE, "first")],
            [button(text("privacy.no", guest.language), ERASE, "no")],
        ]
        told = Html(", ".join(lost)) if lost else html("privacy.nothing", guest.language)
        asked = html("privacy.delete", guest.language, lost=told)
        await room.say.send(guest, asked, keyboard=keyboard)


async def on_erase(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """The first yes asks again; the second one is meant. Only in the private chat of the person."""
    async with refusals(room, guest, query):
        check_private(guest)
        if press.ref == SURE:
            with suppress(Gone):  # who leaves in the same breath has said yes all the same
                await show(room, guest, html("privacy.deleted", guest.language), [], query)
            await begin(room, guest.user_id)
        elif press.ref == "first":
            keyboard = [
                [button(text("privacy.no", guest.language), ERASE, "no")],
                [button(text("privacy.second-yes", guest.language), ERASE, SURE)],
            ]
            await show(room, guest, html("privacy.sure", guest.language), keyboard, query)
        else:
            await show(room, guest, html("privacy.kept", guest.language), [], query)


async def begin(room: Room, user_id: int) -> None:
    """Nothing new from now on, and what runs is asked to end. `finish_all` does the rest, from outside
    of this update, so that the update itself is forgotten, too.

    Killed anywhere in here or there, the next turn of `finish_all` begins at the same point.
    """
    erasing = _erasing(room)
    if await erasing.begin(user_id):
        log.info("person.erasing", user_id=user_id)
    await room.desk.queue.wake(await erasing.cancel_all(user_id), reason="erasing")


async def finish_all(room: Room) -> int:
    """Everybody whose erasing has begun; how many are no more."""
    erasing = _erasing(room)
    return sum([await _finish(room, erasing, user_id) for user_id in await erasing.begun()])


async def _finish(room: Room, erasing: Erasing, user_id: int) -> bool:
    current = await Subscriptions(room.desk.db).current(user_id)
    if current is not None and current.state != "expired":
        for renewal in await room.orders.renewals(user_id):
            await stop(room, renewal)
        if await room.orders.renewals(user_id):
            return False  # Telegram would go on charging somebody we could not name any more
    await room.desk.queue.wake(await erasing.cancel_all(user_id), reason="erasing")
    done = await erasing.finish(user_id)
    if done:
        log.info("person.erased", user_id=user_id)
    return done


def _erasing(room: Room) -> Erasing:
    return Erasing(room.desk.db, room.desk.keys, Blobs.open(room.settings.blob_url))
