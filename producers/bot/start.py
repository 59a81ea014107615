"""First steps: /start with a tour of three messages, /help, /new, /cancel."""

from textwrap import shorten
from typing import Final
from uuid import UUID

from aiogram import Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, Message

from producers.bot import invite, modes, private
from producers.bot.guest import Guest
from producers.bot.originals import payload_of
from producers.bot.presses import Pressed, button
from producers.bot.room import Room
from producers.bot.say import Keyboard
from schemas.buttons import Press
from schemas.errors import Missing, Refused
from schemas.jobs import State
from schemas.money import App
from schemas.speech import Html, html
from schemas.texts import text
from storage.choices import Choices
from storage.crypto import Unreadable
from storage.results import JobFilters, JobView

MODE: Final = "mode"
MODES: Final = ("chat", "image", "video", "improve")
WORDS_SHOWN_MAX: Final = 60
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
    """The first message of the tour says that it is AI. A group is told nobody's balance."""
    preference = await room.preferences.of(guest.user_id)
    if not guest.private:
        await _greet_group(room, guest, newcomer=not preference.toured)
        return
    units = await room.desk.wallets.available_units(guest.user_id, guest.app)
    which = guest.app.value.replace("_", "-")
    greeting = html(f"bot.start.{which}", guest.language, price_units=units)
    if preference.toured:
        await room.say.send(guest, greeting, keyboard=menu(guest))
        return
    await room.say.send(guest, html("bot.tour.one", guest.language))
    await room.say.send(guest, html(f"bot.tour.two-{which}", guest.language))
    await room.say.send(
        guest, html("bot.tour.three", guest.language, price_units=units), keyboard=menu(guest)
    )
    await room.preferences.change(guest.user_id, toured=True, ai_notice=True)


async def _greet_group(room: Room, guest: Guest, *, newcomer: bool) -> None:
    key = "bot.start.group-new" if newcomer else "bot.start.group"
    await room.say.send(guest, html(key, guest.language), keyboard=await private.way(room, guest))


async def on_help(_: Message, room: Room, guest: Guest) -> None:
    which = guest.app.value.replace("_", "-")
    await room.say.send(guest, html(f"bot.help.{which}", guest.language), keyboard=menu(guest))


async def on_new(_: Message, room: Room, guest: Guest) -> None:
    await room.talks.begin(guest.user_id, guest.bot, guest.chat_id)
    await room.say.send(guest, html("bot.new", guest.language))


async def on_chat(_: Message, room: Room, guest: Guest) -> None:
    await modes.begin(room, guest, "chat")
    await room.say.send(guest, html("bot.mode.chat", guest.language))


async def on_cancel(_: Message, room: Room, guest: Guest) -> None:
    """The newest job of this bot that has not ended; also the end of a mode that waits for words.

    Which one is noted before it is cancelled: when the reply is lost, the same command ends no other.
    """
    await modes.begin(room, guest, "")
    job_id = await _chosen(room, guest)
    if job_id is None:
        await room.say.send(guest, html("bot.cancel.nothing", guest.language))
        return
    view = await room.desk.results.get(guest.user_id, job_id)
    try:
        code = await room.desk.intake.cancel(guest.user_id, job_id)
    except Refused as refused:
        code = "requested" if view.cancel_requested else refused.code
        code = code if code in {"requested", "too_late"} else "missing"
    said = html(f"bot.cancel.{code}", guest.language)
    job = await _named(room, guest, view)
    await room.say.send(guest, html("bot.cancel.named", guest.language, job=job, said=said))


async def _chosen(room: Room, guest: Guest) -> UUID | None:
    """The job that this update is about, now or when it was handled first."""
    choices = Choices(room.desk.db)
    if (known := await choices.of(guest.user_id, guest.key)) is not None:
        return known
    filters = JobFilters(states=_UNFINISHED, apps=tuple(guest.features), limit=1)
    for view in await room.desk.results.list(guest.user_id, filters=filters):
        return await choices.keep(guest.user_id, guest.key, view.id)
    return None


async def _named(room: Room, guest: Guest, view: JobView) -> Html:
    """What kind of job it is, and in private how it was asked for."""
    kind = html(f"kind.{view.kind.value}", guest.language)
    if not guest.private:
        return kind
    try:
        payload = await payload_of(room, guest.user_id, view.id)
    except (Missing, Unreadable):
        return kind
    told = getattr(payload, "prompt", None) or getattr(payload, "text", None) or ""
    words = shorten(str(told), WORDS_SHOWN_MAX, placeholder="…")
    return html("bot.cancel.job", guest.language, kind=kind, words=words) if words else kind


async def on_mode(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """What a plain text means from now on."""
    mode = press.arg if press.arg in MODES else "chat"
    await modes.begin(room, guest, mode)
    await room.say.answer(callback)
    await room.say.send(guest, html(f"bot.mode.{mode}", guest.language))


def menu(guest: Guest) -> Keyboard:
    """The modes that this bot has."""
    modes = ["chat", "image", "video"] if App.VIAIZER in guest.features else []
    if App.TEXT_AI in guest.features:
        modes.append("improve")
    keys = [button(text(f"bot.button.{mode}", guest.language), MODE, "", mode) for mode in modes]
    return [keys[n : n + 2] for n in range(0, len(keys), 2)]
