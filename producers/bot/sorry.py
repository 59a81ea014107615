"""What is said when an update could not be handled, however often it was tried."""

from typing import Any

from aiogram.types import CallbackQuery, ChosenInlineResult, Message

from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.speech import Html, html
from storage.results import JobFilters
from storage.updates import Update


async def tell(room: Room, guest: Guest, update: Update, event: Any) -> None:
    """In plain words, with what is true of the costs. Raises Gone, Unavailable, TelegramAPIError."""
    if isinstance(event, ChosenInlineResult):
        if event.inline_message_id is not None:
            await room.bots[guest.bot_id].edit_message_text(
                await _words(room, guest, update),
                inline_message_id=event.inline_message_id,
                parse_mode="HTML",
            )
    elif isinstance(event, Message) and event.successful_payment:
        await room.say.send(guest, html("bot.sorry-paid", guest.language))
    elif isinstance(event, Message | CallbackQuery):
        said = await _words(room, guest, update)
        await room.say.send(guest, said, reply_to=guest.message_id)


async def _words(room: Room, guest: Guest, update: Update) -> Html:
    """A job may have been begun before it failed."""
    newest = await room.desk.results.list(guest.user_id, filters=JobFilters(limit=1))
    if newest and newest[0].created_at >= update.received_at:
        return html("bot.sorry-begun", guest.language)
    return html("bot.sorry", guest.language)
