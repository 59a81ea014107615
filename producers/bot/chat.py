"""viAIzer: plain words. A conversation, a picture, a video, or a change to a picture, by mode and reply."""

from typing import Any, Final

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from producers.bot import captions, flow, memory, modes, obstacles, picture_edits, prompts
from producers.bot.guest import Guest
from producers.bot.media import fetch, sent_with
from producers.bot.room import Room
from producers.bot.texts import offer_styles
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.money import App
from schemas.speech import html

QUOTED_MAX_CHARACTERS: Final = 4_000


def router() -> Router:
    made = Router(name="chat")
    made.message.register(on_image, Command("image"))
    made.message.register(on_video, Command("video"))
    made.message.register(on_text, F.text)
    return made


async def on_image(_: Message, room: Room, guest: Guest, command: CommandObject) -> None:
    """/image and words; without them, the mode in which each text becomes a picture."""
    await _command(room, guest.within(App.VIAIZER), command.args, Kind.IMAGE_GENERATE, "image")


async def on_video(message: Message, room: Room, guest: Guest, command: CommandObject) -> None:
    """/video and words, or in reply to a picture: that picture moves."""
    guest = guest.within(App.VIAIZER)
    if sent := sent_with(message.reply_to_message):
        try:
            stored = await fetch(room, guest, sent)
        except Refused as refused:
            await flow.tell_refusal(room, guest, refused)
            return
        await captions.animate(room, guest, [stored.id], command.args or "")
        return
    await _command(room, guest, command.args, Kind.VIDEO_GENERATE, "video")


async def on_text(message: Message, room: Room, guest: Guest, words: str) -> None:
    """`words`: the text without the mention that called us."""
    if not words.strip():
        await room.say.send(guest, html("bot.empty", guest.language), reply_to=guest.message_id)
        return
    if sent := sent_with(message.reply_to_message):
        try:
            stored = await fetch(room, guest, sent)
        except Refused as refused:
            await flow.tell_refusal(room, guest, refused)
            return
        await picture_edits.edit(room, guest.within(App.VIAIZER), [stored.id], words)
        return
    mode = await modes.mode_of(room, guest)
    if mode == "improve" and App.TEXT_AI in guest.features:
        await offer_styles(room, guest.within(App.TEXT_AI), words)
    else:
        await _in_mode(room, guest.within(App.VIAIZER), message, words, mode)


async def _in_mode(room: Room, guest: Guest, message: Message, words: str, mode: str) -> None:
    if mode.startswith(picture_edits.MODE):
        await picture_edits.edit_in_mode(room, guest, mode, words)
    elif mode == "image":
        await _make(room, guest, Kind.IMAGE_GENERATE, words)
    elif mode == "video":
        await _make(room, guest, Kind.VIDEO_GENERATE, words)
    else:
        await _talk(room, guest, message, words)


async def _talk(room: Room, guest: Guest, message: Message, words: str) -> None:
    """An answer that knows what was said before; a quoted message counts as the last of it."""
    if await obstacles.too_long(room, guest, words):
        return
    told: list[dict[str, Any]] = await memory.history(room, guest)
    quoted = message.reply_to_message
    if quoted is not None and (text := quoted.text or quoted.caption):
        ours = quoted.from_user is not None and quoted.from_user.id == guest.bot_id
        shown = text[:QUOTED_MAX_CHARACTERS]
        if not any(turn["text"] == shown for turn in told):
            told.append({"by": "model" if ours else "user", "text": shown})
    body = {"prompt": words, "history": told, "chat": True}
    await flow.ask(room, guest, Kind.TEXT_GENERATE, body, said=words)


async def _command(room: Room, guest: Guest, words: str | None, kind: Kind, mode: str) -> None:
    if words and words.strip():
        await _make(room, guest, kind, words)
        return
    await modes.begin(room, guest, mode)
    await room.say.send(guest, html(f"bot.mode.{mode}", guest.language))


async def _make(room: Room, guest: Guest, kind: Kind, words: str) -> None:
    prompt = words.strip()
    if await obstacles.too_long(room, guest, prompt):
        return
    improve = await prompts.are_improved(room, guest)
    await flow.ask(room, guest, kind, {"prompt": prompt}, improve=improve)
