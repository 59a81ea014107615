"""The jobs of what somebody wants: those that begin now, and those that will follow by themselves.

Told and checked together: nobody agrees to a first step and hears of the second one's price afterwards.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from producers.bot.guest import Guest
from producers.bot.room import Room
from producers.bot.wants import Wanted, requests_of, with_model
from producers.request import SubmitRequest
from schemas.jobs import Kind
from schemas.payloads import PROMPT_STYLE


@dataclass(frozen=True, slots=True)
class Steps:
    """`later` are never submitted as they are: what they are made of is not written yet."""

    now: tuple[SubmitRequest, ...]
    later: tuple[SubmitRequest, ...] = ()

    @property
    def all(self) -> tuple[SubmitRequest, ...]:
        return (*self.now, *self.later)


async def steps_of(room: Room, guest: Guest, wanted: Wanted) -> Steps:
    """A text that is to be made of others costs as much as a page. Raises Unavailable."""
    preference = await room.preferences.of(guest.user_id)
    asked = requests_of(guest, wanted)
    later = tuple(
        request
        for each in _costly(wanted.then)
        for request in requests_of(guest, each.by_choice(preference))
    )
    if not wanted.improve:
        return Steps(asked, later)
    told = {"text": wanted.input["prompt"], "style": PROMPT_STYLE}
    body = with_model(Kind.TEXT_IMPROVE, told, preference)
    # A step on the way is told, and takes no room in the workspace.
    first = replace(asked[0], kind=Kind.TEXT_IMPROVE.value, input=body, save=False)
    return Steps((first,), (*asked, *later))


def _costly(wanted: Wanted | None) -> Iterator[Wanted]:
    """What follows, as far as it costs: a post is free, and is asked about by itself."""
    while wanted is not None:
        if wanted.kind is Kind.TEXT_IMPROVE:
            yield wanted.having({"text": "-", **one} for one in wanted.inputs)
        elif wanted.kind is not Kind.POST_PUBLISH:
            yield wanted
        wanted = wanted.then
