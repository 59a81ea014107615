"""How often we may speak at Telegram: one limiter for the whole cluster, for each bot, chat and group.

Telegram publishes no exact numbers. Bots are told about 30 messages a second in all, one a second in a
chat with short bursts, 20 a minute in a group; edits count. What we allow ourselves stays below, because
calls that left in order may arrive in a heap. A pause that Telegram asks for is kept by everybody.
"""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from uuid import uuid4

from ops.base import clock, metrics
from ops.base.logs import get_logger
from storage.queue import REDIS_TROUBLE, Queue

log = get_logger(__name__)

Haste = Literal["final", "live"]

REDIS_TIMEOUT_S: Final = 1.0
PAUSE_TIMEOUT_S: Final = 5.0
"""A pause that nobody hears of costs more than waiting for a busy Redis."""
REDIS_QUIET_S: Final = 1.0
"""After a failure nobody asks Redis for so long."""
WANT_MS: Final = 400
"""For so long after an answer had to wait, nothing that is only for show goes out."""

TAKE: Final = """
-- KEYS: 1 pause of the bot, 2 pause of the chat, 3 a word that answers wait, 4 the bot's next free moment,
--       then a log for each window of the chat
-- ARGV: 1 cost, 2 'live' or 'final', 3 ms between two calls of a bot, 4 ms of burst, 5 ms of the word,
--       6 a name, then for each window how many, kept free from live ones, ms
-- Answers ms to wait, and counts nothing then; 0: counted, go.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local cost, live = tonumber(ARGV[1]), ARGV[2] == 'live'
local gap, burst = tonumber(ARGV[3]), tonumber(ARGV[4])
local wait = math.max(redis.call('PTTL', KEYS[1]), redis.call('PTTL', KEYS[2]), 0)
if wait > 0 then return wait end
if live then
  wait = math.max(redis.call('PTTL', KEYS[3]), 0)
  burst = 0
end
local free = math.max(tonumber(redis.call('GET', KEYS[4]) or '0'), now)
if free - now > burst then wait = math.max(wait, free - now - burst) end
for n = 5, #KEYS do
  local at = 7 + 3 * (n - 5)
  local most, kept, span = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if live then most = most - kept end
  redis.call('ZREMRANGEBYSCORE', KEYS[n], '-inf', now - span)
  local over = redis.call('ZCARD', KEYS[n]) + cost - math.max(most, cost)
  if over > 0 then
    local row = redis.call('ZRANGE', KEYS[n], over - 1, over - 1, 'WITHSCORES')
    wait = math.max(wait, tonumber(row[2]) + span - now)
  end
end
wait = math.ceil(wait)
if wait > 0 then
  -- Only who waits for the bot holds back the rest: a busy chat is no reason to still the others.
  if not live and free - now > burst then redis.call('SET', KEYS[3], '1', 'PX', ARGV[5]) end
  return wait
end
local upto = free + gap * cost
redis.call('SET', KEYS[4], string.format('%.0f', upto), 'PX', math.ceil(upto - now) + 1000)
for n = 5, #KEYS do
  for i = 1, cost do redis.call('ZADD', KEYS[n], now, ARGV[6] .. i) end
  redis.call('PEXPIRE', KEYS[n], ARGV[9 + 3 * (n - 5)])
end
return 0
"""

PAUSE: Final = """
-- KEYS: a pause. ARGV: ms. The longest that was asked for counts.
if tonumber(ARGV[1]) > redis.call('PTTL', KEYS[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return 0
"""


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


