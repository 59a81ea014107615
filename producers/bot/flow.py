"""From what a person asks for to a job: price, a word where one is needed, then the intake and a card.

`ask` may run twice for one update, and a button may be tapped twice: the key makes it one job. Every
refusal is told here in plain words, and costs nothing.
"""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from ops.base.logs import get_logger
from producers.bot import card
from producers.bot.guest import Guest
from producers.bot.presses import button
from producers.bot.room import Room
from producers.bot.say import Keyboard
from producers.outlook import Away, Outlook
from producers.request import Accepted, SubmitRequest
from schemas.buttons import DROP, RUN
from schemas.catalogue import MODALITY_OF_KIND
from schemas.errors import Conflict, Insufficient, Refused, TooMuch
from schemas.ids import derive_id
from schemas.jobs import Kind
from schemas.speech import html, quoted
from schemas.targets import TelegramTarget
from schemas.texts import error_text, text
from storage.preferences import Preference
from storage.wishes import Why, Wish

log = get_logger(__name__)

CHEAP: Final = {Kind.TEXT_GENERATE: "text.cheap", Kind.TEXT_IMPROVE: "text.cheap"}
"""The alias that is offered to who cannot pay for the model they chose."""
SHOP: Final = "shop"
MINUTE_S: Final = 60
_MODEL_CODES: Final = frozenset({"unknown_model", "model_unavailable", "model_not_in_plan"})


async def ask(  # noqa: PLR0913 (the one way in, with all that may differ)
    room: Room,
    guest: Guest,
    kind: Kind,
    input: dict[str, Any],  # noqa: A002 (the word of a job's request)
    *,
    key: str | None = None,
    said: str | None = None,
    confirmed: bool = False,
    wish: Wish | None = None,
    replay_of: UUID | None = None,
) -> UUID | None:
    """The job, or None when a word, credits or something else is missing, and the person was told.

    `said` is what is remembered of it in the conversation. `confirmed`: the price was agreed to.
    `replay_of`: the job that this one tries again.
    Raises Gone, Unavailable.
    """
    preference = await room.preferences.of(guest.user_id)
    request = SubmitRequest(
        guest.user_id,
        guest.app,
        kind.value,
        _with_model(kind, input, preference) if wish is None else input,
        key=key or guest.key,
        reply=_target(guest),
        replay_of=replay_of,
    )
    if (known := await _known(room, request)) is not None:
        await _show(room, guest, kind, known)
        return known.job_id
    try:
        if not confirmed and (away := await outlook(room).of(request)) is not None:
            await _tell_away(room, guest, request, away, said=said)
            return None
        if not confirmed and await _asks_first(room, request, preference):
            await _confirm(room, guest, request, said=said)
            return None
        accepted = await room.desk.intake.submit(request)
    except Insufficient as refused:
        await _unpaid(room, guest, request, refused, wish)
        return None
    except Refused as refused:
        await _refused(room, guest, request, refused, wish)
        return None
    if said is not None:
        await room.talks.say(
            guest.user_id, guest.bot, guest.chat_id, job_id=accepted.job_id, said=said
        )
    await _show(room, guest, kind, accepted)
    return accepted.job_id


async def run_wish(room: Room, guest: Guest, wish_id: UUID) -> UUID | None:
    """Submit what was kept, where it was asked; None when it cannot run, and the person was told.

    Raises Missing for a wish that is not theirs.
    """
    wish = await room.wishes.get(guest.user_id, wish_id)
    if wish.job_id is not None or wish.dropped or not wish.kind:
        await room.say.send(guest, html("bot.already-done", guest.language))
        return wish.job_id
    here = _where(guest, wish)
    said, replay_of = wish.input.get("said"), wish.input.get("replay_of")
    job_id = await ask(
        room,
        here,
        Kind(wish.kind),
        wish.input["input"],
        key=wish.key,
        said=said if isinstance(said, str) else None,
        confirmed=True,
        wish=wish,
        replay_of=UUID(replay_of) if replay_of else None,
    )
    if job_id is not None:
        await room.wishes.ran(guest.user_id, wish_id, job_id=job_id)
    return job_id


async def keep(
    room: Room,
    guest: Guest,
    kind: Kind | None,
    input: dict[str, Any],  # noqa: A002 (the word of a job's request)
    why: Why,
    *,
    said: str | None = None,
    replay_of: UUID | None = None,
) -> UUID:
    """A wish of this update: the same update keeps the same one. Its `input` holds ours."""
    replayed = str(replay_of) if replay_of else None
    return await room.wishes.keep(
        guest.user_id,
        guest.bot,
        guest.chat_id,
        guest.app,
        kind.value if kind else "",
        {"input": input, "said": said, "replay_of": replayed},
        why,
        reply_to=guest.message_id,
        wish_id=derive_id("wish", guest.user_id, guest.key, why),
    )


