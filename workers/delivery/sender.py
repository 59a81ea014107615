"""One delivery, from what is to be said to its end.

At least once: each message that Telegram has confirmed is written down before the next one, so that
whoever takes the delivery up again sends only the rest. The card of the job becomes the answer where it
can; else the answer is a new message, and then the card goes. So it is where a live text was shown
beside the card: only a new message takes that one's place at once.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from aiogram.types import Message

from ops.base import clock, metrics
from ops.base.logs import get_logger
from schemas.errors import LeydenError, Unavailable
from schemas.targets import ChannelTarget, InlineTarget, TelegramTarget, parse_target
from schemas.texts import language_of
from storage.cards import Card, Cards
from storage.deliveries import Deliveries, Due
from workers.delivery.answers import Answers
from workers.delivery.inline import say_inline
from workers.delivery.letters import Letters, Place
from workers.delivery.outcomes import Doubt, Gone, Later, Moved, Outcome, Refused, Unknown
from workers.delivery.parts import Answer, Part, Words
from workers.delivery.wire import Speaker, Wire
from workers.runtime.rounds import BackOff

log = get_logger(__name__)

GIVE_UP: Final = timedelta(days=3)
DELAY_FIRST_S: Final = 1.0
DELAY_MAX_S: Final = 300.0
MOVES_MAX: Final = 3

End = Literal["sent", "uncertain", "undeliverable"]


class Replaced(Exception):
    """Somebody else has this delivery now: write nothing, say nothing more."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One for a process. `deliver` raises nothing but a cancellation."""

    deliveries: Deliveries
    cards: Cards
    answers: Answers
    wire: Wire

    async def deliver(self, due: Due) -> None:
        """Crash windows 16 and 18: killed after a message has left and before it is written down, it is
        sent once more; that is counted in the row. Window 17: what Telegram refuses it does not have.
        """
        if due.taken_over:
            metrics.deliveries_doubtful.labels(reason="taken_over").inc()
        try:
            await self._deliver(due)
        except Replaced:
            log.info("delivery.replaced", delivery=due.id)
        except Outcome as outcome:
            await self._judge(due, outcome)
        except Unavailable as error:
            await self._later(due, Later(error.code, DELAY_FIRST_S, counted=True))
        except (LeydenError, ValueError) as error:
            # Erased, or unreadable for ever: there is nothing that could be said.
            log.exception("delivery.impossible", delivery=due.id)
            await self._end(due, "undeliverable", reason=type(error).__name__)
        except Exception as error:  # a bug of ours: its answer is not lost, and stops no other
            log.exception("delivery.crashed", delivery=due.id)
            await self._later(due, Later(type(error).__name__, DELAY_FIRST_S, counted=True))

    async def _deliver(self, due: Due) -> None:
        target = parse_target(due.target)
        if target is None or isinstance(target, ChannelTarget):
            raise ValueError(due.target)
        speaker = self.wire.speaker(target.bot)
        if speaker is None:
            raise Later("unknown_bot", DELAY_MAX_S)
        card = await self.cards.of_job(due.job_id)
        language = language_of(card.language if card else due.language)
        answer = await self.answers.of(due, language)
        if isinstance(target, InlineTarget):
            letters = Letters(self.wire)

            async def send_privately(place: Place, part: Part) -> Message:
                return await self._send(due, place, part)

            ref = await say_inline(
                letters, due, speaker, target, answer, language=language, send=send_privately
            )
        else:
            ref = await self._in_chat(due, speaker, target, answer, card)
        await self._end(due, "sent", ref=ref)
        waited = clock.now() - due.created_at
        metrics.delivery_lag_seconds.observe(max(0.0, waited.total_seconds()))

    # ------------------------------------------------------------------------------------- in a chat

    async def _in_chat(
        self,
        due: Due,
        speaker: Speaker,
        target: TelegramTarget,
        answer: Answer,
        card: Card | None,
    ) -> str:
        chat_id = await self.deliveries.chat_now(target.chat_id)
        for _ in range(MOVES_MAX):
            try:
                place = Place(speaker, chat_id, target.reply_to)
                return await self._at(due, place, answer, card)
            except Moved as moved:
                log.info("chat.moved", bot=speaker.account.name)
                await self.deliveries.note_move(chat_id, moved.chat_id)
                chat_id, card = (
                    moved.chat_id,
                    None,
                )  # messages of the old group are not in the new one
        raise Gone("moves without end")

    async def _at(self, due: Due, place: Place, answer: Answer, card: Card | None) -> str:
        """What is missing of the answer; `chat:message,message` of all of it."""
        parts = list(due.parts)
        became = card is not None and parts == [card.message_id]
        if card is not None and not parts and answer.editable and not card.drafted:
            became = await self._become(card, place, answer)
            if became:
                parts.append(card.message_id)
                await self._note(due, card.message_id)
        for number in range(len(parts), len(answer.parts)):
            at = place if number == 0 else Place(place.speaker, place.chat_id)
            message = await self._send(due, at, answer.parts[number])
            parts.append(message.message_id)
        if card is not None:
            await self._remove(card, place, became=became)
        return f"{place.chat_id}:{','.join(map(str, parts))}"

    async def _send(self, due: Due, place: Place, part: Part) -> Message:
        """A new message, written down as soon as Telegram has confirmed it."""
        try:
            message, *others = await Letters(self.wire).send_all(place, part)
        except Unknown as unknown:
            metrics.deliveries_doubtful.labels(reason="unheard").inc()
            raise Doubt(unknown.reason) from unknown
        await self._note(due, message.message_id, [one.message_id for one in others])
        return message

    async def _become(self, card: Card, place: Place, answer: Answer) -> bool:
        """The card turns into the answer. False when it cannot, and then the answer is a new message."""
        words = answer.parts[0]
        assert isinstance(words, Words)  # noqa: S101 (what is editable is a text)
        try:
            await Letters(self.wire).edit(
                Place(place.speaker, place.chat_id), card.message_id, words
            )
        except Refused as refused:
            log.info("card.kept", reason=refused.reason)
            return False
        return True

    async def _remove(self, card: Card, place: Place, *, became: bool) -> None:
        """Killed before the delivery ends: all its parts are written down, only this is done again."""
        if not became:
            await Letters(self.wire).delete(Place(place.speaker, card.chat_id), card.message_id)
        await self.cards.drop(card.job_id)

    async def _note(self, due: Due, message_id: int, others: Sequence[int] = ()) -> None:
        """Insist: what is not written down is sent again. Raises Replaced."""
        back_off = BackOff()
        while True:
            try:
                if not await self.deliveries.note_part(due, message_id, others):
                    raise Replaced
                return
            except Unavailable:
                await asyncio.sleep(back_off.next_s())

    # ------------------------------------------------------------------------------------- outcomes

    async def _judge(self, due: Due, outcome: Outcome) -> None:
        """Another time, or the end, of a delivery that did not succeed now."""
        match outcome:
            case Gone():
                await self._end(due, "undeliverable", reason=outcome.reason)
            case Refused():
                log.error("delivery.refused", delivery=due.id, reason=outcome.reason)
                await self._end(due, "undeliverable", reason=outcome.reason)
            case Later():
                await self._later(due, outcome)
                await self._queue_behind(due, outcome)
            case _:
                delay_s = _pause_s(due.tries)
                await self._later(due, Later(outcome.reason, delay_s, counted=True), outcome)

    async def _later(self, due: Due, later: Later, cause: Outcome | None = None) -> None:
        doubtful = isinstance(cause, Doubt)
        if clock.now() - due.created_at > GIVE_UP:
            await self._end(due, "uncertain" if doubtful else "undeliverable", reason=later.reason)
            return
        delay_s = max(later.wait_s, _pause_s(due.tries) if later.counted else 0.0)
        # Those who waited for the same moment do not all come back in it.
        delay_s += random.uniform(0, 0.2)  # noqa: S311 (jitter, not a secret)
        try:
            await self.deliveries.delay(due, delay_s, counted=later.counted, doubtful=doubtful)
        except Unavailable:  # the lease ends by itself
            log.warning("delivery.undelayed", delivery=due.id)

    async def _queue_behind(self, due: Due, later: Later) -> None:
        """Told to wait in this chat: what else is due there is not tried before its turn."""
        if later.counted or not isinstance(parse_target(due.target), TelegramTarget):
            return
        pace_s = self.wire.limiter.chat_pace_s
        try:
            await self.deliveries.delay_chat(due, later.wait_s, each_s=pace_s)
        except Unavailable:  # they are told themselves
            log.warning("delivery.undelayed", delivery=due.id)

    async def _end(
        self, due: Due, state: "End", *, ref: str | None = None, reason: str | None = None
    ) -> None:
        try:
            ended = await self.deliveries.end(due, state, message_ref=ref, reason=reason)
        except (
            Unavailable
        ):  # all that was sent is written down; the lease ends, and then this is said
            log.warning("delivery.unended", delivery=due.id)
            return
        if ended:
            metrics.deliveries_ended.labels(outcome=state).inc()
            log.info("delivery.ended", job_id=str(due.job_id), outcome=state, tries=due.tries)


def _pause_s(tries: int) -> float:
    """Doubles from a second to five minutes, with jitter."""
    longest_s = min(DELAY_MAX_S, DELAY_FIRST_S * 2 ** min(tries, 20))
    return float(random.uniform(longest_s / 2, longest_s))  # noqa: S311 (jitter, not a secret)
