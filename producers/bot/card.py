"""The card of a job: sent when it is accepted, kept true while it waits, then left to the delivery.

    the job is committed -> the card is sent -> its row is written

Killed in between, the job has no card and its answer comes as a message of its own.
"""

from hashlib import blake2b
from typing import Final
from uuid import UUID

from ops.base.logs import get_logger
from producers.bot.crowd import Slots
from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.buttons import cancel_keyboard
from schemas.errors import Unavailable
from schemas.jobs import Kind, State
from schemas.plans import kind_limits
from schemas.speech import Html, html
from schemas.targets import draft_id_of
from schemas.texts import Language
from storage.places import Place

log = get_logger(__name__)

BEFORE: Final = frozenset({State.WAITING, State.QUEUED})
"""From its start on, a card belongs to the worker that runs its job, then to the delivery."""
MINUTE_S: Final = 60
MINUTES_FROM_S: Final = 100
"""From here on a range is told in minutes."""
_STOPPABLE: Final = frozenset({Kind.TEXT_GENERATE, Kind.TEXT_IMPROVE})


async def show_card(
    room: Room, guest: Guest, job_id: UUID, *, kind: Kind, price_units: int
) -> None:
    """Send it and write its row; a job that has its card, or its answer, gets no other. Raises Gone."""
    if await room.cards.of_job(job_id) is not None:
        return
    said = await _first(room, job_id, kind, price_units, guest.language)
    keyboard = cancel_keyboard(job_id, guest.language)
    message_id = await room.say.send(guest, said, keyboard=keyboard, reply_to=guest.message_id)
    kept = await room.cards.add(
        job_id,
        guest.bot,
        guest.chat_id,
        message_id,
        guest.language,
        draft_id_of(job_id),
        digest(said),
    )
    if not kept:  # the answer was quicker
        await room.say.delete(guest, message_id)


async def _first(
    room: Room, job_id: UUID, kind: Kind, price_units: int, language: Language
) -> Html:
    """With its place as of now, where that can be said."""
    try:
        place = await room.crowd.place_of_new(job_id)
    except Unavailable as error:
        log.warning("card.without_place", reason=str(error))
        place = None
    if place is None or place.state not in BEFORE:
        return accepted(kind, price_units, language)
    return refreshed(place, await room.crowd.slots(), language)


def digest(said: str) -> int:
    """Whether two cards say the same."""
    return int.from_bytes(blake2b(said.encode(), digest_size=8).digest(), signed=True)


def accepted(kind: Kind, price_units: int, language: Language) -> Html:
    """What a card says of which nothing is known, or which has begun already."""
    typical_s = kind_limits()[kind].typical_s
    return html(
        "bot.card",
        language,
        kind=html(f"kind.{kind.value}", language),
        price_units=price_units,
        state=html("bot.card.queued", language),
        range=time_range(typical_s / 2, typical_s * 2, language),
        rule=rule_of(kind, language),
    )


def refreshed(place: Place, slots: Slots | None, language: Language) -> Html:
    """The same once its place is known. No time is told where nobody works, or none can be known."""
    return html(
        "bot.card",
        language,
        kind=html(f"kind.{place.kind.value}", language),
        price_units=place.price_units,
        state=_state(place, slots, language),
        range=_range(place, slots, language),
        rule=rule_of(place.kind, language),
    )


def _range(place: Place, slots: Slots | None, language: Language) -> Html:
    at_once = (slots or {}).get(place.lane, 0)
    if place.state is State.WAITING or not at_once:
        return html("bot.range.unknown", language)
    typical_s, begin_s = kind_limits()[place.kind].typical_s, place.work_s / at_once
    return time_range(begin_s / 2 + typical_s / 2, begin_s * 2 + typical_s * 2, language)


def _state(place: Place, slots: Slots | None, language: Language) -> Html:
    if place.state is State.WAITING:
        return html("bot.card.waiting", language)
    if slots is not None and not slots.get(place.lane):
        return html("bot.card.unattended", language, ahead=place.ahead)
    return html("bot.card.place", language, ahead=place.ahead, place=place.ahead + 1)


def rule_of(kind: Kind, language: Language) -> Html:
    """What a tap on Cancel costs, before it."""
    return html("bot.card.rule.text" if kind in _STOPPABLE else "bot.card.rule.media", language)


def time_range(low_s: float, high_s: float, language: Language) -> Html:
    """A range that a person can believe: in steps of five seconds, or in whole minutes."""
    if high_s < MINUTES_FROM_S:
        low, high = max(1, round(low_s / 5) * 5), max(5, -(-int(high_s) // 5) * 5)
        return html("bot.range.seconds", language, low=min(low, high), high=high)
    low, high = int(low_s // MINUTE_S), -(-int(high_s) // MINUTE_S)
    return html("bot.range.minutes", language, low=max(1, low), high=max(2, high))
