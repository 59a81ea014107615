"""Keeps the leases of all jobs in hand, in one call, and hears what Postgres says about them.

The only thing that tells a worker that a job is no longer its own, or should stop: a lost stream,
group or entry never cancels a running job. It has a connection of its own, so that no job can make
it wait for one.
"""

import asyncio
from typing import Final

from ops.base import metrics
from ops.base.logs import get_logger
from schemas.errors import Unavailable
from storage.jobs import Jobs, Renewal
from workers.runtime.hand import Hand, Held

log = get_logger(__name__)

RENEWALS_PER_LEASE: Final = 3


class Leases:
    def __init__(self, jobs: Jobs, hand: Hand, *, lease_s: float) -> None:
        self._jobs = jobs
        self._hand = hand
        self._lease_s = lease_s

    @property
    def every_s(self) -> float:
        return self._lease_s / RENEWALS_PER_LEASE

    async def renew(self) -> None:
        """One round. Raises Unavailable: jobs run on, their results are fenced."""
        held = self._hand.started()
        if not held:
            return
        try:
            async with asyncio.timeout(self.every_s):
                with metrics.renew_seconds.time():
                    verdicts = await self._jobs.renew(held, lease_s=self._lease_s)
        except TimeoutError:
            raise Unavailable(store="postgres", reason="slow") from None
        attempts = dict(held)
        for verdict in verdicts:
            record = self._hand.get(verdict.job_id)
            # It may have ended, and even been started anew, while the question was on its way.
            if record is not None and record.attempt == attempts[verdict.job_id]:
                self._heed(record, verdict)

    def _heed(self, held: Held, renewal: Renewal) -> None:
        if renewal.verdict == "cancel":
            held.cancel.set()
        elif not held.settling and not held.lost:
            metrics.leases_lost.labels(kind=held.entry.kind).inc()
            log.warning("lease.lost", job_id=str(held.job_id), attempt=held.attempt)
            held.drop()
