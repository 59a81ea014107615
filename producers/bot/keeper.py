"""Beside the updates: cards of waiting jobs kept true, and what follows on a job once it has ended.

One process of the cluster keeps the cards at a time. An edit is made only when what it would say has
changed, at most every three seconds a card, and only when nobody who waits for an answer needs the room.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from aiogram.exceptions import ClientDecodeError, TelegramAPIError, TelegramRetryAfter

from ops.base import clock
from ops.base.logs import get_logger
from producers.bot import card, flow, obstacles, posting, prompts
from producers.bot.card import BEFORE
from producers.bot.crowd import Slots
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.room import Room
from producers.bot.say import Gone, markup
from producers.bot.wants import Wanted, wanted_of, where
from schemas.buttons import cancel_keyboard
from schemas.errors import LeydenError, Unavailable
from schemas.jobs import Kind, State
from schemas.payloads import PROMPT_MAX_CHARACTERS, TEXT_MAX_CHARACTERS
from schemas.plans import kind_limits
from schemas.results import ImageAnalyzed, TextResult
from schemas.texts import language_of
from storage.cards import Card
from storage.inspect import PAGE_CHARACTERS
from storage.places import Place, places
from storage.results import JobView
from storage.wishes import Ripe, Wish

log = get_logger(__name__)

ROUND_S: Final = 3.0
"""At most one edit of a card in so long."""
YOUNG_S: Final = 2.0
"""A card that new still says what is true."""
FOLLOW_S: Final = 1.0
HAND_S: Final = 60.0
"""How long one process keeps a wish to itself: longer than it insists on a sentence."""
AGAIN_S: Final = 3.0
FAILED_S: Final = 600.0
"""Until one is tried again that is not to be followed because of a fault of our own."""
FORGET_S: Final = 3_600.0
BETWEEN: Final = "\n\n"
CARDS: Final = 0
"""The place of who keeps the cards, among those of the bots' pollers."""