class Limiter:
    """Ask before every call that shows something to somebody; while Redis is away each process keeps a
    part of the limits by itself.
    """

    def __init__(self, queue: Queue, *, limits: TelegramLimits | None = None) -> None:
        self._limits = limits or TelegramLimits()
        self._take = queue.register_script(TAKE)
        self._pause = queue.register_script(PAUSE)
        self._alone = _Alone(self._limits)
        self._quiet_until_s = 0.0

    @property
    def chat_pace_s(self) -> float:
        """Seconds between two of many messages in a chat; a full group is told to wait longer."""
        return self._limits.chat.per_s / self._limits.chat.calls

    async def take(self, bot_id: int, chat_id: int, cost: int = 1, kind: Haste = "final") -> float:
        """0: counted, send now. Else the seconds after which to ask again; nothing is counted.

        `cost` is the number of messages (an album counts whole). `live`: drafts, and edits of cards;
        they make room for `final` ones, and who is told to wait leaves them out.
        """
        alone_s = self._alone.paused_s(bot_id, chat_id)
        if alone_s > 0:
            return alone_s
        if clock.monotonic_s() >= self._quiet_until_s:
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    wait_ms = await self._take(
                        keys=_keys(self._limits, bot_id, chat_id),
                        args=_args(self._limits, chat_id, cost, kind),
                    )
                return int(wait_ms) / 1000
            except REDIS_TROUBLE as error:
                self._lost("take", error)
        return self._alone.take(bot_id, chat_id, cost, kind)

    async def pause(self, bot_id: int, chat_id: int | None, retry_after_s: float) -> None:
        """Telegram asked us to be silent: in this chat, or with None everywhere."""
        self._alone.pause(bot_id, chat_id, retry_after_s)
        place = "all" if chat_id is None else str(chat_id)
        try:
            async with asyncio.timeout(PAUSE_TIMEOUT_S):
                await self._pause(
                    keys=[_pause_key(bot_id, place)], args=[math.ceil(retry_after_s * 1000)]
                )
        except REDIS_TROUBLE as error:
            self._lost("pause", error)

    def _lost(self, call: str, error: BaseException) -> None:
        self._quiet_until_s = clock.monotonic_s() + REDIS_QUIET_S
        metrics.redis_errors.inc()
        log.warning("redis.failed", call=f"telegram.{call}", error=type(error).__name__)


@dataclass(slots=True)
class _Alone:
    """One process by itself: its part of the limits, and the pauses it was told."""

    limits: TelegramLimits
    _pauses: dict[tuple[int, int | None], float] = field(default_factory=dict)
    _free_s: dict[int, float] = field(default_factory=dict)
    _logs: defaultdict[tuple[str, int, int], deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    def paused_s(self, bot_id: int, chat_id: int) -> float:
        now_s = clock.monotonic_s()
        ends = (self._pauses.get(place, 0.0) for place in ((bot_id, None), (bot_id, chat_id)))
        return max(0.0, max(ends) - now_s)

    def pause(self, bot_id: int, chat_id: int | None, retry_after_s: float) -> None:
        now_s = clock.monotonic_s()
        self._pauses = {place: end for place, end in self._pauses.items() if end > now_s}
        until_s = max(now_s + retry_after_s, self._pauses.get((bot_id, chat_id), 0.0))
        self._pauses[bot_id, chat_id] = until_s

    def take(self, bot_id: int, chat_id: int, cost: int, kind: Haste) -> float:
        now_s, limits = clock.monotonic_s(), self.limits
        if kind == "live":  # nothing is only for show now
            return REDIS_QUIET_S
        self._forget(now_s)
        wait_s = max(0.0, self._free_s.get(bot_id, 0.0) - now_s)
        logs = [
            (self._logs[name, bot_id, chat_id], window) for name, window in limits.windows(chat_id)
        ]
        for log_, window in logs:
            most = max(1, math.floor(window.calls * limits.alone_share), cost)
            over = len(log_) + cost - most
            if over > 0:
                wait_s = max(wait_s, log_[over - 1] + window.per_s - now_s)
        if wait_s > 0:
            return wait_s
        self._free_s[bot_id] = now_s + cost / (limits.bot_per_s * limits.alone_share)
        for log_, _ in logs:
            log_.extend([now_s] * cost)
        return 0.0

    def _forget(self, now_s: float) -> None:
        spans = {"chat": self.limits.chat.per_s, "group": self.limits.group.per_s}
        for place in list(self._logs):
            log_ = self._logs[place]
            while log_ and log_[0] <= now_s - spans[place[0]]:
                log_.popleft()
            if not log_:
                del self._logs[place]


def _keys(limits: TelegramLimits, bot_id: int, chat_id: int) -> list[str]:
    logs = [f"leyden:tg:{bot_id}:{name}:{chat_id}" for name, _ in limits.windows(chat_id)]
    return [
        _pause_key(bot_id, "all"),
        _pause_key(bot_id, str(chat_id)),
        f"leyden:tg:{bot_id}:want",
        f"leyden:tg:{bot_id}:free",
        *logs,
    ]


def _args(
    limits: TelegramLimits, chat_id: int, cost: int, kind: Haste
) -> Sequence[str | int | float]:
    gap_ms = 1000 / limits.bot_per_s
    args: list[str | int | float] = [cost, kind, gap_ms, gap_ms * (limits.bot_burst - 1), WANT_MS]
    args.append(uuid4().hex)
    for _, window in limits.windows(chat_id):
        args += [window.calls, window.kept, math.ceil(window.per_s * 1000)]
    return args


def _pause_key(bot_id: int, place: str) -> str:
    return f"leyden:tg:{bot_id}:pause:{place}"
