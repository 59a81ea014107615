"""How a refusal is told to who pressed a button or asked: in words, and then all is done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta

from aiogram.types import CallbackQuery

from ops.base.clock import now
from producers.bot.amounts import local
from producers.bot.guest import Guest
from producers.bot.private import PRIVATE_ONLY, way
from producers.bot.room import Room
from schemas.errors import Refused
from schemas.speech import quoted
from schemas.texts import error_text, text


def in_words(refused: Refused, guest: Guest) -> str:
    """What happened, what it cost and what to do next; when the day begins anew, on the person's clock."""
    if refused.code != "daily_limit":
        return error_text(refused, guest.language)
    anew = datetime.combine(now().date() + timedelta(days=1), time(), UTC)
    facts = {**refused.facts, "reset": local(anew, guest, date=False)}
    return text(refused.text_key, guest.language, **facts)


@asynccontextmanager
async def refusals(
    room: Room, guest: Guest, query: CallbackQuery | None = None
) -> AsyncIterator[None]:
    """What is refused inside is told in words, over the button or as a message; then all is done."""
    try:
        yield
    except Refused as refused:
        if query is not None:
            await room.say.answer(query, in_words(refused, guest), alert=True)
        else:
            shown = quoted(in_words(refused, guest))
            rows = await way(room, guest) if refused.code == PRIVATE_ONLY else None
            await room.say.send(guest, shown, keyboard=rows)
    else:
        if query is not None:
            await room.say.answer(query)
