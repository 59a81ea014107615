"""Appeals in the chat: the button under a blocked request, a word added to it, and the answer."""

from typing import Final

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from ops.base.logs import get_logger
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.presses import Pressed
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Gone
from schemas.buttons import APPEAL, Press
from schemas.errors import Conflict, Missing, Unavailable
from schemas.speech import Html, html, quoted
from storage.appeals import Appeal, Appeals

log = get_logger(__name__)

BATCH: Final = 50


def router() -> Router:
    made = Router(name="appeals")
    made.message.register(on_word, Command("appeal"))
    made.callback_query.register(on_appeal, Pressed(APPEAL), F.message)
    return made


async def on_appeal(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """Once for each job, by the person whose job it was."""
    async with refusals(room, guest, query):
        made = await _appeals(room).make(guest.user_id, press.job_id, bot_id=guest.bot_id)
        if not made:
            raise Conflict("already_appealed")
        log.info("appeal.made", job_id=str(press.job_id))
        await room.say.send(guest, html("appeal.noted", guest.language))


async def on_word(_: Message, room: Room, guest: Guest, command: CommandObject) -> None:
    """`/appeal words`: to the newest appeal that waits without any."""
    async with refusals(room, guest):
        word = (command.args or "").strip()
        if not word:
            await room.say.send(guest, html("appeal.how", guest.language))
        elif await _appeals(room).add_word(guest.user_id, word):
            await room.say.send(guest, html("appeal.word-noted", guest.language))
        else:
            raise Missing("no_appeal")


async def tell_answered(room: Room) -> int:
    """Answers of the house to who has appealed; how many are told now.

    Killed between the message and the row: it is said twice.
    """
    appeals, told = _appeals(room), 0
    for appeal in await appeals.untold(list(room.bots), limit=BATCH):
        guest = await guest_of(
            room, appeal.user_id, bot_id=appeal.bot_id, key=f"appeal-{appeal.job_id}"
        )
        if guest is not None and not await _heard(room, guest, appeal):
            continue
        await appeals.told(appeal.job_id)
        told += guest is not None
    return told


async def _heard(room: Room, guest: Guest, appeal: Appeal) -> bool:
    """False: to be tried again. Who has blocked the bot does not want to hear."""
    said = html(f"appeal.{appeal.verdict}", guest.language)
    if appeal.note:
        said = Html(f"{said}\n<blockquote>{quoted(appeal.note)}</blockquote>")
    try:
        await room.say.send(guest, said)
    except Gone:
        log.info("appeal.untold", job_id=str(appeal.job_id))
    except Unavailable as error:
        log.warning("appeal.unsent", job_id=str(appeal.job_id), reason=str(error))
        return False
    return True


def _appeals(room: Room) -> Appeals:
    return Appeals(room.desk.db, room.desk.keys)
