"""A running job in the chat of its user: a draft that grows in a private chat, else the card, edited.

Only for show. It goes through the limiter behind all answers, is never repeated, and no job waits for
it: what could not be shown is skipped, and the next look shows the latest. It ends before the job does,
so that no late edit covers the answer.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from aiogram import Bot
from aiogram.types import LinkPreviewOptions

from ops.base import metrics
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.buttons import cancel_keyboard
from schemas.errors import Unavailable
from schemas.jobs import Kind
from storage.cards import Card, Cards
from storage.jobs import Started
from workers.delivery.glimpse import Seen, card_text, draft_text
from workers.delivery.letters import Ask, markup
from workers.delivery.outcomes import Gone, Later, Moved, Outcome, Refused, Why
from workers.delivery.wire import Speaker, Wire
from workers.providers.journal import Parked

log = get_logger(__name__)

WRITTEN: Final = frozenset({Kind.TEXT_GENERATE, Kind.TEXT_IMPROVE})
"""Kinds whose text can be read while it comes, and stopped."""
TURN_MAX_S: Final = 5.0
LEAVE_MAX_S: Final = 0.5
"""How long a call in flight may hold up the end of a job: an edit that arrives after the answer hides it."""
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. A job that is done before `first_s` shows nothing.

    Telegram shows a draft for 30 s; it is sent again well before.
    """

    first_s: float = 0.7
    draft_every_s: float = 1.0
    draft_again_s: float = 20.0
    edit_every_s: float = 3.0
    card_pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    """The card is sent after the job is accepted, so it may come after the job has begun."""


class Live:
    """One for a process; `close` when no job runs any more."""

    def __init__(self, wire: Wire, cards: Cards, *, pace: Pace | None = None) -> None:
        self.wire: Final = wire
        self.cards: Final = cards
        self.pace: Final = pace or Pace()
        self.nursery: Final = Nursery("live")

    def watch(self, started: Started, kind: Kind) -> "Show":
        """The job's user sees how it goes, from the moment its card is there."""
        return Show(self, started, kind)

    async def close(self) -> None:
        await self.nursery.close()


class Show:
    """One attempt of a job, as it is shown."""

    def __init__(self, live: Live, started: Started, kind: Kind) -> None:
        self._live = live
        self._wire = live.wire
        self._cards = live.cards
        self._pace = live.pace
        self._job_id = started.job_id
        self._seen = Seen(kind, started.price_units)
        self._news = asyncio.Event()
        self._calling = False
        self._left = False
        self.task: Final = live.nursery.start_task(self._run(), name="live")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.leave()
        if isinstance(error, Parked) and self._seen.share > 0 and self._seen.kind not in WRITTEN:
            self._live.nursery.start(self._glance(), name="glance")

    def report(self, share: float) -> None:
        if share > self._seen.share:
            self._seen.share = share
            self._news.set()

    def partial(self, text: str) -> None:
        self._seen.text = text
        self._news.set()

    async def leave(self) -> None:
        self._left = True
        if self._calling:
            await asyncio.wait({self.task}, timeout=LEAVE_MAX_S)
        self.task.cancel()

    async def _run(self) -> None:
        """Until `leave`, or until there is nobody to show it to."""
        await asyncio.sleep(self._pace.first_s)
        card = await self._card()
        speaker = self._wire.speaker(card.bot) if card else None
        if card is None or speaker is None:
            return
        try:
            if card.chat_id > 0 and self._seen.kind in WRITTEN:
                await self._drafts(card, speaker)
            await self._edits(card, speaker)
        except (Gone, Moved) as outcome:
            log.info("live.ended", reason=outcome.reason)

    async def _glance(self) -> None:
        """How far a parked job is: its attempts are too short to be watched."""
        with suppress(Unavailable, Outcome):
            card = await self._cards.of_job(self._job_id)
            speaker = self._wire.speaker(card.bot) if card else None
            if card is not None and speaker is not None:
                await self._call(speaker, card, lambda bot: self._edit(bot, card))

    async def _card(self) -> Card | None:
        for pause_s in (0.0, *self._pace.card_pauses_s):
            await asyncio.sleep(pause_s)
            with suppress(Unavailable):
                card = await self._cards.of_job(self._job_id)
                if card is not None:
                    return card
        return None

    async def _drafts(self, card: Card, speaker: Speaker) -> None:
        """What is written so far, again and again. Returns where Telegram does not take drafts, and when
        it cannot be written down that there is one: the answer would then leave it standing.
        """

        async def ask(bot: Bot) -> object:
            return await bot.send_message_draft(
                card.chat_id,
                card.draft_id,
                text=draft_text(self._seen),  # read when it is its turn: most looks are skipped
                parse_mode="HTML",
                can_stop=True,
                keep_on_stop=True,
            )

        try:
            await self._cards.note_draft(card.job_id)
        except Unavailable:
            return
        while not self._left:
            self._news.clear()
            wait_s = 0.0
            try:
                wait_s = await self._call(speaker, card, ask)
            except Refused as refused:
                if refused.why is not Why.PARSE:
                    log.info("drafts.refused", reason=refused.reason)
                    return
            await asyncio.sleep(max(wait_s, self._pace.draft_every_s))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.draft_again_s):
                    await self._news.wait()

    async def _edits(self, card: Card, speaker: Speaker) -> None:
        """The card, whenever it has something new to say. Returns when it cannot be edited."""
        shown = Seen(self._seen.kind, 0).told
        while not self._left:
            await self._news.wait()
            self._news.clear()
            told = self._seen.told
            if told == shown:
                continue
            wait_s = 0.0
            try:
                wait_s = await self._call(speaker, card, lambda bot: self._edit(bot, card))
                shown = shown if wait_s else told
            except Refused as refused:
                if refused.why is Why.UNEDITABLE:
                    return
            await asyncio.sleep(max(wait_s, self._pace.edit_every_s))

    async def _edit(self, bot: Bot, card: Card) -> object:
        return await bot.edit_message_text(
            card_text(self._seen, card.language),
            chat_id=card.chat_id,
            message_id=card.message_id,
            parse_mode="HTML",
            reply_markup=markup(cancel_keyboard(card.job_id, card.language)),
            link_preview_options=_NO_PREVIEW,
        )

    async def _call(self, speaker: Speaker, card: Card, ask: Ask) -> float:
        """0: it was shown. Else the seconds after which there may be room for the next.

        Raises Gone, Moved and Refused: those will not pass.
        """
        self._calling = True
        try:
            await self._wire.call(speaker, card.chat_id, ask, haste="live", timeout_s=TURN_MAX_S)
        except (Gone, Moved, Refused):
            metrics.live_updates.labels(outcome="refused").inc()
            raise
        except Later as later:
            metrics.live_updates.labels(outcome="skipped").inc()
            self._news.set()
            return later.wait_s
        except Outcome:
            metrics.live_updates.labels(outcome="unheard").inc()
            return 0.0
        finally:
            self._calling = False
        metrics.live_updates.labels(outcome="shown").inc()
        return 0.0
