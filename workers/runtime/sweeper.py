"""Runs the sweep: every worker of any lane tries each SWEEP_S, a lock in Postgres lets one do it."""

from collections import Counter
from typing import Final

from ops.base import clock, metrics
from ops.base.logs import get_logger
from schemas.plans import kind_limits
from storage.deliveries import Deliveries
from storage.gauges import count_parked, measure, updates_open
from storage.pool import Database
from storage.queue import REDIS_TROUBLE, Queue
from storage.sweep import sweep

log = get_logger(__name__)

LOOK_EVERY_S: Final = 5.0
PASSES_MAX: Final = 200
"""A bound for one round: with batches of 500 the next round comes before this is felt."""


class Sweeper:
    """Adds the wake-ups that are missing and completes what nobody completed."""

    def __init__(
        self, db: Database, queue: Queue, *, lease_s: float, kinds: tuple[str, ...]
    ) -> None:
        self._db = db
        self._queue = queue
        self._lease_s = lease_s
        self._kinds = kinds
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
        await self._show()

    async def _show(self) -> None:
        """What an operator's graphs and an autoscaler need; the rules believe whoever swept last."""
        if clock.monotonic_s() < self._look_at_s:
            return
        self._look_at_s = clock.monotonic_s() + LOOK_EVERY_S
        typical_s = {kind: limits.typical_s for kind, limits in kind_limits().items()}
        seen = await measure(self._db, known=self._kinds, typical_s=typical_s)
        for lane, backlog in seen.backlog.items():
            metrics.lane_backlog.labels(lane=lane.value).set(backlog)
            metrics.lane_oldest_seconds.labels(lane=lane.value).set(seen.oldest_s[lane])
            metrics.lane_work_seconds.labels(lane=lane.value).set(seen.work_s[lane])
        for kind, unknown in seen.unknown.items():
            metrics.unknown_kind_jobs.labels(kind=kind.value).set(unknown)
        metrics.ledger_holds_active.set(seen.holds)
        metrics.ledger_holds_units.set(seen.held_units)
        metrics.payments_parked.set(await count_parked(self._db))
        updates, oldest_s = await updates_open(self._db)
        metrics.updates_open.set(updates)
        metrics.updates_oldest_seconds.set(oldest_s)
        waiting = await Deliveries(self._db).waiting()
        metrics.deliveries_waiting.set(waiting.number)
        metrics.deliveries_oldest_seconds.set(waiting.oldest_s)

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
