"""What is told in place of a job: a price to agree to, a model that is away, credits that are missing.

Each comes with the ways round it, kept as wishes. Nothing of this costs anything or takes a place.
"""

from typing import Final

from ops.base.logs import get_logger
from producers.bot.guest import Guest
from producers.bot.presses import button
from producers.bot.refusals import in_words
from producers.bot.room import Room
from producers.bot.steps import steps_of
from producers.bot.wants import Wanted, keep, units_of
from producers.outlook import Away
from schemas.buttons import DROP, RUN
from schemas.errors import Conflict, Insufficient, Refused, TooMuch
from schemas.jobs import Kind
from schemas.payloads import PROMPT_MAX_CHARACTERS
from schemas.speech import Html, html, quoted
from schemas.texts import text
from storage.wishes import Why, Wish

log = get_logger(__name__)

CHEAP: Final = {Kind.TEXT_GENERATE: "text.cheap", Kind.TEXT_IMPROVE: "text.cheap"}
"""The alias that is offered to who cannot pay for the model they chose."""
SHOP: Final = "shop"
Rows = list[list[tuple[str, str]]]
_MODEL_CODES: Final = frozenset({"unknown_model", "model_unavailable", "model_not_in_plan"})


async def too_long(room: Room, guest: Guest, words: str) -> bool:
    """Whether these are more than a model is asked; then it was told. Nothing is left out unasked."""
    if len(words) <= PROMPT_MAX_CHARACTERS:
        return False
    shown = html("bot.too-long", guest.language, limit=PROMPT_MAX_CHARACTERS)
    await room.say.send(guest, shown, reply_to=guest.message_id)
    return True


async def confirm(room: Room, guest: Guest, wanted: Wanted, units: int) -> None:
    """It costs more than this person wants to be asked about."""
    language, count = guest.language, len(wanted.inputs)
    kind = html(f"kind.{wanted.kind.value}", language)
    which = "bot.confirm"
    if wanted.improve:
        which = "bot.confirm-improved"
    elif wanted.then is not None:
        which = "bot.confirm-post"
    elif count > 1:
        which = "bot.confirm-album"
    shown = html(which, language, kind=kind, count=count, price_units=units)
    wish_id = await keep(room, guest, wanted, "confirm", told_units=units)
    yes = text("bot.button.generate", language, price_units=units)
    rows: Rows = [
        [button(yes, RUN, wish_id)],
        [button(text("bot.button.drop", language), DROP, wish_id)],
    ]
    await room.say.send(guest, shown, keyboard=rows, reply_to=guest.message_id)


async def away(room: Room, guest: Guest, wanted: Wanted, found: Away, units: int) -> None:
    """Nobody answers now: another model, the same all the same, or nothing, each with its price."""
    rows: Rows = []
    if found.instead is not None:
        rows += await _default_model(room, guest, wanted.by(found.instead))
    await _tell_away(room, guest, wanted, _away_text(found, guest), rows, units)


async def improver_away(room: Room, guest: Guest, wanted: Wanted, found: Away, units: int) -> None:
    """The same of who would improve its prompt; it can go as it was typed."""
    rows = await _as_typed(room, guest, wanted)
    await _tell_away(room, guest, wanted, _away_text(found, guest), rows, units)


async def unpaid(
    room: Room, guest: Guest, wanted: Wanted, refused: Insufficient, wish: Wish | None
) -> None:
    """What is missing, where to get it, and that the request is kept. Not a job, and no hold."""
    language = guest.language
    need = int(refused.facts.get("price_units", 0))
    have = int(refused.facts.get("available_units", 0))
    if wish is None:
        wish_id = await keep(room, guest, wanted, "insufficient", told_units=need)
    else:
        wish_id = wish.id
        await room.wishes.waits(guest.user_id, wish_id, why="insufficient")
    shown = html(
        "bot.insufficient" if guest.private else "bot.insufficient-group",
        language,
        price_units=need,
        available_units=have,
        missing_units=max(0, need - have),
    )
    rows = [
        [button(text("bot.button.buy", language), SHOP)],
        *await _cheaper(room, guest, wanted, need, have),
        [button(text("bot.button.drop", language), DROP, wish_id)],
    ]
    await room.say.send(guest, shown, keyboard=rows, reply_to=guest.message_id)


