"""How a refusal is told to who pressed a button or asked: in words, and then all is done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiogram.types import CallbackQuery

from producers.bot.guest import Guest
from producers.bot.private import PRIVATE_ONLY, way
from producers.bot.room import Room
from schemas.errors import Refused
from schemas.speech import quoted
from schemas.texts import error_text


@asynccontextmanager
async def refusals(
    room: Room, guest: Guest, query: CallbackQuery | None = None
) -> AsyncIterator[None]:
    """What is refused inside is told in words, over the button or as a message; then all is done."""
    try:
        yield
    except Refused as refused:
        if query is not None:
            await room.say.answer(query, error_text(refused, guest.language), alert=True)
        else:
            shown = quoted(error_text(refused, guest.language))
            rows = await way(room, guest) if refused.code == PRIVATE_ONLY else None
            await room.say.send(guest, shown, keyboard=rows)
    else:
        if query is not None:
            await room.say.answer(query)
