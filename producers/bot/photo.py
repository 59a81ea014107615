"""Pictures and documents: with words an edit, alone a choice, documents by the page with the price first."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message

from producers.bot import flow, modes, picture_edits, wants
from producers.bot.guest import Guest
from producers.bot.media import fetch_all
from producers.bot.originals import named
from producers.bot.presses import Pressed, button
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.steps import steps_of
from producers.bot.texts import offer_styles
from producers.bot.wants import Wanted
from schemas.buttons import Press
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.money import App
from schemas.speech import html
from schemas.texts import text
from storage.files import StoredFile
from storage.inspect import IMAGE_FORMATS
from storage.preferences import Preference

PHOTO: Final = "photo"
FILE: Final = "file"
DESCRIBE, EDIT, FOR_POST, ANIMATE = "describe", "edit", "post", "animate"
KIND_OF_CHOICE: Final = {
    DESCRIBE: Kind.IMAGE_ANALYZE,
    EDIT: Kind.IMAGE_EDIT,
    FOR_POST: Kind.IMAGE_ANALYZE,
    ANIMATE: Kind.VIDEO_GENERATE,
}
POST_STYLE: Final = "friendly"
ACTIONS: Final = ("extract", "improve", "outline")


def router() -> Router:
    made = Router(name="photo")
    made.message.register(on_sent, F.photo | F.document)
    made.message.register(on_other, F.content_type.in_({"voice", "audio", "video", "sticker"}))
    made.callback_query.register(on_photo, Pressed(PHOTO), F.message)
    made.callback_query.register(on_file, Pressed(FILE), F.message)
    return made


async def on_sent(
    _: Message, room: Room, guest: Guest, words: str, album: Sequence[Message]
) -> None:
    """`album`: all messages of it, this one among them; one message is an album of one."""
    pictures = await received(room, guest, album)
    if not pictures:
        return
    if words.strip() and await _improves(room, guest):
        await offer_styles(room, guest.within(App.TEXT_AI), words, pictures=pictures)
    elif words.strip():
        await picture_edits.edit(room, guest.within(App.VIAIZER), pictures, words)
    else:
        await offer_choices(room, guest, pictures)


async def received(room: Room, guest: Guest, album: Sequence[Message]) -> list[UUID]:
    """The pictures of it, kept; its documents are asked about here. None of them where that was refused."""
    try:
        stored = await fetch_all(room, guest, album)
    except Refused as refused:
        await flow.tell_refusal(room, guest, refused)
        return []
    documents = [one for one in stored if one.facts.media_type not in IMAGE_FORMATS]
    for number, document in enumerate(documents):
        await _offer_document(room, guest.part(number) if number else guest, document)
    return [one.id for one in stored if one not in documents]


async def _improves(room: Room, guest: Guest) -> bool:
    """Whether the words of a picture are a text for it, rather than what to change in it."""
    if App.TEXT_AI not in guest.features:
        return False
    if App.VIAIZER not in guest.features:
        return True
    return await modes.mode_of(room, guest) == "improve"


async def on_other(_: Message, room: Room, guest: Guest) -> None:
    if guest.private:
        await room.say.send(guest, html("bot.cannot-read", guest.language))


async def offer_choices(room: Room, guest: Guest, pictures: Sequence[UUID]) -> None:
    """What can be done with them, each with its price."""
    files = [str(one) for one in pictures]
    prices = {one: await _price_units(room, guest, one, files) for one in _choices(guest)}
    told = {"files": files}
    wish_id = await wants.keep_open(room, guest, told, "photo", told_units=prices)
    rows = []
    for choice, units in prices.items():
        label = text(f"bot.photo.{choice}", guest.language, price_units=units)
        rows.append([button(label, PHOTO, wish_id, choice)])
    asked = html("bot.photo", guest.language, count=len(files))
    await room.say.send(guest, asked, keyboard=rows, reply_to=guest.message_id)


def _choices(guest: Guest) -> tuple[str, ...]:
    every = (DESCRIBE, EDIT, FOR_POST, ANIMATE)
    return every if App.VIAIZER in guest.features else (DESCRIBE, FOR_POST)


async def _price_units(room: Room, guest: Guest, choice: str, files: list[str]) -> int:
    """For all pictures and all that follows. They cost the same each."""
    wanted = (await _wanted(room, guest, choice, files)).by_choice(
        await room.preferences.of(guest.user_id)
    )
    if choice == EDIT:
        wanted = wanted.having({**one, "operations": [{"op": "sharpen"}]} for one in wanted.inputs)
    steps = await steps_of(room, guest, replace(wanted, more=()))
    now_units = await wants.units_of(room, *steps.now)
    return len(files) * now_units + await wants.units_of(room, *steps.later)


async def on_photo(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """A job for each picture and choice, however often it is tapped."""
    choice = press.arg if press.arg in KIND_OF_CHOICE else DESCRIBE
    async with refusals(room, guest, callback):
        wish = await room.wishes.get(guest.user_id, press.job_id)
        files: list[str] = wish.input["input"]["files"]
        if choice == EDIT:
            await picture_edits.ask_words(room, guest, files)
            return
        wanted = await _wanted(room, guest, choice, files)
        told_units = wish.input.get("told_units", {}).get(choice)
        await flow.run_part(room, guest, wish, part=choice, wanted=wanted, told_units=told_units)


async def _wanted(room: Room, guest: Guest, choice: str, files: list[str]) -> Wanted:
    """A post is written about what is said of the pictures; then its channel is asked for."""
    inputs: list[dict[str, Any]] = [{"file": one} for one in files]
    follows = None
    if choice == FOR_POST:
        told = {"style": await _post_style(room, guest), **named(files)}
        follows = Wanted(Kind.TEXT_IMPROVE, told, then=Wanted(Kind.POST_PUBLISH, {}))
    return Wanted(KIND_OF_CHOICE[choice], inputs[0], more=tuple(inputs[1:]), then=follows)


async def _post_style(room: Room, guest: Guest) -> str:
    """Their own, if they chose one."""
    chosen = (await room.preferences.of(guest.user_id)).style
    return POST_STYLE if chosen == Preference().style else chosen


async def _offer_document(room: Room, guest: Guest, document: StoredFile) -> None:
    """Per page, and the price first."""
    told = {"file": str(document.id)}
    try:
        units = await wants.price_units(room, guest, Kind.FILE_PROCESS, told)
    except Refused as refused:
        await flow.tell_refusal(room, guest, refused)
        return
    wanted = Wanted(Kind.FILE_PROCESS, told)
    wish_id = await wants.keep(room, guest, wanted, "document", told_units=units)
    rows = [
        [
            button(
                text(f"bot.file.{action}", guest.language, price_units=units), FILE, wish_id, action
            )
        ]
        for action in ACTIONS
    ]
    asked = html("bot.file", guest.language, pages=document.facts.pages, price_units=units)
    await room.say.send(guest, asked, keyboard=rows, reply_to=guest.message_id)


async def on_file(callback: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    action = press.arg if press.arg in ACTIONS else ACTIONS[0]
    async with refusals(room, guest, callback):
        wish = await room.wishes.get(guest.user_id, press.job_id)
        wanted = wants.wanted_of(wish).told(action=action)
        told_units = wish.input.get("told_units")
        await flow.run_part(room, guest, wish, part=action, wanted=wanted, told_units=told_units)