async def price_units(
    room: Room,
    guest: Guest,
    kind: Kind,
    input: dict[str, Any],  # noqa: A002
) -> int:
    """What it would cost now. Raises Refused."""
    preference = await room.preferences.of(guest.user_id)
    return await _quoted_units(room, guest, kind, _with_model(kind, input, preference))


async def _quoted_units(room: Room, guest: Guest, kind: Kind, told: dict[str, Any]) -> int:
    """Of exactly this input, whatever its person prefers. Raises Refused."""
    offer = await room.desk.offers.make(SubmitRequest(guest.user_id, guest.app, kind.value, told))
    return offer.quote.price_units


async def tell_refusal(room: Room, guest: Guest, refused: Refused) -> None:
    """What happened, what it cost and what to do next."""
    await room.say.send(
        guest, quoted(error_text(refused, guest.language)), reply_to=guest.message_id
    )


async def _known(room: Room, request: SubmitRequest) -> Accepted | None:
    known = await room.desk.results.known(request.user_id, request.key or "")
    if known is None:
        return None
    return Accepted(known.job_id, known.state.value, known.price_units, "", replayed=True)


async def _show(room: Room, guest: Guest, kind: Kind, accepted: Accepted) -> None:
    await card.show_card(room, guest, accepted.job_id, kind=kind, price_units=accepted.price_units)


async def _asks_first(room: Room, request: SubmitRequest, preference: Preference) -> bool:
    if preference.confirm_above_units is None:
        return False
    offer = await room.desk.offers.make(request)
    return offer.quote.price_units > preference.confirm_above_units


async def _confirm(room: Room, guest: Guest, request: SubmitRequest, *, said: str | None) -> None:
    kind = Kind(request.kind)
    units = (await room.desk.offers.make(request)).quote.price_units
    wish_id = await keep(
        room, guest, kind, request.input, "confirm", said=said, replay_of=request.replay_of
    )
    shown = html(
        "bot.confirm", guest.language, kind=html(f"kind.{kind.value}", guest.language),
        price_units=units,
    )  # fmt: skip
    await room.say.send(
        guest, shown, keyboard=_yes_no(guest, wish_id, units), reply_to=guest.message_id
    )


def _yes_no(guest: Guest, wish_id: UUID, units: int) -> Keyboard:
    yes = text("bot.button.generate", guest.language, price_units=units)
    return [
        [button(yes, RUN, wish_id)],
        [button(text("bot.button.drop", guest.language), DROP, wish_id)],
    ]


def outlook(room: Room) -> Outlook:
    """Who of the models answers now."""
    return Outlook(room.settings, room.desk.queue, room.desk.users)


