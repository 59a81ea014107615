"""Beside the updates: cards of waiting jobs kept true, and what follows on a job once it has ended.

One process of the cluster keeps the cards at a time. An edit is made only when what it would say has
changed, at most every three seconds a card, and only when nobody who waits for an answer needs the room.
"""

import asyncio
from dataclasses import replace
from typing import Final
from uuid import UUID

from aiogram.exceptions import TelegramAPIError, TelegramRetryAfter

from ops.base import clock
from ops.base.logs import get_logger
from producers.bot import card, flow, posting
from producers.bot.guests import guest_of
from producers.bot.room import Room
from producers.bot.say import Gone, markup
from schemas.buttons import cancel_keyboard
from schemas.errors import LeydenError, Missing, Unavailable
from schemas.jobs import Kind, Lane, State
from schemas.payloads import TEXT_MAX_CHARACTERS
from schemas.plans import kind_limits
from schemas.results import ImageAnalyzed, TextResult
from schemas.texts import language_of
from storage.cards import Card
from storage.places import Place, places
from storage.queue import REDIS_TROUBLE
from storage.wishes import Ripe

log = get_logger(__name__)

ROUND_S: Final = 3.0
"""At most one edit of a card in so long."""
BEFORE: Final = frozenset({State.WAITING, State.QUEUED})
"""From its start on, a card belongs to the worker that runs its job, then to the delivery."""
YOUNG_S: Final = 2.0
"""A card that new still says what is true."""
FOLLOW_S: Final = 1.0
FORGET_S: Final = 3_600.0
CARDS: Final = 0
"""The place of who keeps the cards, among those of the bots' pollers."""


class CardKeeper:
    def __init__(self, room: Room, *, holder: UUID) -> None:
        self._room = room
        self._holder = holder
        self._shown: dict[UUID, str] = {}

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                lease_s = self._room.settings.lease_s
                if await self._room.desk.updates.lead(CARDS, self._holder, lease_s=lease_s):
                    await self.round()
            except LeydenError as error:
                log.warning("cards.unkept", reason=str(error))
            await asyncio.sleep(ROUND_S)

    async def round(self) -> None:
        """Look once at every card of a job that has not begun. Raises Unavailable."""
        cards = await self._room.cards.waiting()
        ids = [one.job_id for one in cards]
        self._shown = {job_id: said for job_id, said in self._shown.items() if job_id in set(ids)}
        typical_s = {kind: limits.typical_s for kind, limits in kind_limits().items()}
        found = await places(self._room.desk.db, ids, typical_s=typical_s)
        slots = await self._slots()
        for one in cards:
            place = found.get(one.job_id)
            age_s = (clock.now() - one.created_at).total_seconds()
            if place is not None and place.state in BEFORE and age_s > YOUNG_S:
                await self._refresh(one, place, slots)

    async def _refresh(self, one: Card, place: Place, slots: dict[Lane, int]) -> None:
        language = language_of(one.language)
        said = card.refreshed(place, slots, language)
        first = self._shown.get(one.job_id, card.accepted(place.kind, place.price_units, language))
        account = next((a for a in self._room.accounts.values() if a.name == one.bot), None)
        if said == first or account is None:
            return
        if await self._room.limiter.take(account.bot_id, one.chat_id, kind="live") > 0:
            return
        # An edit that lands after the answer would hide it: look again right before.
        again = await places(self._room.desk.db, [one.job_id], typical_s={})
        if again[one.job_id].state not in BEFORE:
            return
        try:
            await self._room.bots[account.bot_id].edit_message_text(
                said,
                chat_id=one.chat_id,
                message_id=one.message_id,
                parse_mode="HTML",
                reply_markup=markup(cancel_keyboard(one.job_id, language)),
            )
        except TelegramRetryAfter as error:
            await self._room.limiter.pause(account.bot_id, one.chat_id, float(error.retry_after))
            return
        except TelegramAPIError as error:  # a card may be deleted by its reader
            log.debug("card.not_edited", reason=type(error).__name__)
        self._shown[one.job_id] = said

    async def _slots(self) -> dict[Lane, int]:
        """How many jobs of each lane can run at a time; empty while Redis is away."""
        try:
            workers = await self._room.desk.queue.workers()
        except REDIS_TROUBLE as error:
            self._room.desk.queue.count_error(error, "workers")
            return {}
        return {lane: sum(one.slots for one in workers if lane.value in one.lanes) for lane in Lane}


class Follower:
    """What was wished for after a job: run on what that job made, under the wish's key."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def run(self) -> None:
        """For ever."""
        forget_at_s = 0.0
        while True:
            try:
                await self.round()
                if clock.monotonic_s() >= forget_at_s:
                    await self._room.wishes.forget()
                    await self._room.talks.forget()
                    forget_at_s = clock.monotonic_s() + FORGET_S
            except LeydenError as error:
                log.warning("wishes.unfollowed", reason=str(error))
            await asyncio.sleep(FOLLOW_S)

    async def round(self) -> None:
        """Every wish whose turn has come. Raises Unavailable."""
        names = [account.name for account in self._room.accounts.values()]
        for ripe in await self._room.wishes.ripe(names):
            try:
                await self._follow(ripe)
            except Unavailable:
                raise
            except (LeydenError, ValueError) as error:
                log.warning("wish.dropped", wish=str(ripe.wish.id), reason=str(error))
                await self._room.wishes.drop(ripe.wish.user_id, ripe.wish.id)

    async def _follow(self, ripe: Ripe) -> None:
        wish = ripe.wish
        account = next(a for a in self._room.accounts.values() if a.name == wish.bot)
        guest = await guest_of(self._room, wish.user_id, bot_id=account.bot_id, key=wish.key)
        if guest is None:
            raise Gone
        if not ripe.succeeded:  # its card says why, and offers to try again
            await self._room.wishes.drop(wish.user_id, wish.id)
            return
        here = replace(
            guest,
            chat_id=wish.chat_id,
            private=wish.chat_id > 0,
            app=wish.app,
            message_id=wish.reply_to,
        )
        if wish.kind == Kind.POST_PUBLISH:
            # Killed behind it: asked once more, about the same wish.
            await posting.ask_where(self._room, here, ripe.after_job)
            await self._room.wishes.drop(wish.user_id, wish.id)
            return
        text = await self._text(wish.user_id, ripe.after_job)
        body = {**wish.input["input"], "text": text[:TEXT_MAX_CHARACTERS]}
        job_id = await flow.ask(
            self._room, here, Kind(wish.kind), body, key=wish.key, confirmed=True
        )
        if (
            job_id is None
        ):  # told why; what only credits are missing for is kept as a wish of its own
            await self._room.wishes.drop(wish.user_id, wish.id)
            return
        if wish.input.get("post"):
            await flow.then(self._room, here, Kind.POST_PUBLISH, {}, after_job=job_id)
        await self._room.wishes.ran(wish.user_id, wish.id, job_id=job_id)

    async def _text(self, user_id: int, job_id: UUID) -> str:
        """What a job has written. Raises Missing."""
        result = (await self._room.desk.results.get(user_id, job_id)).result
        if isinstance(result, TextResult | ImageAnalyzed):
            return result.text
        raise Missing("not_found")
