"""The flood limits of the Bot API as far as they are known: for a bot, a chat and a group.

The real ones are not published as exact numbers. These are the ones bots are told to keep: about 30
messages a second for a bot, one a second for a chat (with short bursts), 20 a minute for a group.
"""

import math
from collections import defaultdict, deque
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ops.base.clock import monotonic_s
from ops.sandbox.telegram.records import Chat

MINUTE_S: Final = 60.0


class TelegramLimits(BaseModel):
    """`chat_burst` messages may come at once, and so many in as many seconds; drafts likewise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    bot_per_s: int = Field(30, ge=1)
    chat_burst: int = Field(5, ge=1)
    chat_per_s: float = Field(1.0, gt=0)
    draft_burst: int = Field(3, ge=1)
    draft_per_s: float = Field(2.0, gt=0)
    group_per_minute: int = Field(20, ge=1)


class Window:
    """At most `most` moments in any `window_s` seconds."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque()

    def wait_s(self, now_s: float, *, most: int, window_s: float, count: int) -> float:
        """0 when `count` more fit, else the seconds until they do."""
        moments = self._moments
        while moments and moments[0] <= now_s - window_s:
            moments.popleft()
        over = len(moments) + count - max(most, count)
        return moments[over - 1] + window_s - now_s if over > 0 else 0.0

    def add(self, now_s: float, count: int) -> None:
        self._moments.extend([now_s] * count)


class Gauge:
    """Every sending that was let through, counted where it counts."""

    def __init__(self) -> None:
        self._windows: defaultdict[tuple[str, int, str], Window] = defaultdict(Window)

    def admit(
        self, limits: TelegramLimits, bot_id: int, chat: Chat, *, count: int, draft: bool
    ) -> tuple[str, int]:
        """("", 0) and counted, or which limit is exceeded and the whole seconds to wait."""
        if not limits.enabled:
            return "", 0
        now_s = monotonic_s()
        rows = _rows(limits, chat, draft=draft)
        worst_name, worst_s = "", 0.0
        for name, most, window_s in rows:
            window = self._window(bot_id, chat, name)
            wait_s = window.wait_s(now_s, most=most, window_s=window_s, count=count)
            if wait_s > worst_s:
                worst_name, worst_s = name, wait_s
        if worst_name:
            return worst_name, math.ceil(worst_s)
        for name, _, _ in rows:
            self._window(bot_id, chat, name).add(now_s, count)
        return "", 0

    def clear(self) -> None:
        self._windows.clear()

    def _window(self, bot_id: int, chat: Chat, name: str) -> Window:
        return self._windows[name, bot_id, "" if name == "bot" else chat.key]


def _rows(limits: TelegramLimits, chat: Chat, *, draft: bool) -> list[tuple[str, int, float]]:
    bot = ("bot", limits.bot_per_s, 1.0)
    if draft:
        window_s = limits.draft_burst / limits.draft_per_s
        return [bot, ("draft", limits.draft_burst, window_s)]
    rows = [bot, ("chat", limits.chat_burst, limits.chat_burst / limits.chat_per_s)]
    if chat.type != "private":
        rows.append(("group", limits.group_per_minute, MINUTE_S))
    return rows
