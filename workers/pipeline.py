"""What happens to one job between its lease and its end.

    open (decrypt, parse) -> perform (the task, or what an earlier attempt left) -> price
    -> settle (result, capture, project, the user's next job: one commit) -> wake the next

Everything before `settle` may be done again by another attempt; `settle` is fenced by the attempt.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from pydantic import ValidationError

from ledger.pricing import Pricing
from ops.base import clock, metrics
from ops.base.children import Children
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.errors import JobFault, LeydenError, Refused, Unavailable
from schemas.jobs import Kind
from schemas.money import App
from schemas.payloads import PAYLOADS, AnyPayload
from schemas.plans import KindLimits
from schemas.results import AnyResult
from storage.batch import Batch
from storage.blobs import Blobs
from storage.crypto import PAYLOAD, RESULT, DataKey, Keys
from storage.files import Files
from storage.jobs import Ended, Jobs, Started, Success, Wake
from storage.progress import tell_progress
from storage.queue import Queue
from workers.artifacts import Shelf, free_call_id
from workers.drafts import make_draft
from workers.providers.registry import Providers
from workers.runtime.hand import Held
from workers.runtime.rounds import BackOff
from workers.tasks.context import LoadedFile, TaskContext
from workers.tasks.registry import Task

log = get_logger(__name__)

RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 120.0
PROGRESS_EVERY_S: Final = 0.25
INTERNAL: Final = "internal"
OVERDUE: Final = "overdue"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ports:
    """What the pipeline stands on."""

    jobs: Jobs
    queue: Queue
    keys: Keys
    files: Files
    blobs: Blobs
    make: Children
    providers: Providers
    pricing: Pricing
    tasks: Mapping[Kind, Task]
    limits: Mapping[Kind, KindLimits]
    batch_size_max: int


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt, opened: everything that is known before the work begins."""

    held: Held
    started: Started
    payload: AnyPayload
    key: DataKey
    shelf: Shelf
    deadline_s: float


