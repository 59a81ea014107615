"""Inline mode: a placeholder with its price in any chat; chosen, it becomes a job that fills it in.

The placeholder needs a button: only then does Telegram tell which message was made of it.
"""

from typing import Final

from aiogram import Router
from aiogram.exceptions import TelegramAPIError
from aiogram.types import (
    CallbackQuery,
    ChosenInlineResult,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultUnion,
    InputTextMessageContent,
)

from ops.base.logs import get_logger
from producers.bot import flow
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.room import Room
from producers.bot.say import markup
from producers.request import SubmitRequest
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.money import App
from schemas.speech import html, quoted
from schemas.targets import InlineTarget
from schemas.texts import error_text, text

log = get_logger(__name__)

QUERY_MAX_CHARACTERS: Final = 256
"""What Telegram lets a person type after the bot's name (InlineQuery of the Bot API)."""
WORKING: Final = "working"
OFFERS: Final = {
    "generate": (Kind.TEXT_GENERATE, App.VIAIZER),
    "correct": (Kind.TEXT_IMPROVE, App.TEXT_AI),
    "friendly": (Kind.TEXT_IMPROVE, App.TEXT_AI),
    "formal": (Kind.TEXT_IMPROVE, App.TEXT_AI),
}


def router() -> Router:
    made = Router(name="inline")
    made.inline_query.register(on_query)
    made.chosen_inline_result.register(on_chosen)
    made.callback_query.register(on_working, Pressed(WORKING))
    return made


async def on_query(query: InlineQuery, room: Room, guest: Guest) -> None:
    """Nothing is made or charged until one is chosen."""
    words = query.query.strip()
    found: list[InlineQueryResultUnion] = []
    for name, (kind, app) in OFFERS.items() if words else ():
        if app not in guest.features:
            continue
        try:
            units = await flow.price_units(room, guest.within(app), kind, _body(name, words))
        except Refused:
            continue
        found.append(_offer(guest, name, words, units))
    try:
        await query.answer(found, cache_time=0, is_personal=True)
    except TelegramAPIError as error:  # too old by now: the person has typed on
        log.debug("inline.unanswered", reason=type(error).__name__)


async def on_chosen(chosen: ChosenInlineResult, room: Room, guest: Guest) -> None:
    """A refusal is told where the answer would have been."""
    if chosen.inline_message_id is None or chosen.result_id not in OFFERS:
        return
    kind, app = OFFERS[chosen.result_id]
    target = InlineTarget(guest.bot, chosen.inline_message_id)
    request = SubmitRequest(
        guest.user_id,
        app,
        kind.value,
        _body(chosen.result_id, chosen.query.strip()),
        key=guest.key,
        reply=target.encode(),
    )
    try:
        await room.desk.intake.submit(request)
    except Refused as refused:
        said = quoted(error_text(refused, guest.language))
        try:
            await room.bots[guest.bot_id].edit_message_text(
                said, inline_message_id=chosen.inline_message_id, parse_mode="HTML"
            )
        except TelegramAPIError as error:
            log.info("inline.untold", reason=type(error).__name__)


async def on_working(callback: CallbackQuery, room: Room, guest: Guest) -> None:
    await room.say.answer(callback, text("bot.inline.working", guest.language))


def _body(name: str, words: str) -> dict[str, str]:
    told = words[:QUERY_MAX_CHARACTERS]
    return {"prompt": told} if name == "generate" else {"text": told, "style": name}


def _offer(guest: Guest, name: str, words: str, units: int) -> InlineQueryResultArticle:
    language = guest.language
    return InlineQueryResultArticle(
        id=name,
        title=text(f"bot.inline.{name}", language, price_units=units),
        description=words[:100],
        input_message_content=InputTextMessageContent(
            message_text=html("bot.inline.placeholder", language), parse_mode="HTML"
        ),
        reply_markup=markup([[button(text("bot.inline.working", language), WORKING)]]),
    )
