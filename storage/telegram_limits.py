"""How often we may speak at Telegram: one limiter for the whole cluster, for each bot, chat and group.

What is allowed is in `storage.telegram_budget`. A pause that Telegram asks for is kept by everybody.
"""

import asyncio
import math
from collections.abc import Mapping
from typing import Final, Literal
from uuid import uuid4

from ops.base import clock, metrics
from ops.base.logs import get_logger
from storage.queue import REDIS_TROUBLE, Queue
from storage.telegram_budget import Alone, TelegramLimits

log = get_logger(__name__)

Haste = Literal["final", "live"]

REDIS_TIMEOUT_S: Final = 1.0
PAUSE_TIMEOUT_S: Final = 5.0
"""A pause that nobody hears of costs more than waiting for a busy Redis."""
REDIS_QUIET_S: Final = 1.0
"""After a failure nobody asks Redis for so long."""
ALONE_WAIT_MAX_S: Final = 5.0
"""Our own part of a group may be full for a minute; Redis is mostly back before."""
WANT_MS: Final = 400
"""For so long after an answer had to wait, nothing that is only for show goes out."""

TAKE: Final = """
-- KEYS: 1 pause of the bot, 2 pause of the chat, 3 a word that answers wait, 4 the bot's next free moment,
--       then a log for each window of the chat
-- ARGV: 1 cost, 2 'live' or 'final', 3 ms between two calls of a bot, 4 ms of burst, 5 ms of the word,
--       6 a name, 7 'name:ms ago' of each message the caller sent unasked, then for each window how many,
--       kept free from live ones, ms
-- Answers ms to wait, and counts nothing then; 0: counted, go.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for name, ago in string.gmatch(ARGV[7], '(%x+):(%d+)') do
  for n = 5, #KEYS do  -- told twice, a name counts once
    redis.call('ZADD', KEYS[n], now - tonumber(ago), name)
    redis.call('PEXPIRE', KEYS[n], ARGV[10 + 3 * (n - 5)])
  end
end
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
  local at = 8 + 3 * (n - 5)
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
  redis.call('PEXPIRE', KEYS[n], ARGV[10 + 3 * (n - 5)])
end
return 0
"""

PAUSE: Final = """
-- KEYS: a pause. ARGV: ms. The longest that was asked for counts.
if tonumber(ARGV[1]) > redis.call('PTTL', KEYS[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end
return 0
"""


class Limiter:
    """Ask before every call that shows something to somebody; while Redis is away each process keeps a
    part of the limits by itself.
    """

    def __init__(self, queue: Queue, *, limits: TelegramLimits | None = None) -> None:
        self._limits = limits or TelegramLimits()
        self._take = queue.register_script(TAKE)
        self._pause = queue.register_script(PAUSE)
        self._alone = Alone(self._limits)
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
                return await self._ask(bot_id, chat_id, cost, kind)
            except REDIS_TROUBLE as error:
                self._lost("take", error)
        if kind == "live":  # nothing is only for show now
            return REDIS_QUIET_S
        return min(self._alone.take(bot_id, chat_id, cost), ALONE_WAIT_MAX_S)

    async def _ask(self, bot_id: int, chat_id: int, cost: int, kind: Haste) -> float:
        """Raises a REDIS_TROUBLE. What was sent without asking is told with the question, so that nobody
        counts on room that is taken.
        """
        unasked = self._alone.untold(bot_id, chat_id)
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            wait_ms = await self._take(
                keys=_keys(self._limits, bot_id, chat_id),
                args=_args(self._limits, chat_id, cost, kind, unasked),
            )
        if unasked:
            self._alone.told(bot_id, chat_id, unasked)
        if wait_ms == 0:
            self._alone.count(bot_id, chat_id, cost)
        return int(wait_ms) / 1000

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
    limits: TelegramLimits, chat_id: int, cost: int, kind: Haste, unasked: Mapping[str, float]
) -> list[str | int | float]:
    gap_ms = 1000 / limits.bot_per_s
    args: list[str | int | float] = [cost, kind, gap_ms, gap_ms * (limits.bot_burst - 1), WANT_MS]
    args.append(uuid4().hex)
    args.append(" ".join(f"{name}:{math.floor(ago_s * 1000)}" for name, ago_s in unasked.items()))
    for _, window in limits.windows(chat_id):
        args += [window.calls, window.kept, math.ceil(window.per_s * 1000)]
    return args


def _pause_key(bot_id: int, place: str) -> str:
    return f"leyden:tg:{bot_id}:pause:{place}"