async def _tell_away(
    room: Room, guest: Guest, request: SubmitRequest, away: Away, *, said: str | None
) -> None:
    """Nobody answers now: another model, the same all the same, or nothing, each with its price."""
    kind, language = Kind(request.kind), guest.language
    minutes = max(1, -(-int(away.wait_s) // MINUTE_S))
    if away.title:
        shown = html("bot.away", language, model=away.title, minutes=minutes)
    else:
        shown = html("bot.away-all", language, minutes=minutes)
    rows = []
    if away.instead is not None:
        told = {**request.input, "model": away.instead}
        rows += await _with_default(room, guest, kind, told, said=said)
    units = (await room.desk.offers.make(request)).quote.price_units
    same = await keep(
        room, guest, kind, request.input, "confirm", said=said, replay_of=request.replay_of
    )
    rows.append([button(text("bot.button.anyway", language, price_units=units), RUN, same)])
    rows.append([button(text("bot.button.drop", language), DROP, same)])
    await room.say.send(guest, shown, keyboard=rows, reply_to=guest.message_id)


async def _with_default(
    room: Room, guest: Guest, kind: Kind, told: dict[str, Any], *, said: str | None = None
) -> list[list[tuple[str, str]]]:
    """The same by a model that is there; none where that is refused as well."""
    try:
        units = await _quoted_units(room, guest, kind, told)
    except Refused:
        return []
    wish_id = await keep(room, guest, kind, told, "model", said=said)
    label = text("bot.button.default-model", guest.language, price_units=units)
    return [[button(label, RUN, wish_id)]]


async def _unpaid(
    room: Room, guest: Guest, request: SubmitRequest, refused: Refused, wish: Wish | None
) -> None:
    """What is missing, where to get it, and that the request is kept. Not a job, and no hold."""
    kind = Kind(request.kind)
    if wish is None:
        wish_id = await keep(
            room, guest, kind, request.input, "insufficient", replay_of=request.replay_of
        )
    else:
        wish_id = wish.id
        await room.wishes.waits(guest.user_id, wish_id, why="insufficient")
    need = int(refused.facts.get("price_units", 0))
    have = int(refused.facts.get("available_units", 0))
    shown = html(
        "bot.insufficient",
        guest.language,
        price_units=need,
        available_units=have,
        missing_units=max(0, need - have),
    )
    rows = [
        [button(text("bot.button.buy", guest.language), SHOP)],
        *await _cheaper(room, guest, kind, request, need),
        [button(text("bot.button.drop", guest.language), DROP, wish_id)],
    ]
    await room.say.send(guest, shown, keyboard=rows, reply_to=guest.message_id)


async def _cheaper(
    room: Room, guest: Guest, kind: Kind, request: SubmitRequest, need: int
) -> list[list[tuple[str, str]]]:
    """The same by a cheaper model, where there is one."""
    alias = CHEAP.get(kind)
    if alias is None or request.input.get("model") in {None, alias}:
        return []
    told = {**request.input, "model": alias}
    try:
        units = await _quoted_units(room, guest, kind, told)
    except Refused:
        return []
    if units >= need:
        return []
    wish_id = await keep(room, guest, kind, told, "model")
    label = text("bot.button.cheaper", guest.language, price_units=units)
    return [[button(label, RUN, wish_id)]]


async def _refused(
    room: Room, guest: Guest, request: SubmitRequest, refused: Refused, wish: Wish | None
) -> None:
    """Told in plain words; for a model that is away, with the way round it."""
    log.info("ask.refused", code=refused.code, kind=request.kind)
    rows: list[list[tuple[str, str]]] = []
    kind = Kind(request.kind)
    if isinstance(refused, Conflict) and wish is not None:
        await room.say.send(guest, html("bot.already-done", guest.language))
        return
    if refused.code in _MODEL_CODES and "model" in request.input:
        told = {name: value for name, value in request.input.items() if name != "model"}
        rows += await _with_default(room, guest, kind, told)
    if isinstance(refused, TooMuch) and refused.code == "daily_limit":
        rows.append([button(text("bot.button.plans", guest.language), SHOP)])
    shown = quoted(error_text(refused, guest.language))
    await room.say.send(guest, shown, keyboard=rows, reply_to=guest.message_id)


def _with_model(kind: Kind, told: dict[str, Any], preference: Preference) -> dict[str, Any]:
    """The model that this person has chosen for the modality, unless the request names one."""
    if kind is Kind.POST_PUBLISH or "model" in told:
        return told
    chosen = preference.models.get(str(MODALITY_OF_KIND[kind]))
    return {**told, "model": chosen} if chosen else told


def _target(guest: Guest) -> str:
    return TelegramTarget(guest.bot, guest.chat_id, guest.message_id, guest.private).encode()


async def run_part(
    room: Room,
    guest: Guest,
    wish_id: UUID,
    *,
    part: str,
    changes: dict[str, Any],
    kind: Kind | None = None,
) -> UUID | None:
    """One of the things that a wish offers, once each: a style of a text, a choice for a picture.

    Raises Missing for a wish that is not theirs; Conflict `already_done` for a second tap.
    """
    wish = await room.wishes.get(guest.user_id, wish_id)
    key = f"{wish.key}-{part}"
    if await room.desk.results.known(guest.user_id, key) is not None:
        raise Conflict("already_done")
    here = _where(guest, wish)
    body = {**({} if kind else wish.input["input"]), **changes}
    return await ask(room, here, kind or Kind(wish.kind), body, key=key)


async def then(
    room: Room,
    guest: Guest,
    kind: Kind,
    input: dict[str, Any],  # noqa: A002 (the word of a job's request)
    *,
    after_job: UUID,
    post: bool = False,
) -> None:
    """What follows by itself on what `after_job` makes; once, however often it is asked for.

    `post`: and when that is told, where it shall be posted is asked.
    """
    await room.wishes.keep(
        guest.user_id,
        guest.bot,
        guest.chat_id,
        guest.app,
        kind.value,
        {"input": input, "said": None, "post": post},
        "after",
        reply_to=guest.message_id,
        wish_id=derive_id("after", after_job, kind.value),
        after_job=after_job,
    )


def _where(guest: Guest, wish: Wish) -> Guest:
    """The same guest where the wish was made."""
    return replace(
        guest,
        chat_id=wish.chat_id,
        private=wish.chat_id > 0,
        app=wish.app,
        message_id=wish.reply_to,
    )
