"""The card of a job: sent when it is accepted, kept true while it waits, then left to the delivery.

    the job is committed -> the card is sent -> its row is written

Killed in between, the job has no card and its answer comes as a message of its own.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.buttons import cancel_keyboard
from schemas.jobs import Kind, Lane, State
from schemas.plans import kind_limits
from schemas.speech import Html, html
from schemas.targets import draft_id_of
from schemas.texts import Language
from storage.places import Place

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
    said = accepted(kind, price_units, guest.language)
    keyboard = cancel_keyboard(job_id, guest.language)
    message_id = await room.say.send(guest, said, keyboard=keyboard, reply_to=guest.message_id)
    kept = await room.cards.add(
        job_id, guest.bot, guest.chat_id, message_id, guest.language, draft_id_of(job_id)
    )
    if not kept:  # the answer was quicker
        await room.say.delete(guest, message_id)


def accepted(kind: Kind, price_units: int, language: Language) -> Html:
    """What a card says before anything is known of the queue."""
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


def refreshed(place: Place, slots: Mapping[Lane, int], language: Language) -> Html:
    """The same once its place is known. `slots`: how many jobs of a lane can run at a time."""
    typical_s = kind_limits()[place.kind].typical_s
    at_once = max(1, slots.get(place.lane, 0))
    begin_s = place.work_s / at_once
    return html(
        "bot.card",
        language,
        kind=html(f"kind.{place.kind.value}", language),
        price_units=place.price_units,
        state=_state(place, slots, language),
        range=time_range(begin_s / 2 + typical_s / 2, begin_s * 2 + typical_s * 2, language),
        rule=rule_of(place.kind, language),
    )


def _state(place: Place, slots: Mapping[Lane, int], language: Language) -> Html:
    if place.state is State.WAITING:
        return html("bot.card.waiting", language)
    if not slots.get(place.lane):
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
