"""First steps: /start with a tour of three messages, /help, /new, /cancel."""

from typing import Final

from aiogram import Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, Message

from producers.bot import invite
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.room import Room
from producers.bot.say import Keyboard
from schemas.buttons import Press
from schemas.errors import Refused
from schemas.jobs import State
from schemas.money import App
from schemas.speech import html
from schemas.texts import text
from storage.results import JobFilters

MODE: Final = "mode"
MODES: Final = ("chat", "image", "video", "improve")
_UNFINISHED: Final = (State.WAITING, State.QUEUED, State.RUNNING, State.REMOTE)


def router() -> Router:
    made = Router(name="start")
    made.message.register(on_start, CommandStart())
    made.message.register(on_help, Command("help"))
    made.message.register(on_new, Command("new"))
    made.message.register(on_cancel, Command("cancel"))
    made.message.register(on_chat, Command("chat"))
    made.callback_query.register(on_mode, Pressed(MODE))
    return made


async def on_start(_: Message, room: Room, guest: Guest, command: CommandObject) -> None:
    """The tour for a newcomer, one greeting for who knows it, and a word about who invited them."""
    bound = await invite.bind(room, guest, command.args or "")
    await _greet(room, guest)
    if bound:
        await room.say.send(guest, bound)


async def _greet(room: Room, guest: Guest) -> None:
    """The first message says that it is AI."""
    preference = await room.preferences.of(guest.user_id)
    units = await room.desk.wallets.available_units(guest.user_id, guest.app)
    which = guest.app.value.replace("_", "-")
    greeting = html(f"bot.start.{which}", guest.language, price_units=units)
    if preference.toured or not guest.private:
        await room.say.send(guest, greeting, keyboard=menu(guest))
        return
    await room.say.send(guest, html("bot.tour.one", guest.language))
    await room.say.send(guest, html(f"bot.tour.two-{which}", guest.language))
    await room.say.send(
        guest, html("bot.tour.three", guest.language, price_units=units), keyboard=menu(guest)
    )
    await room.preferences.change(guest.user_id, toured=True, ai_notice=True)


async def on_help(_: Message, room: Room, guest: Guest) -> None:
    which = guest.app.value.replace("_", "-")
    await room.say.send(guest, html(f"bot.help.{which}", guest.language), keyboard=menu(guest))


async def on_new(_: Message, room: Room, guest: Guest) -> None:
    await room.talks.begin(guest.user_id, guest.bot, guest.chat_id)
    await room.say.send(guest, html("bot.new", guest.language))


async def on_chat(_: Message, room: Room, guest: Guest) -> None:
    await room.talks.set_mode(guest.user_id, guest.bot, guest.chat_id, mode="chat")
    await room.say.send(guest, html("bot.mode.chat", guest.language))


async def on_cancel(_: Message, room: Room, guest: Guest) -> None:
    """The newest job that has not ended; also the end of a mode that waits for words."""
    await room.talks.set_mode(guest.user_id, guest.bot, guest.chat_id, mode="")
    filters = JobFilters(states=_UNFINISHED, limit=1)
    for view in await room.desk.results.list(guest.user_id, filters=filters):
        try:
            code = await room.desk.intake.cancel(guest.user_id, view.id)
        except Refused:
            break
        await room.say.send(guest, html(f"bot.cancel.{code}", guest.language))
        return
    await room.say.send(guest, html("bot.cancel.nothing", guest.language))


async def on_mode(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """What a plain text means from now on."""
    mode = press.arg if press.arg in MODES else "chat"
    await room.talks.set_mode(guest.user_id, guest.bot, guest.chat_id, mode=mode)
    await room.say.answer(callback)
    await room.say.send(guest, html(f"bot.mode.{mode}", guest.language))


def menu(guest: Guest) -> Keyboard:
    """The modes that this bot has."""
    modes = ["chat", "image", "video"] if App.VIAIZER in guest.features else []
    if App.TEXT_AI in guest.features:
        modes.append("improve")
    keys = [button(text(f"bot.button.{mode}", guest.language), MODE, "", mode) for mode in modes]
    return [keys[n : n + 2] for n in range(0, len(keys), 2)]
