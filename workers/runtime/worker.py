"""`StreamWorker`: arq's Worker with streams below it and our jobs above it.

From arq come functions, ctx, cron, hooks, time-outs and signals. Its sorted set carries cron and
housekeeping only; jobs come from streams, their leases live in Postgres. A kind of job is an arq
function of that name, called as `function(ctx, held, started)`.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast
from uuid import uuid4

from arq.cron import CronJob
from arq.worker import Function, Worker

from ops.base import clock, metrics
from ops.base.health import Health
from ops.base.logs import bind_job, get_logger
from ops.base.nursery import Nursery
from ops.base.trace import trace_id
from storage.consumer import Consumer
from storage.jobs import Jobs, Started
from storage.pool import Database
from storage.queue import REDIS_TROUBLE, Queue, WorkerCard
from storage.streams import CRON_QUEUE, Entry
from workers.runtime.hand import Hand, Held
from workers.runtime.handback import hand_back
from workers.runtime.leases import Leases
from workers.runtime.reader import Reader, ReadPlan
from workers.runtime.rounds import Stop, repeat
from workers.runtime.starter import OK, Starter, StartTerms
from workers.runtime.sweeper import Sweeper
from workers.runtime.warden import Warden

if TYPE_CHECKING:
    from arq.typing import StartupShutdown

log = get_logger(__name__)

Hook = Callable[[dict[Any, Any]], Awaitable[None]]

CRON_POLL_S: Final = 0.5
BEAT_S: Final = 1.0
READER_END_S: Final = 0.1
SETTLE_GRACE_S: Final = 5.0
"""After the grace: for jobs whose end is just being written."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a worker was told. `kinds` are `kind:version`; `idle_exit_s`: end after so long idle."""

    kinds: tuple[str, ...]
    lease_s: float
    sweep_s: float
    grace_s: float
    batch_size_max: int = 100
    idle_exit_s: float | None = None


