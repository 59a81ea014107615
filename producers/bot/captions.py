"""A command as the caption of pictures: what it does, it does to these pictures.

`/image` changes them, `/video` moves them, `/improve` improves the text that belongs to them; without
words they are pictures alone. Every other command does what it does without a picture.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from producers.bot import flow, obstacles, photo, picture_edits, prompts
from producers.bot.guest import Guest
from producers.bot.room import Room
from producers.bot.texts import offer_styles
from producers.bot.wants import Wanted
from schemas.jobs import Kind
from schemas.money import App

Album = Sequence[Message]


def router(features: frozenset[App]) -> Router:
    """Before the commands themselves. A bot takes those of its own apps."""
    made = Router(name="captions")
    if App.VIAIZER in features:
        made.message.register(on_image, F.photo | F.document, Command("image"))
        made.message.register(on_video, F.photo | F.document, Command("video"))
    made.message.register(on_improve, F.photo | F.document, Command("improve"))
    return made


async def on_image(
    _: Message, room: Room, guest: Guest, command: CommandObject, album: Album
) -> None:
    pictures = await photo.received(room, guest, album)
    words = (command.args or "").strip()
    if pictures and words:
        await picture_edits.edit(room, guest.within(App.VIAIZER), pictures, words)
    elif pictures:
        await photo.offer_choices(room, guest, pictures)


async def on_video(
    _: Message, room: Room, guest: Guest, command: CommandObject, album: Album
) -> None:
    if pictures := await photo.received(room, guest, album):
        await animate(room, guest.within(App.VIAIZER), pictures, command.args or "")


async def on_improve(
    _: Message, room: Room, guest: Guest, command: CommandObject, album: Album
) -> None:
    pictures = await photo.received(room, guest, album)
    words = (command.args or "").strip()
    if words:
        await offer_styles(room, guest.within(App.TEXT_AI), words, pictures=pictures)
    elif pictures:
        await photo.offer_choices(room, guest, pictures)


async def animate(room: Room, guest: Guest, pictures: Sequence[UUID], words: str) -> None:
    """A video of each, as the words say."""
    prompt = words.strip()
    if await obstacles.too_long(room, guest, prompt):
        return
    told: dict[str, Any] = {"prompt": prompt} if prompt else {}
    inputs = [{"file": str(one), **told} for one in pictures]
    improve = bool(told) and await prompts.are_improved(room, guest)
    wanted = Wanted(Kind.VIDEO_GENERATE, inputs[0], more=tuple(inputs[1:]), improve=improve)
    await flow.want(room, guest, wanted)
