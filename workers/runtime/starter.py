"""From a wake-up to a lease: asks Postgres, gathered with others, then closes the stream entries."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ops.base import clock, metrics
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.errors import Unavailable
from storage.batch import Batch
from storage.consumer import Consumer
from storage.jobs import Jobs, StartAnswer, Started, Wake
from storage.queue import Queue
from storage.streams import Entry
from workers.runtime.hand import Held
from workers.runtime.rounds import BackOff, Stop

log = get_logger(__name__)

OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class StartTerms:
    """`kinds` are the `kind:version` this worker knows; `alone`: it runs suspects, one at a time."""

    worker: str
    lease_s: float
    kinds: tuple[str, ...]
    alone: bool
    size_max: int


class Starter:
    """Gets leases. An entry is closed as soon as Postgres has answered, whatever the answer."""

    def __init__(
        self, jobs: Jobs, queue: Queue, consumer: Consumer, *, terms: StartTerms, stop: Stop
    ) -> None:
        self._jobs = jobs
        self._queue = queue
        self._consumer = consumer
        self._terms = terms
        self._stop = stop
        self._nursery = Nursery("settle")
        self._batch: Batch[Held, Started] = Batch(
            self._many, single=self._single, call="start", size_max=terms.size_max
        )

    async def start(self, held: Held) -> Started | None:
        """What Postgres said; None when it could not be asked for as long as a lease.

        Crash window 6: the answer of a commit may be lost. The same token asked again gets the same
        attempt, so asking again is always right. An entry that got no answer stays open: another
        worker takes it over.
        """
        back_off = BackOff()
        give_up_s = clock.monotonic_s() + self._terms.lease_s
        while True:
            try:
                return await self._batch(held)
            except Unavailable:
                if self._stop.is_set or clock.monotonic_s() > give_up_s:
                    log.warning("start.abandoned", job_id=str(held.job_id))
                    return None
                await self._stop.wait(back_off.next_s())

    def close_entry(self, entry: Entry) -> None:
        """For a wake-up that needs no question: the job is in hand here already."""
        metrics.wakeups_handled.labels(outcome="in_hand").inc()
        self._nursery.start(self._settle([entry], ()), name="settle")

    async def close(self) -> None:
        """Waits for what is being settled; a bounded time, for Redis may be away."""
        await self._batch.close()
        await self._nursery.drain(2.0)
        await self._nursery.close()

    async def _many(self, rows: Sequence[Held]) -> list[Started]:
        terms = self._terms
        answer = await self._jobs.start_many(
            [(held.job_id, held.token) for held in rows],
            worker=terms.worker,
            lease_s=terms.lease_s,
            kinds=terms.kinds,
            alone=terms.alone,
        )
        self._nursery.start(self._answered(rows, answer), name="settle")
        started = {job.job_id: job for job in answer.jobs}
        return [started[held.job_id] for held in rows]

    async def _single(self, held: Held) -> Started:
        terms = self._terms
        answer = await self._jobs.start(
            held.job_id,
            held.token,
            worker=terms.worker,
            lease_s=terms.lease_s,
            kinds=terms.kinds,
            alone=terms.alone,
        )
        self._nursery.start(self._answered([held], answer), name="settle")
        return answer.jobs[0]

    async def _answered(self, rows: Sequence[Held], answer: StartAnswer) -> None:
        """Books and entries, after the jobs: they wait for this answer."""
        await asyncio.sleep(0)
        for code, number in Counter(job.code for job in answer.jobs).items():
            metrics.series(metrics.wakeups_handled, code).inc(number)
        now = clock.now()
        for job in answer.jobs:
            if job.taken_over:
                metrics.job_crashes.labels(kind=job.kind).inc()
            elif job.code == OK and job.run_at is not None:
                waited_s = (now - job.run_at).total_seconds()
                metrics.series(metrics.job_wait_seconds, job.kind).observe(max(0.0, waited_s))
        await self._settle([held.entry for held in rows], answer.wakes)

    async def _settle(self, entries: Iterable[Entry], wakes: Iterable[Wake]) -> None:
        await self._queue.wake(wakes, reason="start")
        await self._consumer.settle(entries)