class Errand(Protocol):
    """Work beside the jobs, with truth of its own elsewhere; entries of its kind only wake it."""

    def ring(self) -> None: ...

    async def run(self, stop: Stop) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What it stands on. `control` is a small pool that jobs never use: renewals and sweeps.

    `errands`: by the kind of the entries that wake them.
    """

    jobs: Jobs
    control: Database
    queue: Queue
    health: Health
    errands: Mapping[str, Errand] = field(default_factory=dict)


class StreamWorker(Worker):
    """Runs until SIGTERM or SIGINT, then finishes what it can and hands the rest back."""

    def __init__(
        self,
        functions: Sequence[Function],
        *,
        ports: Ports,
        plan: ReadPlan,
        terms: Terms,
        ctx: dict[str, Any],
        cron_jobs: Sequence[CronJob] = (),
        warden: Warden | None = None,
        handle_signals: bool = True,
    ) -> None:
        super().__init__(
            functions,
            cron_jobs=cron_jobs,
            redis_pool=ports.queue,
            queue_name=CRON_QUEUE,
            handle_signals=handle_signals,
            max_jobs=plan.slots,
            poll_delay=CRON_POLL_S,
            keep_result=0,
            ctx=ctx,
            job_serializer=ports.queue.job_serializer,
            job_deserializer=ports.queue.job_deserializer,
        )
        self.worker_id = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:6]}"
        self.hand = Hand(plan.slots)
        self.stop = Stop()
        self._ports = ports
        self._plan = plan
        self._terms = terms
        self._slots = asyncio.Semaphore(plan.slots)
        self._jobs_running = Nursery("jobs")
        self._wards = Nursery("warden")
        self._consumer = Consumer(ports.queue, self.worker_id)
        start_terms = StartTerms(
            self.worker_id, terms.lease_s, terms.kinds, plan.alone, terms.batch_size_max
        )
        self._starter = Starter(
            ports.jobs, ports.queue, self._consumer, terms=start_terms, stop=self.stop
        )
        self._reader = Reader(
            self._consumer, plan=plan, hand=self.hand, take=self.deliver, stop=self.stop
        )
        self._leases = Leases(Jobs(ports.control), self.hand, lease_s=terms.lease_s)
        self._sweeper = Sweeper(
            ports.control, ports.queue, lease_s=terms.lease_s, kinds=terms.kinds
        )
        self._warden = warden
        self._errands = dict(ports.errands)
        self._reading: asyncio.Task[None] | None = None
        self._started_at = clock.unix_s()
        self._busy_at_s = clock.monotonic_s()

    def watch(self, starting: Hook, ended: Hook) -> None:
        """Call these around every run, with arq's ctx: `job_id`, `job_try` (attempt), `kind`."""
        self.on_job_start = cast("StartupShutdown", starting)
        self.on_job_end = cast("StartupShutdown", ended)

    # ------------------------------------------------------------------------------- life and death

    async def main(self) -> None:
        """Until `stop`. Called by arq's `run` and `async_run`."""
        self.ctx["redis"] = self.pool
        if self.on_startup:
            await self.on_startup(self.ctx)
        await self._ports.queue.prepare()
        await self._ports.queue.warn_unsafe()
        self._show_slots()
        rounds = Nursery("rounds", close_timeout_s=2.0)
        renewals = Nursery("renewals", close_timeout_s=2.0)
        self._start_rounds(rounds, renewals)
        log.info("worker.started", worker=self.worker_id, lanes=self._plan.lanes)
        try:
            await self.stop.wait()
            # Beside this task, which a second signal cancels: asyncio.wait_for of Python 3.11, by which
            # redis-py sends its commands, drops a cancellation that comes together with its answer.
            drain = rounds.start_task(self._drain(), name="drain")
            await asyncio.wait([drain])
            drain.result()
        finally:
            await rounds.close()
            await self._wards.close()
            await self._jobs_running.close(SETTLE_GRACE_S)
            await renewals.close()
            await self._starter.close()

    def handle_sig(self, signum: signal.Signals) -> None:
        """The first signal asks to finish; the second ends at once, leaving jobs to their leases."""
        log.info("worker.signalled", signal=signal.Signals(signum).name)
        if self.stop.is_set and self.main_task is not None:
            self.main_task.cancel()
        self._ports.health.drain()
        self.stop.set()
        self.allow_pick_jobs = False

    async def close(self) -> None:
        """Closes what this object opened; the pools belong to who made them."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        try:
            await self._ports.queue.leave(self.worker_id)
        except REDIS_TROUBLE:  # the card goes by itself
            metrics.redis_errors.inc()
        await self._consumer.close()
        if self.on_shutdown:
            await self.on_shutdown(self.ctx)

    async def _drain(self) -> None:
        """Stop reading, finish what ends within the grace, give the rest back at once."""
        while self._reading is not None and not self._reading.done():
            # What is handed back below must not be read again by this very process.
            await self._reader.end()
            await asyncio.wait([self._reading], timeout=READER_END_S)
        if not await self._jobs_running.drain(self._terms.grace_s):
            await hand_back(self._ports.jobs, self._ports.queue, self.hand)
            await self._jobs_running.drain(SETTLE_GRACE_S)
        await self._wards.drain(self._terms.grace_s + SETTLE_GRACE_S)
        log.info("worker.drained", left=len(self.hand))

    def _start_rounds(self, rounds: Nursery, renewals: Nursery) -> None:
        lease_s, sweep_s = self._terms.lease_s, self._terms.sweep_s
        self._reading = rounds.start_task(self._reader.run(), name="read")
        rounds.start(metrics.sample_loop_lag(), name="lag")
        if self._warden is not None:
            self._wards.start(self._warden.run(self.stop), name="warden")
        for name, errand in self._errands.items():
            self._wards.start(errand.run(self.stop), name=name)
        for name, work, every_s in (
            ("sweep", self._sweeper.sweep, sweep_s),
            ("take_over", self._take_over, lease_s / 3),
            ("cron", self._poll_iteration, CRON_POLL_S),
        ):
            rounds.start(
                repeat(work, every_s=every_s, stop=self.stop, name=name, jitter=0.3), name=name
            )
        # Leases are kept, and the worker is seen, until the last job is out of its hands.
        for name, work, every_s in (
            ("renew", self._leases.renew, self._leases.every_s),
            ("beat", self._beat, BEAT_S),
        ):
            renewals.start(repeat(work, every_s=every_s, stop=Stop(), name=name), name=name)

    # ------------------------------------------------------------------------------------- one job

    def deliver(self, entry: Entry) -> None:
        """Begin with one wake-up. A job that is in hand already is not started again."""
        errand = self._errands.get(entry.kind)
        if errand is not None:
            errand.ring()
            self._starter.close_entry(entry)
            return
        known = self.hand.get(entry.job_id)
        if known is not None:
            known.again = entry
            self._starter.close_entry(entry)
            return
        held = self.hand.take(entry)
        held.task = self._jobs_running.start_task(self._deliver(held), name="job")

    async def _deliver(self, held: Held) -> None:
        try:
            async with self._slots:
                started = await self._starter.start(held)
                if started is not None and started.code == OK:
                    held.attempt = started.attempt
                    if not held.given_back:
                        await self._run(held, started)
        except asyncio.CancelledError:
            if not held.lost and not held.given_back:
                raise
        finally:
            self._busy_at_s = clock.monotonic_s()
            self.hand.release(held)
        # It may have been meant for what comes after this run (a callback behind a park, a lease
        # that was lost); if not, `start` answers that there is nothing to do.
        if held.again is not None and not self.stop.is_set:
            self.deliver(held.again)

    async def _run(self, held: Held, started: Started) -> None:
        """Crash window 7: lease and hold are committed, nothing has been done. The lease ends, and the
        next start finds the hold.
        """
        if started.cancel_requested:
            held.cancel.set()
        job_id, function = str(held.job_id), self.functions[started.kind]
        bind_job(
            job_id=job_id,
            user_id=started.user_id,
            kind=started.kind,
            attempt=started.attempt,
            trace_id=trace_id(started.trace),
        )
        metrics.series(metrics.jobs_started, started.kind, held.lane.value).inc()
        ctx = {
            **self.ctx,
            "job_id": job_id,
            "job_try": started.attempt,
            "kind": started.kind,
        }
        if self.on_job_start:
            await self.on_job_start(ctx)
        began_s = clock.monotonic_s()
        try:
            await function.coroutine(ctx, held, started)
        finally:
            took_s = clock.monotonic_s() - began_s
            metrics.series(metrics.job_run_seconds, started.kind).observe(took_s)
        if self.on_job_end:
            await self.on_job_end(ctx)

    # -------------------------------------------------------------------------------------- rounds

    async def _take_over(self) -> None:
        """Entries that some worker read and never closed: it died between reading and `start`."""
        if self.hand.free <= 0:
            return
        found = await self._consumer.take_over(
            self._plan.streams, idle_s=self._terms.lease_s, budget=self.hand.free
        )
        for entry in found.entries:
            self.deliver(entry)
        if found.broken:
            await self._consumer.set_aside(found.broken)

    async def _beat(self) -> None:
        idle_s = clock.monotonic_s() - self._busy_at_s
        if self._terms.idle_exit_s and not len(self.hand) and idle_s > self._terms.idle_exit_s:
            self.stop.set()
        await self._ports.queue.beat(
            WorkerCard(
                id=self.worker_id,
                lanes=tuple(lane.value for lane in self._plan.lanes),
                slots=self._plan.slots,
                in_hand=len(self.hand),
                host=socket.gethostname(),
                pid=os.getpid(),
                started_at=self._started_at,
                beat_at=clock.unix_s(),
            )
        )

    def _show_slots(self) -> None:
        for lane in self._plan.lanes:
            metrics.worker_slots.labels(lane=lane.value).set(self._plan.slots)
