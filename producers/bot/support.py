"""`/paysupport`: help with payments. A reply to it, or words behind it, are read by a person, for nothing.

What the house answers comes into the chat, and a reply to that goes the same way.
"""

from typing import Any, Final

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from ops.base.logs import get_logger
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.private import check_private
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Gone
from schemas.errors import Unavailable
from schemas.ids import derive_id
from schemas.speech import Html, html, quoted
from storage.support import Question, Support

log = get_logger(__name__)

BATCH: Final = 50


def router() -> Router:
    made = Router(name="support")
    made.message.register(on_paysupport, Command("paysupport"))
    made.message.register(on_reply, _is_question)
    return made


async def on_paysupport(_: Message, room: Room, guest: Guest, command: CommandObject) -> None:
    """How it is asked; with words behind it, these are the question."""
    async with refusals(room, guest):
        check_private(guest)
        words = (command.args or "").strip()
        if words:
            await _ask(room, guest, words)
            return
        shown = html("shop.paysupport", guest.language, user=guest.user_id)
        await _say(room, guest, shown)


async def on_reply(message: Message, room: Room, guest: Guest) -> None:
    """A question; what came without words cannot be read by anybody."""
    async with refusals(room, guest):
        words = (message.text or message.caption or "").strip()
        if words:
            await _ask(room, guest, words)
        else:
            await _say(room, guest, html("support.words-please", guest.language))


async def tell_answered(room: Room) -> int:
    """Answers of the house to who has asked; how many are told now.

    Killed between the message and the row: it is said twice.
    """
    support, told = _support(room), 0
    for question in await support.untold(list(room.bots), limit=BATCH):
        guest = await guest_of(
            room, question.user_id, bot_id=question.bot_id, key=f"support-{question.id}"
        )
        if guest is not None and not await _heard(room, guest, question):
            continue
        await support.told(question.id)
        told += guest is not None
    return told


async def _is_question(message: Message, room: Room, guest: Guest) -> bool | dict[str, Any]:
    """A reply to a message of ours that asks for one. A command is a command."""
    answered = message.reply_to_message
    if answered is None or not guest.private or (message.text or "").startswith("/"):
        return False
    if answered.from_user is None or answered.from_user.id != guest.bot_id:
        return False
    return await _support(room).is_ours(
        bot_id=guest.bot_id, chat_id=guest.chat_id, message_id=answered.message_id
    )


async def _ask(room: Room, guest: Guest, words: str) -> None:
    """Taken in once for an update, then confirmed. Raises TooMuch."""
    question_id = derive_id("support", guest.user_id, guest.key)
    await _support(room).ask(
        question_id, guest.user_id, words, bot_id=guest.bot_id, message_id=guest.message_id
    )
    log.info("support.asked", question=str(question_id))
    await _say(room, guest, html("support.noted", guest.language), reply_to=guest.message_id)


async def _say(room: Room, guest: Guest, said: Html, *, reply_to: int | None = None) -> None:
    """Something that can be replied to.

    Killed before it is noted: the update comes again, and the message that is said then is noted.
    """
    message_id = await room.say.send(guest, said, reply_to=reply_to)
    await _support(room).note_message(
        guest.user_id, bot_id=guest.bot_id, chat_id=guest.chat_id, message_id=message_id
    )


async def _heard(room: Room, guest: Guest, question: Question) -> bool:
    """False: to be tried again. Who has blocked the bot does not want to hear."""
    answer = quoted(question.answer)
    said = html("support.answer", guest.language, answer=answer)
    try:
        await _say(room, guest, said, reply_to=question.message_id)
    except Gone:
        log.info("support.untold", question=str(question.id))
    except Unavailable as error:
        log.warning("support.unsent", question=str(question.id), reason=str(error))
        return False
    return True


def _support(room: Room) -> Support:
    return Support(room.desk.db, room.desk.keys)
