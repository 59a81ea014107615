"""From what a person asks for to jobs: price, a word where one is needed, then the intake and a card each.

`want` may run twice for one update, and a button may be tapped twice: the keys make it one job each.
Handled again it goes on where it was. Every refusal is told here in plain words, and costs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from producers.bot import card, obstacles, once, prompts
from producers.bot.guest import Guest
from producers.bot.room import Room
from producers.bot.steps import Steps, steps_of
from producers.bot.wants import (
    Wanted,
    body_of,
    outlook,
    requests_of,
    units_of,
    wanted_of,
    where,
)
from producers.request import SubmitRequest
from schemas.errors import Insufficient, Missing, Refused
from schemas.ids import derive_id
from schemas.jobs import Kind
from schemas.speech import html, quoted
from schemas.texts import error_text
from storage.wishes import Wish


@dataclass(frozen=True, slots=True)
class Begun:
    """A job that is there."""

    job_id: UUID
    kind: Kind
    price_units: int


async def ask(  # noqa: PLR0913 (what a single job is asked for with, all that may differ)
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
    improve: bool = False,
) -> UUID | None:
    """`want` for a single job; its words are those of `Wanted`."""
    wanted = Wanted(kind, input, said, replay_of, improve=improve, key=key or guest.key)
    return await want(room, guest, wanted, confirmed=confirmed, wish=wish)


async def want(
    room: Room,
    guest: Guest,
    wanted: Wanted,
    *,
    confirmed: bool = False,
    wish: Wish | None = None,
    told_units: int | None = None,
) -> UUID | None:
    """The first of its jobs, or None when a word, credits or something else is missing, and that was told.

    All of it is asked about, and paid for, together. `confirmed`: it was agreed to. `wish`: what it was
    kept as. `told_units`: the price that its button shows; what costs more by now is asked about.
    Where its prompt is improved first, the job is the one that does so.
    Raises Gone, Unavailable.
    """
    preference = await room.preferences.of(guest.user_id)
    wanted = replace(wanted if wish else wanted.by_choice(preference), key=wanted.key or guest.key)
    steps = await steps_of(room, guest, wanted)
    begun = await _known(room, steps.now)
    if None not in begun:
        return await _taken(room, guest, wanted, steps, [one for one in begun if one])
    agreed = confirmed or any(begun)  # of what was agreed to, some has begun
    made: list[Begun] = []
    try:
        above_units = None if confirmed else preference.confirm_above_units
        limits = [one for one in (above_units, told_units) if one is not None]
        if not any(begun) and not await _agreed(
            room, guest, wanted, steps, above_units=min(limits, default=None), look=not confirmed
        ):
            return None
        await _check_funds(room, steps, begun)
        if wanted.improve and not agreed:
            await prompts.tell_plan(room, guest, steps)
        for request, one in zip(steps.now, begun, strict=True):
            made.append(one or await _submitted(room, request))
    except Insufficient as refused:  # all of it stays wanted
        await _show_cards(room, guest, made)
        await obstacles.unpaid(room, guest, wanted, refused, wish)
        return None
    except Refused as refused:
        if made:  # goes on without the others
            await _taken(room, guest, wanted, steps, made)
        await obstacles.refusal(room, guest, wanted, refused, wish)
        return made[0].job_id if made else None
    return await _taken(room, guest, wanted, steps, made)


async def run_wish(room: Room, guest: Guest, wish_id: UUID) -> UUID | None:
    """Submit what was kept, where it was asked; None when it cannot run, and the person was told.

    Raises Missing for a wish that is not theirs.
    """
    wish = await room.wishes.get(guest.user_id, wish_id)
    if wish.job_id is not None or wish.dropped or not wish.kind:
        await room.say.send(guest, html("bot.already-done", guest.language))
        return wish.job_id
    told_units = wish.input.get("told_units")
    job_id = await want(
        room, where(guest, wish), wanted_of(wish), confirmed=True, wish=wish, told_units=told_units
    )
    if job_id is not None:
        await room.wishes.ran(guest.user_id, wish_id, job_id=job_id)
    return job_id


async def check_payable(room: Room, guest: Guest, wish: Wish) -> None:
    """Raises Insufficient when credits are missing for it, Refused when something else is."""
    steps = await steps_of(room, where(guest, wish), wanted_of(wish))
    await _check_funds(room, steps, await _known(room, steps.now), also_one=True)


async def run_part(
    room: Room, guest: Guest, wish: Wish, *, part: str, wanted: Wanted, told_units: int | None
) -> UUID | None:
    """One of the things that a wish offers, once each: a style of a text, a choice for its pictures.

    Raises Conflict `already_done` for a second tap.
    """
    here = where(guest, wish)
    wanted = replace(wanted, key=f"{wish.key}-{part}")
    begun = await _known(room, requests_of(here, wanted))
    await once.begin(room, guest, wanted.key, done=None not in begun)
    return await want(room, here, wanted, told_units=told_units)


async def then(room: Room, guest: Guest, wanted: Wanted, jobs: Sequence[UUID]) -> None:
    """What follows by itself on what all of these have made; once, however often it is asked for.

    A post is asked about once the text of the only job has been told.
    """
    *beside, last = jobs
    await room.wishes.keep(
        guest.user_id,
        guest.bot,
        guest.chat_id,
        guest.app,
        wanted.kind.value,
        {**body_of(wanted), "beside": [str(one) for one in beside]},
        "after",
        reply_to=guest.message_id,
        wish_id=_follower_id(jobs[0], wanted.kind),
        after_job=last,
    )


async def prompt_retried(room: Room, guest: Guest, job_id: UUID, *, key: str) -> UUID | None:
    """The job before a picture or a video once more, with what was to follow. Raises Missing."""
    for kind in prompts.IMPROVED:
        try:
            wish = await room.wishes.get(guest.user_id, _follower_id(job_id, kind))
        except Missing:
            continue
        wanted = replace(wanted_of(wish), key=key, replay_of=job_id, improve=True)
        return await want(room, guest, wanted)
    raise Missing("not_found")


async def tell_refusal(room: Room, guest: Guest, refused: Refused) -> None:
    """What happened, what it cost and what to do next."""
    await room.say.send(
        guest, quoted(error_text(refused, guest.language)), reply_to=guest.message_id
    )


def _follower_id(first_job: UUID, kind: Kind) -> UUID:
    return derive_id("after", first_job, kind.value)


async def _known(room: Room, requests: Sequence[SubmitRequest]) -> list[Begun | None]:
    """Those that are jobs already."""
    found: list[Begun | None] = []
    for one in requests:
        known = await room.desk.results.known(one.user_id, one.key or "")
        found.append(Begun(known.job_id, Kind(known.kind), known.price_units) if known else None)
    return found


async def _submitted(room: Room, request: SubmitRequest) -> Begun:
    accepted = await room.desk.intake.submit(request)
    return Begun(accepted.job_id, Kind(request.kind), accepted.price_units)


async def _check_funds(
    room: Room, steps: Steps, begun: Sequence[Begun | None], *, also_one: bool = False
) -> None:
    """Whether all that has not begun can be paid. A single job is told by the intake itself."""
    left = [one for one, known in zip(steps.now, begun, strict=True) if known is None]
    left += steps.later
    if len(left) > 1 or also_one:
        await room.desk.intake.check_funds(steps.now[0], price_units=await units_of(room, *left))


async def _agreed(
    room: Room, guest: Guest, wanted: Wanted, steps: Steps, *, above_units: int | None, look: bool
) -> bool:
    """False: the person was asked first. `look` whether somebody answers, too. Raises Refused for what
    cannot be asked for.
    """
    if look and await _is_away(room, guest, wanted, steps):
        return False
    if above_units is None:
        return True
    if (units := await units_of(room, *steps.all)) <= above_units:
        return True
    await obstacles.confirm(room, guest, wanted, units)
    return False


async def _is_away(room: Room, guest: Guest, wanted: Wanted, steps: Steps) -> bool:
    """Nobody answers for the one or the other step now, and that was told."""
    made = steps.later[0] if wanted.improve else steps.now[0]
    if (found := await outlook(room).of(made)) is not None:
        await obstacles.away(room, guest, wanted, found, await units_of(room, *steps.all))
        return True
    if wanted.improve and (found := await outlook(room).of(steps.now[0])) is not None:
        await obstacles.improver_away(room, guest, wanted, found, await units_of(room, *steps.all))
        return True
    return False


async def _taken(
    room: Room, guest: Guest, wanted: Wanted, steps: Steps, begun: Sequence[Begun]
) -> UUID:
    """Now that they are jobs: what belongs to them. Killed in here, the next time finds them and goes on."""
    first = begun[0]
    if (
        first.kind == steps.now[0].kind
    ):  # else it was asked for when words meant something else here
        if wanted.said is not None:
            await room.talks.say(
                guest.user_id, guest.bot, guest.chat_id, job_id=first.job_id, said=wanted.said
            )
        if (following := wanted.following) is not None:
            await then(room, guest, following, [one.job_id for one in begun])
    await _show_cards(room, guest, begun)
    return first.job_id


async def _show_cards(room: Room, guest: Guest, begun: Sequence[Begun]) -> None:
    for one in begun:
        await card.show_card(room, guest, one.job_id, kind=one.kind, price_units=one.price_units)
