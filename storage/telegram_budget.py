"""What we allow ourselves at Telegram, and how one process keeps a part of it by itself.

Telegram publishes no exact numbers. Bots are told about 30 messages a second in all, one a second in a
chat with short bursts, 20 a minute in a group; edits count. What we allow ourselves stays below, because
calls that left in order may arrive in a heap.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import uuid4

from ops.base import clock


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` in any `per_s` seconds; `kept` of them only for answers."""

    calls: int
    kept: int
    per_s: float


@dataclass(frozen=True, slots=True)
class TelegramLimits:
    """A burst of `bot_burst` calls may leave at once, then `bot_per_s` each second.

    The windows are a little longer than Telegram's, for calls that were held up on their way.
    """

    bot_per_s: float = 25.0
    bot_burst: int = 3
    chat: Window = Window(4, 1, 5.5)
    group: Window = Window(20, 5, 62.0)
    alone_share: float = 0.25
    """What each process allows itself while it cannot ask the others."""

    def windows(self, chat_id: int) -> tuple[tuple[str, Window], ...]:
        """Groups and channels have negative ids."""
        rows: tuple[tuple[str, Window], ...] = (("chat", self.chat),)
        return (*rows, ("group", self.group)) if chat_id < 0 else rows


@dataclass(slots=True)
class Alone:
    """What one process knows by itself: its part of the limits, the pauses it was told, and what it sent."""

    limits: TelegramLimits
    _pauses: dict[tuple[int, int | None], float] = field(default_factory=dict)
    _free_s: dict[int, float] = field(default_factory=dict)
    _logs: defaultdict[tuple[str, int, int], deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )
    _untold: defaultdict[tuple[int, int], dict[str, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _forget_at_s: float = 0.0

    def paused_s(self, bot_id: int, chat_id: int) -> float:
        now_s = clock.monotonic_s()
        ends = (self._pauses.get(place, 0.0) for place in ((bot_id, None), (bot_id, chat_id)))
        return max(0.0, max(ends) - now_s)

    def pause(self, bot_id: int, chat_id: int | None, retry_after_s: float) -> None:
        now_s = clock.monotonic_s()
        self._pauses = {place: end for place, end in self._pauses.items() if end > now_s}
        until_s = max(now_s + retry_after_s, self._pauses.get((bot_id, chat_id), 0.0))
        self._pauses[bot_id, chat_id] = until_s

    def take(self, bot_id: int, chat_id: int, cost: int) -> float:
        """As `Limiter.take`, and remembered until the others are told."""
        now_s, limits = clock.monotonic_s(), self.limits
        self._forget(now_s)
        wait_s = max(0.0, self._free_s.get(bot_id, 0.0) - now_s)
        for name, window in limits.windows(chat_id):
            log = self._log(name, window, bot_id, chat_id, now_s)
            most = max(1, math.floor(window.calls * limits.alone_share), cost)
            over = len(log) + cost - most
            if over > 0:
                wait_s = max(wait_s, log[over - 1] + window.per_s - now_s)
        if wait_s > 0:
            return wait_s
        self._free_s[bot_id] = now_s + cost / (limits.bot_per_s * limits.alone_share)
        self.count(bot_id, chat_id, cost)
        self._untold[bot_id, chat_id].update({uuid4().hex: now_s for _ in range(cost)})
        return 0.0

    def count(self, bot_id: int, chat_id: int, cost: int) -> None:
        """Sent with the leave of all: it fills our own part, too, should they be gone a moment later."""
        now_s = clock.monotonic_s()
        self._forget(now_s)
        for name, window in self.limits.windows(chat_id):
            self._log(name, window, bot_id, chat_id, now_s).extend([now_s] * cost)

    def untold(self, bot_id: int, chat_id: int) -> dict[str, float]:
        """The seconds since each message there that the others know nothing of, under a name of its own."""
        now_s = clock.monotonic_s()
        return {name: now_s - at for name, at in self._untold.get((bot_id, chat_id), {}).items()}

    def told(self, bot_id: int, chat_id: int, names: Iterable[str]) -> None:
        here = self._untold[bot_id, chat_id]
        for name in names:
            here.pop(name, None)
        if not here:
            del self._untold[bot_id, chat_id]

    def _log(
        self, name: str, window: Window, bot_id: int, chat_id: int, now_s: float
    ) -> deque[float]:
        """When something was sent there, as far as it still counts."""
        log = self._logs[name, bot_id, chat_id]
        while log and log[0] <= now_s - window.per_s:
            log.popleft()
        return log

    def _forget(self, now_s: float) -> None:
        """Chats where nothing counts any more; seldom, for there may be thousands."""
        if now_s < self._forget_at_s:
            return
        longest_s = max(self.limits.chat.per_s, self.limits.group.per_s)
        self._forget_at_s, since_s = now_s + longest_s, now_s - longest_s
        for place in [place for place, log in self._logs.items() if not log or log[-1] <= since_s]:
            del self._logs[place]
        for chat in list(self._untold):
            self.told(*chat, [name for name, at in self._untold[chat].items() if at <= since_s])
