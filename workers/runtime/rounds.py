"""Loops that run for the life of a process: whatever a round meets, the next one comes."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from ops.base import metrics
from ops.base.logs import get_logger
from schemas.errors import Unavailable
from storage.queue import REDIS_TROUBLE

log = get_logger(__name__)

BACK_OFF_MAX_S: Final = 2.0


class Stop:
    """Tells every loop of a worker that it is to end; set once, never cleared."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """True as soon as it is set, False after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


class BackOff:
    """Pauses that double while trouble lasts, each with jitter so that workers do not march."""

    def __init__(self, *, first_s: float = 0.05, max_s: float = BACK_OFF_MAX_S) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._failures = 0

    def next_s(self) -> float:
        pause_s = min(self._max_s, self._first_s * 2**self._failures)
        self._failures = min(self._failures + 1, 20)
        return float(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, not a secret)

    def reset(self) -> None:
        self._failures = 0


async def repeat(
    work: Callable[[], Awaitable[object]],
    *,
    every_s: float,
    stop: Stop,
    name: str,
    jitter: float = 0.0,
) -> None:
    """Run `work` until `stop`, `every_s` apart, sooner after a failure. Raises nothing of it."""
    back_off = BackOff(max_s=max(every_s, 0.05))
    while not stop.is_set:
        try:
            await work()
        except (Unavailable, *REDIS_TROUBLE) as error:
            if not isinstance(error, Unavailable):
                metrics.redis_errors.inc()
            log.warning("round.postponed", round=name, error=type(error).__name__)
            await stop.wait(back_off.next_s())
        except Exception:  # a bug in one round must not end all the others
            log.exception("round.failed", round=name)
            await stop.wait(back_off.next_s())
        else:
            back_off.reset()
            pause_s = every_s * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311
            await stop.wait(pause_s)
