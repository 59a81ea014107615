"""The board of one process, for the time without Redis: a part of every limit, and what it heard itself.

Breakers are the cluster's; a process alone keeps the pauses and the stops it was told, and its share of
the rates, so that a dead Redis neither stops the work nor lets a crowd loose on a provider.
"""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from ops.base import clock
from schemas.providers import Window
from workers.providers.guard.board import Change, Go, Verdict, Wait, Wish

FULL_WAIT_S = 1.0


@dataclass(slots=True)
class _Account:
    stop_until_s: float = 0.0
    why: str = ""
    pause_until_s: float = 0.0
    leases: dict[str, float] = field(default_factory=dict)
    logs: defaultdict[tuple[str, int], deque[float]] = field(
        default_factory=lambda: defaultdict(deque)
    )


class LocalBoard:
    """Raises nothing. `share` of each limit, at least one call."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._accounts: defaultdict[str, _Account] = defaultdict(_Account)

    async def admit(self, wish: Wish) -> Go | Wait:
        account, now_s = self._accounts[wish.account], clock.monotonic_s()
        if wish.buys and account.stop_until_s > now_s:
            return Wait("stopped", account.stop_until_s - now_s, account.why)
        if account.pause_until_s > now_s:
            return Wait("paused", account.pause_until_s - now_s)
        account.leases = {token: end for token, end in account.leases.items() if end > now_s}
        if len(account.leases) >= self._part(wish.rules.concurrency):
            return Wait("full", FULL_WAIT_S)
        logs = [
            (window, account.logs[wish.call_class, number])
            for number, window in enumerate(wish.windows)
        ]
        for window, log in logs:
            if wait_s := self._wait_s(window, log, now_s):
                return Wait("busy", wait_s)
        for _window, log in logs:
            log.append(now_s)
        account.leases[wish.token] = now_s + wish.lease_s
        return Go()

    async def settle(self, wish: Wish, _go: Go, verdict: Verdict) -> Change:
        self.note(wish, verdict)
        return Change()

    def note(self, wish: Wish, verdict: Verdict) -> None:
        """Remember what a provider said, also while the cluster's board is the one that counts."""
        account, now_s = self._accounts[wish.account], clock.monotonic_s()
        account.leases.pop(wish.token, None)
        account.pause_until_s = max(account.pause_until_s, now_s + verdict.pause_s)
        if verdict.stop_s:
            account.stop_until_s, account.why = now_s + verdict.stop_s, verdict.why

    def _wait_s(self, window: Window, log: deque[float], now_s: float) -> float:
        while log and log[0] <= now_s - window.per_s:
            log.popleft()
        return log[0] + window.per_s - now_s if len(log) >= self._part(window.calls) else 0.0

    def _part(self, most: int) -> int:
        return max(1, math.floor(most * self._share))
