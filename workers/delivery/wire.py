"""One call of the Bot API: its place in the limiter, its time-out, and its outcome as one of a few."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from aiogram import Bot

from ops.base import metrics
from ops.base.logs import get_logger
from ops.base.settings import Settings
from ops.base.telegram import BotAccount, account_named, bots_of, open_bot
from storage.queue import Queue
from storage.telegram_limits import Haste, Limiter
from workers.delivery.outcomes import Flood, Gone, Later, Outcome, Unknown, outcome_of

log = get_logger(__name__)

T = TypeVar("T")

PATIENCE_S: Final = 1.5
"""A wait up to this is made in place; a longer one gives the place in hand to somebody else."""
CALL_MAX_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """One of our bots, ready to speak."""

    account: BotAccount
    bot: Bot

    @property
    def bot_id(self) -> int:
        return self.account.bot_id


class Wire:
    """Every call that a worker makes to Telegram goes through `call`."""

    def __init__(self, speakers: Mapping[str, Speaker], limiter: Limiter) -> None:
        self._speakers = dict(speakers)
        self._limiter = limiter

    @classmethod
    def open(cls, settings: Settings, queue: Queue) -> Self:
        """Raises ConfigError for bots that cannot be."""
        accounts = bots_of(settings)
        speakers = {a.name: Speaker(a, open_bot(a, settings)) for a in accounts}
        # A bot that was two bots before answers to both of its names.
        names = {app.value for account in accounts for app in account.features}
        for name in names - set(speakers):
            account = account_named(accounts, name)
            if account is not None:
                speakers[name] = speakers[account.name]
        return cls(speakers, Limiter(queue))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of bots that can be spoken for."""
        return tuple(self._speakers)

    @property
    def limiter(self) -> Limiter:
        return self._limiter

    def speaker(self, name: str) -> Speaker | None:
        return self._speakers.get(name)

    async def call(
        self,
        speaker: Speaker,
        chat_id: int,
        ask: Callable[[Bot], Awaitable[T]],
        *,
        cost: int = 1,
        haste: Haste = "final",
        timeout_s: float = CALL_MAX_S,
    ) -> T:
        """`ask(bot)` when it is its turn. `cost` 0 asks no limiter: nothing is shown to anybody.

        Raises an Outcome, and nothing else: Later, Gone, Moved, Refused, Unknown.
        """
        if cost:
            await self.turn(speaker, chat_id, cost, haste=haste)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await ask(speaker.bot)
        except Exception as error:
            outcome = outcome_of(error)
            await self._heard(speaker, chat_id, outcome, error)
            raise outcome from error
        metrics.telegram_calls.labels(outcome="ok").inc()
        return answer

    async def turn(
        self, speaker: Speaker, chat_id: int, cost: int = 1, *, haste: Haste = "final"
    ) -> None:
        """A place in the limiter, for a call with `cost` 0. Raises Later for one that is far away."""
        left_s = PATIENCE_S if haste == "final" else 0.0
        while (wait_s := await self._limiter.take(speaker.bot_id, chat_id, cost, haste)) > 0:
            if wait_s > left_s:
                raise Later("limit", wait_s)
            left_s -= wait_s
            await asyncio.sleep(wait_s)

    async def _heard(
        self, speaker: Speaker, chat_id: int, outcome: Outcome, error: BaseException
    ) -> None:
        metrics.telegram_calls.labels(outcome=type(outcome).__name__.lower()).inc()
        if isinstance(outcome, Flood):
            log.warning("telegram.flood", bot=speaker.account.name, wait_s=outcome.wait_s)
            await self._limiter.pause(speaker.bot_id, chat_id, outcome.wait_s)
        elif isinstance(outcome, Later):
            log.error("telegram.unreachable", bot=speaker.account.name, reason=outcome.reason)
        elif isinstance(outcome, Unknown):
            log.warning("telegram.unheard", bot=speaker.account.name, error=type(error).__name__)
        elif isinstance(outcome, Gone):
            log.info("telegram.gone", bot=speaker.account.name, reason=outcome.reason)

    async def close(self) -> None:
        for speaker in {id(each): each for each in self._speakers.values()}.values():
            await speaker.bot.session.close()