class Pipeline:
    """`run` never raises for what a job did; only a cancelled attempt leaves it early."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._nursery = Nursery("pipeline")
        self._succeed: Batch[Success, Ended] = Batch(
            self._succeed_many,
            single=self._succeed_single,
            call="succeed",
            size_max=ports.batch_size_max,
        )

    async def run(self, held: Held, started: Started) -> None:
        """One attempt, to its end or to its next try."""
        try:
            run = await self._open(held, started)
            result = await self._perform(run)
            await self._settle(run, result)
        except Exception as error:  # noqa: BLE001 (whatever a task raises ends its job, not its worker)
            await self._end_badly(held, started, error)

    async def close(self) -> None:
        await self._nursery.drain(1.0)
        await self._succeed.close()
        await self._nursery.close()

    # --------------------------------------------------------------------------------------- steps

    async def _open(self, held: Held, started: Started) -> Run:
        key = await self._ports.keys.of(started.user_id)
        payload = PAYLOADS.validate_json(key.decrypt(started.payload, purpose=PAYLOAD))
        limit = self._ports.limits[payload.kind]
        return Run(
            held=held,
            started=started,
            payload=payload,
            key=key,
            shelf=Shelf(self._ports.blobs, key, free_call_id(started.job_id)),
            deadline_s=clock.monotonic_s() + limit.timeout_s,
        )

    async def _perform(self, run: Run) -> AnyResult:
        """The result: found, when an earlier attempt had finished it, or made now.

        Crash window 13: the files and their manifest are on disk, the end is not written.
        """
        if run.started.attempt > 1 and (found := await run.shelf.finished()):
            log.info("result.recovered", job_id=str(run.started.job_id))
            return found
        task = self._ports.tasks[run.payload.kind]
        async with asyncio.timeout(run.deadline_s - clock.monotonic_s()):
            result = await task.run(run.payload, self._context(run))
        await run.shelf.finish(result)
        return result

    async def _settle(self, run: Run, result: AnyResult) -> None:
        """Result, capture, project and the next job in one commit, fenced by the attempt.

        Crash window 14: the answer of the commit may be lost; asked again, the same attempt hears
        the same. A job that ended otherwise meanwhile answers `zombie`, and everything is dropped.
        """
        success = await self._success(run, result)
        since_s = clock.monotonic_s()
        ended = await self._insist(run.held, lambda: self._succeed(success))
        metrics.settlement_lag_seconds.observe(clock.monotonic_s() - since_s)
        self._note_end(run.started, "succeeded" if ended.code == "ok" else ended.code)
        if ended.code == "ok" and ended.captured_units:
            metrics.ledger_captures.inc()

    async def _success(self, run: Run, result: AnyResult) -> Success:
        started = run.started
        captured = self._ports.pricing.capture_units(run.payload, result, started.price_units)
        draft = None
        if started.save:
            draft = await make_draft(run.payload, result, shelf=run.shelf, make=self._ports.make)
        return Success(
            job_id=started.job_id,
            attempt=started.attempt,
            result=run.key.encrypt(result.model_dump_json().encode(), purpose=RESULT),
            key_version=run.key.version,
            captured_units=captured,
            draft=draft,
            model=result.model,
            provider=result.provider,
            tokens=result.usage.input_tokens + result.usage.output_tokens,
            units=result.usage.units,
        )

    def _context(self, run: Run) -> TaskContext:
        user_id = run.started.user_id

        async def load_file(file_id: UUID) -> LoadedFile:
            stored, data = await self._ports.files.load(user_id, file_id)
            return LoadedFile(data, stored.facts)

        return TaskContext(
            job_id=run.started.job_id,
            user_id=user_id,
            app=App.from_number(run.started.app),
            attempt=run.started.attempt,
            last_look=run.started.last_look,
            call_id=run.shelf.call_id,
            deadline_s=run.deadline_s,
            providers=self._ports.providers,
            load_file=load_file,
            store_artifact=run.shelf.store,
            report=Progress(self._ports.queue, self._nursery, run.started.job_id),
        )

    # -------------------------------------------------------------------------------------- trouble

    async def _end_badly(self, held: Held, started: Started, error: Exception) -> None:
        """Another try, or the end without a charge; what nobody foresaw is logged whole."""
        verdict = judge(error, tries=started.tries)
        if verdict.unforeseen:
            log.error("job.crashed", job_id=str(started.job_id), exc_info=error)
        else:
            log.info("job.stumbled", job_id=str(started.job_id), code=verdict.code)
        code, wakes = await self._insist(held, lambda: self._tell(started, verdict))
        await self._ports.queue.wake(wakes, reason="next")
        if verdict.retry_s is None and code == "ok":
            self._note_end(started, "failed")
            if started.price_units:
                metrics.ledger_releases.inc()
        else:
            self._note_end(started, "retried" if code == "ok" else code)

    async def _tell(self, started: Started, verdict: "Verdict") -> tuple[str, tuple[Wake, ...]]:
        jobs = self._ports.jobs
        if verdict.retry_s is None:
            return await jobs.fail(started.job_id, started.attempt, verdict.code)
        return await jobs.retry(
            started.job_id,
            started.attempt,
            delay_s=verdict.retry_s,
            code=verdict.code,
            counted=verdict.counted,
        )

    async def _insist(self, held: Held, call: Callable[[], Awaitable[T]]) -> T:
        """Say it until Postgres has heard it: a finished result is not dropped for a restart.

        If the lease was taken over meanwhile, the answer says so, and nothing was written.
        """
        held.settling = True
        back_off = BackOff()
        while True:
            try:
                return await call()
            except Unavailable:
                await asyncio.sleep(back_off.next_s())

    def _note_end(self, started: Started, outcome: str) -> None:
        metrics.jobs_ended.labels(kind=started.kind, outcome=outcome).inc()
        log.info("job.ended", job_id=str(started.job_id), attempt=started.attempt, outcome=outcome)

    # ------------------------------------------------------------------------------ gathered calls

    async def _succeed_many(self, rows: Sequence[Success]) -> list[Ended]:
        ended, wakes = await self._ports.jobs.succeed_many(rows)
        self._wake_next(wakes)
        return ended

    async def _succeed_single(self, row: Success) -> Ended:
        ended, wakes = await self._ports.jobs.succeed(row)
        self._wake_next(wakes)
        return ended

    def _wake_next(self, wakes: tuple[Wake, ...]) -> None:
        if wakes:
            self._nursery.start(self._ports.queue.wake(wakes, reason="next"), name="wake")


class Progress:
    """Tells how far a job is, a few times a second at most; dropped when Redis is away or slow."""

    def __init__(self, queue: Queue, nursery: Nursery, job_id: UUID) -> None:
        self._queue = queue
        self._nursery = nursery
        self._job_id = job_id
        self._next_s = 0.0
        self._busy = False

    def __call__(self, share: float) -> None:
        if self._busy or clock.monotonic_s() < self._next_s:
            return
        self._busy = True
        self._nursery.start(self._tell(share), name="progress")

    async def _tell(self, share: float) -> None:
        try:
            await tell_progress(self._queue, self._job_id, share)
        finally:
            self._busy = False
            self._next_s = clock.monotonic_s() + PROGRESS_EVERY_S


@dataclass(frozen=True, slots=True)
class Verdict:
    """`retry_s` None: the job fails. `counted` False: not the job's fault, costs it no try."""

    code: str
    retry_s: float | None = None
    counted: bool = True
    unforeseen: bool = False


def judge(error: Exception, *, tries: int) -> Verdict:
    """What an error means for the job. Pure but for the jitter of the pause."""
    match error:
        case Unavailable():
            return Verdict(error.code, pause_s(tries), counted=error.facts.get("store") == "blobs")
        case JobFault(retryable=True):
            named_s = error.facts.get("retry_after_s")
            return Verdict(error.code, max(pause_s(tries), float(named_s or 0)))
        case JobFault() | Refused():
            return Verdict(error.code)
        case ValidationError():
            return Verdict("invalid_input")
        case TimeoutError():
            return Verdict(OVERDUE, pause_s(tries))
        case LeydenError():
            return Verdict(error.code if not error.retryable else INTERNAL, unforeseen=True)
        case _:
            return Verdict(INTERNAL, pause_s(tries), unforeseen=True)


def pause_s(tries: int) -> float:
    """Exponential with full jitter, so that jobs which failed together do not come back together."""
    longest_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(tries, 20))
    return float(random.uniform(longest_s / 2, longest_s))  # noqa: S311 (jitter, not a secret)