class CardKeeper:
    def __init__(self, room: Room, *, holder: UUID) -> None:
        self._room = room
        self._holder = holder

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
        """Look at those cards of jobs that have not begun whose turn it is. Raises Unavailable."""
        cards = await self._room.cards.stale(age_s=YOUNG_S)
        ids = [one.job_id for one in cards]
        typical_s = {kind: limits.typical_s for kind, limits in kind_limits().items()}
        found = await places(self._room.desk.db, ids, typical_s=typical_s)
        slots = await self._room.crowd.slots()
        looked: dict[UUID, int | None] = {}
        try:
            for one in cards:
                looked[one.job_id] = one.said
                place = found.get(one.job_id)
                if place is not None and place.state in BEFORE:
                    looked[one.job_id] = await self._refresh(one, place, slots)
        finally:  # whoever had a turn waits for the others, whatever came of it
            await self._room.cards.looked(looked)

    async def _refresh(self, one: Card, place: Place, slots: Slots | None) -> int | None:
        """A digest of what it shows afterwards, where that is known."""
        language = language_of(one.language)
        shown = card.refreshed(place, slots, language)
        said = card.digest(shown)
        account = next((a for a in self._room.accounts.values() if a.name == one.bot), None)
        if said == one.said or account is None:
            return one.said
        if await self._room.limiter.take(account.bot_id, one.chat_id, kind="live") > 0:
            return one.said
        # An edit that lands after the answer would hide it: look again right before.
        again = await places(self._room.desk.db, [one.job_id], typical_s={})
        if again[one.job_id].state not in BEFORE:
            return one.said
        try:
            await self._room.bots[account.bot_id].edit_message_text(
                shown,
                chat_id=one.chat_id,
                message_id=one.message_id,
                parse_mode="HTML",
                reply_markup=markup(cancel_keyboard(one.job_id, language)),
            )
        except TelegramRetryAfter as error:
            await self._room.limiter.pause(account.bot_id, one.chat_id, float(error.retry_after))
            return one.said
        except (TelegramAPIError, ClientDecodeError) as error:  # its reader may have deleted it
            log.debug("card.not_edited", reason=type(error).__name__)
        return said


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
        """Every wish whose turn has come. Raises Unavailable without Postgres."""
        names = [account.name for account in self._room.accounts.values()]
        for ripe in await self._room.wishes.ripe(names):
            taken_until = await self._room.wishes.take(ripe.wish.id, lease_s=HAND_S)
            if taken_until is None:  # another process is at it
                continue
            delay_s = await self._try(ripe)
            await self._room.wishes.put_off(ripe.wish.id, taken_until, delay_s=delay_s)

    async def _try(self, ripe: Ripe) -> float:
        """After how long it is tried again, if it still waits: one that cannot be told holds up no other."""
        try:
            await self._follow(ripe)
        except Unavailable as error:
            log.info("wish.delayed", wish=str(ripe.wish.id), reason=str(error))
            return max(AGAIN_S, float(error.facts.get("retry_after_s", 0.0)))
        except (LeydenError, ValueError) as error:
            log.warning("wish.dropped", wish=str(ripe.wish.id), reason=str(error))
            await self._room.wishes.drop(ripe.wish.user_id, ripe.wish.id)
        except Exception:
            log.exception("wish.failed", wish=str(ripe.wish.id))
            return FAILED_S
        return AGAIN_S

    async def _follow(self, ripe: Ripe) -> None:
        """Killed in here, it is done again once the wish is free: by then a sentence may be said twice."""
        wish = ripe.wish
        account = next(a for a in self._room.accounts.values() if a.name == wish.bot)
        guest = await guest_of(self._room, wish.user_id, bot_id=account.bot_id, key=wish.key)
        if guest is None:
            raise Gone
        here = where(guest, wish)
        if wish.kind == Kind.POST_PUBLISH:
            if ripe.succeeded:  # killed behind it: asked once more, about the same wish
                await posting.ask_where(self._room, here, ripe.after_job)
            await self._room.wishes.drop(wish.user_id, wish.id)
            return
        if (ready := await self._ready(here, ripe)) is None:
            return
        job_id = await flow.want(self._room, here, ready, confirmed=True)
        if (
            job_id is None
        ):  # told why; what only credits are missing for is a wish of its own by now
            await self._room.wishes.drop(wish.user_id, wish.id)
            return
        await self._room.wishes.ran(wish.user_id, wish.id, job_id=job_id)

    async def _ready(self, guest: Guest, ripe: Ripe) -> Wanted | None:
        """It with what was written for it; None when it is not time yet, or nothing was."""
        wish, wanted = ripe.wish, wanted_of(ripe.wish)
        before = [UUID(one) for one in wish.input.get("beside", ())]
        views = [
            await self._room.desk.results.get(wish.user_id, job_id)
            for job_id in (*before, ripe.after_job)
        ]
        if any(view.finished_at is None for view in views):
            return None
        texts = [text for view in views if (text := text_of(view))]
        if not texts:  # the cards say why, and offer to try again
            await self._unwritten(guest, wish, views[-1])
            await self._room.wishes.drop(wish.user_id, wish.id)
            return None
        if Kind(wish.kind) in prompts.IMPROVED:
            return wanted.told(prompt=texts[-1][:PROMPT_MAX_CHARACTERS])
        return wanted.told(text=joined(texts, most=TEXT_MAX_CHARACTERS))

    async def _unwritten(self, guest: Guest, wish: Wish, view: JobView) -> None:
        """A prompt that was not allowed, or not wanted any more, is not offered again as it was typed."""
        over = view.state is State.CANCELLED or view.blocked or view.cancel_requested
        if Kind(wish.kind) in prompts.IMPROVED and not over:
            wanted = replace(wanted_of(wish), improve=True)
            await obstacles.unimproved(self._room, guest, wanted)


def text_of(view: JobView) -> str:
    """What a job has written to its end; empty for one that was stopped."""
    if view.state is not State.SUCCEEDED or view.cancel_requested:
        return ""
    return view.result.text if isinstance(view.result, TextResult | ImageAnalyzed) else ""


def joined(texts: Sequence[str], *, most: int) -> str:
    """One text of several, together at most a page long: a page was what its price was told for."""
    if len(texts) == 1:
        return texts[0][:most]
    share = PAGE_CHARACTERS // len(texts) - len(BETWEEN)
    return BETWEEN.join(shortened(text, most=share) for text in texts)


def shortened(text: str, *, most: int) -> str:
    """Up to the end of a sentence where there is one, else of a word."""
    if len(text) <= most:
        return text
    head = text[:most]
    sentence = max(head.rfind(end) for end in (". ", "! ", "? "))
    return head[: sentence + 1] if sentence > 0 else head.rpartition(" ")[0] or head
