"""The board of one process, for the time without Redis: a part of every limit, and what it heard itself.

Breakers are the cluster's; a process alone keeps the pauses and the stops it was told, and its share of
the rates, so that a dead Redis neither stops the work nor lets a crowd loose on a provider.
"""

import math
from collections import defaultdict
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
    logs: defaultdict[tuple[str, int], dict[str, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """The calls of a window by token, oldest first."""


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
        if busy := self._counted(account, wish, now_s):
            return busy
        account.leases[wish.token] = now_s + wish.lease_s
        return Go()

    async def leave(self, wish: Wish) -> Go | Wait:
        account, now_s = self._accounts[wish.account], clock.monotonic_s()
        if wish.buys and account.stop_until_s > now_s:
            return Wait("stopped", account.stop_until_s - now_s, account.why)
        if account.pause_until_s > now_s:
            return Wait("paused", account.pause_until_s - now_s)
        return self._counted(account, wish, now_s) or Go()

    async def settle(self, wish: Wish, _go: Go, verdict: Verdict) -> Change:
        self.note(wish, verdict)
        return Change()

    def count(self, wish: Wish) -> None:
        """Let go by the board of all: it fills our own part, too, should Redis be gone a moment later."""
        account, now_s = self._accounts[wish.account], clock.monotonic_s()
        for number, window in enumerate(wish.windows):
            log = account.logs[wish.call_class, number]
            log.pop(wish.token, None)
            self._wait_s(window, log, now_s)  # forgets what counts no more
            log[wish.token] = now_s

    def note(self, wish: Wish, verdict: Verdict) -> None:
        """Remember what a provider said, also while the cluster's board is the one that counts."""
        account, now_s = self._accounts[wish.account], clock.monotonic_s()
        account.leases.pop(wish.token, None)
        account.pause_until_s = max(account.pause_until_s, now_s + verdict.pause_s)
        if verdict.stop_s:
            account.stop_until_s, account.why = now_s + verdict.stop_s, verdict.why

    def _counted(self, account: _Account, wish: Wish, now_s: float) -> Wait | None:
        """None when it is counted, from now on."""
        logs = [account.logs[wish.call_class, number] for number in range(len(wish.windows))]
        for window, log in zip(wish.windows, logs, strict=True):
            log.pop(wish.token, None)
            if wait_s := self._wait_s(window, log, now_s):
                return Wait("busy", wait_s)
        for log in logs:
            log[wish.token] = now_s
        return None

    def _wait_s(self, window: Window, log: dict[str, float], now_s: float) -> float:
        while log and (oldest := next(iter(log))) and log[oldest] <= now_s - window.per_s:
            del log[oldest]
        if len(log) < self._part(window.calls):
            return 0.0
        return next(iter(log.values())) + window.per_s - now_s

    def _part(self, most: int) -> int:
        return max(1, math.floor(most * self._share))
