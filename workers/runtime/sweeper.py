"""Runs the sweep: every worker of any lane tries each SWEEP_S, a lock in Postgres lets one do it."""

from collections import Counter
from typing import Final

from ops.base import clock, metrics
from ops.base.logs import get_logger
from storage.overview import Overview
from storage.pool import Database
from storage.queue import REDIS_TROUBLE, Queue
from storage.sweep import sweep

log = get_logger(__name__)

LOOK_EVERY_S: Final = 5.0
PASSES_MAX: Final = 200
"""A bound for one round: with batches of 500 the next round comes before this is felt."""


class Sweeper:
    """Adds the wake-ups that are missing and completes what nobody completed."""

    def __init__(self, db: Database, queue: Queue, *, lease_s: float) -> None:
        self._db = db
        self._queue = queue
        self._lease_s = lease_s
        self._overview = Overview(db)
        self._look_at_s = 0.0

    async def sweep(self) -> None:
        """One whole round: passes until nothing is left. Raises Unavailable.

        With Redis away, timers, leases and deadlines go on; only lost wake-ups cannot be told.
        """
        counts: Counter[str] = Counter()
        with metrics.sweep_seconds.time():
            for _ in range(PASSES_MAX):
                answer = await sweep(self._db, await self._ages(), lease_s=self._lease_s)
                if answer.busy:
                    return
                counts.update(answer.counts)
                await self._queue.wake(answer.wakes, reason="sweep")
                if not answer.more:
                    break
        await self._note(counts)
        await self._show_lanes()

    async def _show_lanes(self) -> None:
        """What an operator's graphs and an autoscaler need; shown by whoever swept last."""
        if clock.monotonic_s() < self._look_at_s:
            return
        self._look_at_s = clock.monotonic_s() + LOOK_EVERY_S
        for view in await self._overview.lanes():
            metrics.lane_backlog.labels(lane=view.lane.value).set(view.backlog)
            metrics.lane_oldest_seconds.labels(lane=view.lane.value).set(view.oldest_s or 0.0)

    async def _ages(self) -> dict[int, float]:
        try:
            return await self._queue.ages()
        except REDIS_TROUBLE as error:
            self._queue.count_error(error, "ages")
            return {}

    async def _note(self, counts: Counter[str]) -> None:
        metrics.sweep_last_timestamp.set(clock.unix_s())
        if counts:
            log.info("sweep.completed", **{f"n_{what}": n for what, n in counts.items()})
        try:
            await self._queue.note_sweep(counts)
        except REDIS_TROUBLE as error:
            self._queue.count_error(error, "note_sweep")
