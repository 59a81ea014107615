"""Inline mode: a placeholder with its price in any chat; chosen, it becomes a job that fills it in.

The placeholder needs a button: only then does Telegram tell which message was made of it. A model that
does not answer is said before the tap, and its result is by another one where there is one.
"""

from dataclasses import replace
from typing import Any, Final

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
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.refusals import in_words
from producers.bot.room import Room
from producers.bot.say import markup
from producers.bot.wants import Wanted, outlook, request_of, units_of, with_model
from producers.outlook import Away
from schemas.errors import Refused
from schemas.jobs import Kind
from schemas.money import App
from schemas.speech import html, quoted
from schemas.targets import InlineTarget
from schemas.texts import text

log = get_logger(__name__)

QUERY_MAX_CHARACTERS: Final = 256
"""What Telegram lets a person type after the bot's name (InlineQuery of the Bot API)."""
DESCRIPTION_MAX_CHARACTERS: Final = 100
WORKING: Final = "working"
BY: Final = ":"
"""In the id of a result, before the model that answers in place of one that is away."""
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
    looked: dict[Kind, Away | None] = {}
    for name, (_, app) in OFFERS.items() if words else ():
        if app not in guest.features:
            continue
        try:
            found.append(await _offer(room, guest.within(app), name, words, looked))
        except Refused:
            continue
    try:
        await query.answer(found, cache_time=0, is_personal=True)
    except TelegramAPIError as error:  # too old by now: the person has typed on
        log.debug("inline.unanswered", reason=type(error).__name__)


async def on_chosen(chosen: ChosenInlineResult, room: Room, guest: Guest) -> None:
    """A refusal is told where the answer would have been."""
    name, _, model = chosen.result_id.partition(BY)
    if chosen.inline_message_id is None or name not in OFFERS:
        return
    target = InlineTarget(guest.bot, chosen.inline_message_id)
    wanted = await _wanted(room, guest, name, chosen.query.strip())
    request = request_of(
        guest.within(OFFERS[name][1]), wanted.by(model) if model else wanted, key=guest.key
    )
    try:
        await room.desk.intake.submit(replace(request, reply=target.encode()))
    except Refused as refused:
        said = quoted(in_words(refused, guest))
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


async def _wanted(room: Room, guest: Guest, name: str, words: str) -> Wanted:
    """By the model that its person has chosen."""
    kind, _ = OFFERS[name]
    preference = await room.preferences.of(guest.user_id)
    told: dict[str, Any] = dict(_body(name, words))
    return Wanted(kind, with_model(kind, told, preference))


async def _offer(
    room: Room, guest: Guest, name: str, words: str, looked: dict[Kind, Away | None]
) -> InlineQueryResultArticle:
    """`looked`: who is away, by kind, asked once a query. Raises Refused."""
    wanted = await _wanted(room, guest, name, words)
    if wanted.kind not in looked:
        looked[wanted.kind] = await outlook(room).of(request_of(guest, wanted))
    away = looked[wanted.kind]
    result_id = name
    if away is not None and away.instead is not None:
        wanted, result_id = wanted.by(away.instead), f"{name}{BY}{away.instead}"
    units = await units_of(room, request_of(guest, wanted))
    warning = _warning(away, guest)
    shown = warning or words[:DESCRIPTION_MAX_CHARACTERS]
    return _article(guest, name, result_id, units, description=shown, marked=bool(warning))


def _warning(away: Away | None, guest: Guest) -> str:
    """Who does not answer, and what is done about it; empty where there is nothing to say."""
    if away is None:
        return ""
    if away.instead is None:
        return text("bot.inline-away-all", guest.language, minutes=away.minutes)
    if away.title:
        return text("bot.inline-away", guest.language, model=away.title)
    return text("bot.inline-away-usual", guest.language)


def _article(
    guest: Guest, name: str, result_id: str, units: int, *, description: str, marked: bool
) -> InlineQueryResultArticle:
    language = guest.language
    title = text(f"bot.inline.{name}", language, price_units=units)
    return InlineQueryResultArticle(
        id=result_id,
        title=f"⚠️ {title}" if marked else title,
        description=description,
        input_message_content=InputTextMessageContent(
            message_text=html("bot.inline.placeholder", language), parse_mode="HTML"
        ),
        reply_markup=markup([[button(text("bot.inline.working", language), WORKING)]]),
    )
