"""What somebody asks for, before it is a job: its request, its price, and how it is kept as a wish."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from producers.bot.guest import Guest
from producers.bot.room import Room
from producers.outlook import Outlook
from producers.request import SubmitRequest
from schemas.catalogue import MODALITY_OF_KIND
from schemas.ids import derive_id
from schemas.jobs import Kind
from schemas.targets import TelegramTarget
from storage.preferences import Preference
from storage.wishes import Why, Wish


@dataclass(frozen=True, slots=True)
class Wanted:
    """`input` as a job of `kind` takes it. `said` is what is remembered of it in the conversation.

    `replay_of`: the job that this one tries again. `improve`: its prompt is written anew first, by a job
    of its own. `key`: what it was asked under, "" before it was; whatever it is kept as becomes one job.
    `more`: the inputs of the same for the other pictures of an album, each a job. `then`: what follows by
    itself on the texts that all of these have written.
    """

    kind: Kind
    input: dict[str, Any]
    said: str | None = None
    replay_of: UUID | None = None
    improve: bool = False
    key: str = ""
    more: tuple[dict[str, Any], ...] = ()
    then: "Wanted | None" = None

    @property
    def inputs(self) -> tuple[dict[str, Any], ...]:
        """One for each job."""
        return (self.input, *self.more)

    @property
    def following(self) -> "Wanted | None":
        """What comes behind the jobs that begin first."""
        if self.improve:
            return replace(self, said=None, replay_of=None, improve=False, key="")
        return self.then

    def having(self, inputs: Iterable[dict[str, Any]]) -> "Wanted":
        """The same with these inputs."""
        first, *others = inputs
        return replace(self, input=first, more=tuple(others))

    def told(self, **facts: str) -> "Wanted":
        """The same with this in each input."""
        return self.having({**one, **facts} for one in self.inputs)

    def by(self, model: str) -> "Wanted":
        """The same by another model."""
        return self.told(model=model)

    def by_default(self) -> "Wanted":
        """The same without a model of the person's own choice."""
        return self.having(
            {name: value for name, value in one.items() if name != "model"} for one in self.inputs
        )

    def by_choice(self, preference: Preference) -> "Wanted":
        """The same by the model that this person has chosen, unless it names one; and so what follows."""
        then = self.then.by_choice(preference) if self.then else None
        inputs = (with_model(self.kind, one, preference) for one in self.inputs)
        return replace(self, then=then).having(inputs)

    def plain(self) -> "Wanted":
        """The same with its prompt as it was typed. What it tried again was another kind of job."""
        return replace(self, improve=False, replay_of=None)


def request_of(guest: Guest, wanted: Wanted, *, key: str | None = None) -> SubmitRequest:
    """The job of it, the first of several, told to the guest's chat."""
    target = TelegramTarget(guest.bot, guest.chat_id, guest.message_id, guest.private)
    return SubmitRequest(
        guest.user_id,
        guest.app,
        wanted.kind.value,
        wanted.input,
        key=key or wanted.key or guest.key,
        reply=target.encode(),
        replay_of=wanted.replay_of,
    )


def requests_of(guest: Guest, wanted: Wanted) -> tuple[SubmitRequest, ...]:
    """All jobs of it, each under a key of its own."""
    first = request_of(guest, wanted)
    others = (
        replace(first, input=told, key=f"{first.key}-{number}")
        for number, told in enumerate(wanted.more, start=1)
    )
    return (first, *others)


def with_model(kind: Kind, told: dict[str, Any], preference: Preference) -> dict[str, Any]:
    """The model that this person has chosen for the modality, unless the request names one."""
    if kind is Kind.POST_PUBLISH or "model" in told:
        return told
    chosen = preference.models.get(str(MODALITY_OF_KIND[kind]))
    return {**told, "model": chosen} if chosen else told


async def price_units(
    room: Room,
    guest: Guest,
    kind: Kind,
    input: dict[str, Any],  # noqa: A002 (the word of a job's request)
) -> int:
    """What it would cost now, by the person's own model. Raises Refused."""
    preference = await room.preferences.of(guest.user_id)
    return await units_of(
        room, request_of(guest, Wanted(kind, with_model(kind, input, preference)))
    )


async def units_of(room: Room, *requests: SubmitRequest) -> int:
    """All of these together, exactly as they are. Raises Refused."""
    return sum([(await room.desk.offers.make(one)).quote.price_units for one in requests])


def outlook(room: Room) -> Outlook:
    """Who of the models answers now."""
    return Outlook(room.settings, room.desk.queue, room.desk.users)


def body_of(wanted: Wanted) -> dict[str, Any]:
    """What is kept of it, but for its kind and key."""
    return {
        "input": wanted.input,
        "said": wanted.said,
        "replay_of": str(wanted.replay_of) if wanted.replay_of else None,
        "improve": wanted.improve,
        "more": list(wanted.more),
        "then": {"kind": wanted.then.kind.value, **body_of(wanted.then)} if wanted.then else None,
    }


async def keep(
    room: Room, guest: Guest, wanted: Wanted, why: Why, *, told_units: int | None = None
) -> UUID:
    """A wish of this update: the same update keeps the same one for a request.

    `told_units`: the price that its button shows. It runs for no more without a question.
    """
    body = {**body_of(wanted), "told_units": told_units}
    return await _keep(room, guest, wanted.kind.value, body, why, request=wanted.key)


async def keep_open(
    room: Room, guest: Guest, told: dict[str, Any], why: Why, *, told_units: dict[str, int]
) -> UUID:
    """One of which it is not known yet what it shall become, with the price of each choice."""
    return await _keep(room, guest, "", {"input": told, "told_units": told_units}, why)


def wanted_of(wish: Wish) -> Wanted:
    """What was kept, under the key that it runs under."""
    return replace(_opened(wish.kind, wish.input), key=wish.key)


def _opened(kind: str, body: dict[str, Any]) -> Wanted:
    replay_of, then = body.get("replay_of"), body.get("then")
    return Wanted(
        Kind(kind),
        body["input"],
        body.get("said"),
        UUID(replay_of) if replay_of else None,
        improve=bool(body.get("improve")),
        more=tuple(body.get("more", ())),
        then=_opened(then["kind"], then) if then else None,
    )


def where(guest: Guest, wish: Wish) -> Guest:
    """The same guest where the wish was made."""
    return replace(
        guest,
        chat_id=wish.chat_id,
        private=wish.chat_id > 0,
        app=wish.app,
        message_id=wish.reply_to,
    )


async def _keep(
    room: Room, guest: Guest, kind: str, body: dict[str, Any], why: Why, *, request: str = ""
) -> UUID:
    return await room.wishes.keep(
        guest.user_id,
        guest.bot,
        guest.chat_id,
        guest.app,
        kind,
        body,
        why,
        reply_to=guest.message_id,
        wish_id=derive_id("wish", guest.user_id, guest.key, request, why),
        request=request,
    )
