"""Text AI: a text, made better in the style that its author taps; with its picture, if it has one."""

from typing import Final, get_args

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from producers.bot import flow
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Keyboard
from schemas.buttons import Press
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.money import App
from schemas.payloads import TextImprove
from schemas.speech import html
from schemas.texts import text

STYLE: Final = "style"
STYLES: Final[tuple[str, ...]] = get_args(TextImprove.model_fields["style"].annotation)


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
    """/improve and a text, or in reply to one; without either, the mode."""
    guest = guest.within(App.TEXT_AI)
    answered = message.reply_to_message
    words = command.args or (answered and (answered.text or answered.caption)) or ""
    if words.strip():
        await offer_styles(room, guest, words)
        return
    await room.talks.set_mode(guest.user_id, guest.bot, guest.chat_id, mode="improve")
    await room.say.send(guest, html("bot.mode.improve", guest.language))


async def on_text(_: Message, room: Room, guest: Guest, words: str) -> None:
    await offer_styles(room, guest.within(App.TEXT_AI), words)


async def offer_styles(room: Room, guest: Guest, words: str) -> None:
    """The price, and a button for each style."""
    told = {"text": words.strip()}
    try:
        units = await flow.price_units(room, guest, Kind.TEXT_IMPROVE, told)
    except Refused as refused:
        await flow.tell_refusal(room, guest, refused)
        return
    wish_id = await flow.keep(room, guest, Kind.TEXT_IMPROVE, told, "text")
    keys = [
        button(text(f"bot.style.{style}", guest.language), STYLE, wish_id, style)
        for style in STYLES
    ]
    keyboard: Keyboard = [keys[n : n + 2] for n in range(0, len(keys), 2)]
    asked = html("bot.styles", guest.language, price_units=units)
    await room.say.send(guest, asked, keyboard=keyboard, reply_to=guest.message_id)


async def on_style(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """One job for each style of one text, however often it is tapped."""
    style = press.arg if press.arg in STYLES else STYLES[0]
    async with refusals(room, guest, callback):
        await flow.run_part(room, guest, press.job_id, part=style, changes={"style": style})
