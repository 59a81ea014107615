"""Text AI: a text, made better in the style that its author taps; with its picture, if it has one."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from producers.bot import flow, modes, wants
from producers.bot.guest import Guest
from producers.bot.media import fetch_all, sent_with
from producers.bot.originals import named
from producers.bot.presses import Pressed, button
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Keyboard
from producers.bot.wants import Wanted
from schemas.buttons import Press
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.money import App
from schemas.payloads import STYLES
from schemas.speech import html
from schemas.texts import text

STYLE: Final = "style"


def router() -> Router:
    made = Router(name="texts")
    made.message.register(on_improve, Command("improve"))
    made.callback_query.register(on_style, Pressed(STYLE), F.message)
    return made


def plain() -> Router:
    """For a bot that is Text AI alone: every text is one to be improved."""
    made = Router(name="texts-plain")
    made.message.register(on_text, F.text)
    return made


async def on_improve(message: Message, room: Room, guest: Guest, command: CommandObject) -> None:
    """/improve and a text, or in reply to one, with its pictures; without either, the mode."""
    guest = guest.within(App.TEXT_AI)
    answered = message.reply_to_message
    words = command.args or (answered and (answered.text or answered.caption)) or ""
    if words.strip():
        said_in = [answered] if answered and not command.args else []
        shown = [one for one in said_in if (sent := sent_with(one)) and sent.picture]
        stored = await fetch_all(room, guest, shown)
        await offer_styles(room, guest, words, pictures=[one.id for one in stored])
        return
    await modes.begin(room, guest, "improve")
    await room.say.send(guest, html("bot.mode.improve", guest.language))


async def on_text(_: Message, room: Room, guest: Guest, words: str) -> None:
    await offer_styles(room, guest.within(App.TEXT_AI), words)


async def offer_styles(
    room: Room, guest: Guest, words: str, *, pictures: Sequence[UUID] = ()
) -> None:
    """A button with its price for each style, the person's own first. `pictures` stay with the text."""
    told: dict[str, Any] = {"text": words.strip(), **named(pictures)}
    try:
        units = await wants.price_units(room, guest, Kind.TEXT_IMPROVE, told)
    except Refused as refused:
        await flow.tell_refusal(room, guest, refused)
        return
    wanted = Wanted(Kind.TEXT_IMPROVE, told)
    wish_id = await wants.keep(room, guest, wanted, "text", told_units=units)
    usual = (await room.preferences.of(guest.user_id)).style
    keyboard: Keyboard = [
        [button(_label(guest, style, units, usual=style == usual), STYLE, wish_id, style)]
        for style in sorted(STYLES, key=lambda one: one != usual)
    ]
    asked = html("bot.styles", guest.language, price_units=units)
    await room.say.send(guest, asked, keyboard=keyboard, reply_to=guest.message_id)


def _label(guest: Guest, style: str, price_units: int, *, usual: bool) -> str:
    label = text(f"bot.style.{style}", guest.language)
    if usual:
        label = text("bot.style-usual", guest.language, label=label)
    return text("button.priced", guest.language, label=label, price_units=price_units)


async def on_style(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """One job for each style of one text, however often it is tapped."""
    style = press.arg if press.arg in STYLES else STYLES[0]
    async with refusals(room, guest, callback):
        wish = await room.wishes.get(guest.user_id, press.job_id)
        wanted = wants.wanted_of(wish).told(style=style)
        told_units = wish.input.get("told_units")
        await flow.run_part(room, guest, wish, part=style, wanted=wanted, told_units=told_units)