async def refusal(
    room: Room, guest: Guest, wanted: Wanted, refused: Refused, wish: Wish | None
) -> None:
    """Told in plain words; for a model that is not to be had, with the way round it."""
    log.info("ask.refused", code=refused.code, kind=wanted.kind.value)
    if isinstance(refused, Conflict) and wish is not None:
        await room.say.send(guest, html("bot.already-done", guest.language))
        return
    rows: Rows = []
    if refused.code in _MODEL_CODES and "model" in wanted.input:
        rows += await _default_model(room, guest, wanted.by_default())
    if isinstance(refused, TooMuch) and refused.code == "daily_limit":
        rows.append([button(text("bot.button.plans", guest.language), SHOP)])
    shown = quoted(in_words(refused, guest))
    await room.say.send(guest, shown, keyboard=rows, reply_to=guest.message_id)


async def unimproved(room: Room, guest: Guest, wanted: Wanted) -> None:
    """The first of two jobs has failed, and its card says why: what has not begun can go as typed."""
    kind = html(f"kind.{wanted.kind.value}", guest.language)
    shown = html("bot.unimproved", guest.language, kind=kind)
    rows = await _as_typed(room, guest, wanted)
    await room.say.send(guest, shown, keyboard=rows, reply_to=guest.message_id)


def _away_text(found: Away, guest: Guest) -> Html:
    if found.title:
        return html("bot.away", guest.language, model=found.title, minutes=found.minutes)
    return html("bot.away-all", guest.language, minutes=found.minutes)


async def _tell_away(
    room: Room, guest: Guest, wanted: Wanted, shown: Html, rows: Rows, units: int
) -> None:
    language = guest.language
    same = await keep(room, guest, wanted, "confirm", told_units=units)
    label = text("bot.button.anyway", language, price_units=units)
    keyboard = [
        *rows,
        [button(label, RUN, same)],
        [button(text("bot.button.drop", language), DROP, same)],
    ]
    await room.say.send(guest, shown, keyboard=keyboard, reply_to=guest.message_id)


async def _default_model(room: Room, guest: Guest, instead: Wanted) -> Rows:
    return await _way(room, guest, instead, "default-model", "model")


async def _as_typed(room: Room, guest: Guest, wanted: Wanted) -> Rows:
    return await _way(room, guest, wanted.plain(), "as-typed", "plain")


async def _cheaper(room: Room, guest: Guest, wanted: Wanted, need: int, have: int) -> Rows:
    """The same by a cheaper model, or with its prompt as it was typed, where that is less."""
    if wanted.improve:
        return await _way(room, guest, wanted.plain(), "as-typed", "plain", most_units=have)
    alias = CHEAP.get(wanted.kind)
    if alias is None or wanted.input.get("model") in {None, alias}:
        return []
    return await _way(room, guest, wanted.by(alias), "cheaper", "model", most_units=need - 1)


async def _way(
    room: Room,
    guest: Guest,
    instead: Wanted,
    label: str,
    why: Why,
    *,
    most_units: int | None = None,
) -> Rows:
    """A button for it with its price; none where that is refused as well, or costs too much."""
    try:
        units = await units_of(room, *(await steps_of(room, guest, instead)).all)
    except Refused:
        return []
    if most_units is not None and units > most_units:
        return []
    wish_id = await keep(room, guest, instead, why, told_units=units)
    return [[button(text(f"bot.button.{label}", guest.language, price_units=units), RUN, wish_id)]]
