"""What happens to one job between its lease and its end.

    open (decrypt, parse, read what was bought) -> perform (the task, or what an earlier attempt left)
    -> price -> settle (result, capture, project, the user's next job: one commit) -> wake the next

Everything before `settle` may be done again by another attempt; `settle` is fenced by the attempt. A
task that goes on at its provider leaves in the middle: the job is parked and nobody waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from ledger.pricing import Pricing
from ops.base import clock, metrics
from ops.base.children import Children
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.errors import LostLease, Permanent, Unavailable
from schemas.jobs import Kind
from schemas.money import App
from schemas.payloads import PAYLOADS, AnyPayload, TextGenerate, TextImprove
from schemas.plans import KindLimits, PlanName
from schemas.results import AnyResult, Artifact, TextImproved, artifacts_of
from storage.batch import Batch
from storage.blobs import Blobs
from storage.callbacks import Addresses
from storage.calls import Calls
from storage.crypto import PAYLOAD, RESULT, DataKey, Keys
from storage.files import Files
from storage.gifts import Gift, Gifts
from storage.jobs import Ended, Jobs, Started, Success, Wake
from storage.queue import Queue
from workers.artifacts import Shelf, free_call_id
from workers.drafts import make_draft
from workers.gifts import Giver
from workers.moderation.gate import Gate
from workers.progress import Progress
from workers.providers.journal import Parked
from workers.providers.port import Made
from workers.providers.registry import Providers
from workers.purchases import Purchases, Shop
from workers.runtime.hand import Held
from workers.runtime.rounds import BackOff
from workers.standing import Standing
from workers.tasks.context import LoadedFile, TaskContext
from workers.tasks.registry import Task
from workers.verdicts import CANCELLED, OVERDUE, Verdict, judge
from workers.watching import UNWATCHED, Watch, Watcher

log = get_logger(__name__)

T = TypeVar("T")

LOOK_AGAIN_S: Final = 5.0
"""After trouble of our own while a task goes on at its provider; the pause cannot grow with tries."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the pipeline stands on."""

    jobs: Jobs
    calls: Calls
    gifts: Gifts
    addresses: Addresses
    queue: Queue
    keys: Keys
    files: Files
    blobs: Blobs
    make: Children
    providers: Providers
    standing: Standing
    pricing: Pricing
    tasks: Mapping[Kind, Task]
    limits: Mapping[Kind, KindLimits]
    batch_size_max: int
    watcher: Watcher = UNWATCHED


class Run(NamedTuple):
    """One attempt, opened: everything that is known before the work begins."""

    held: Held
    started: Started
    payload: AnyPayload
    key: DataKey
    purchases: Purchases
    blobs: Blobs
    plan: PlanName | None
    deadline_s: float

    @property
    def shelf(self) -> Shelf:
        """Where the result belongs: with the call that was bought, or with the job's free one."""
        bought = self.purchases.last
        call_id = free_call_id(self.started.job_id) if bought is None else bought.id
        return Shelf(self.blobs, self.key, call_id)


class Pipeline:
    """`run` never raises for what a job did; only a cancelled attempt leaves it early."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._nursery = Nursery("pipeline")
        self._notes = Nursery("purchases")
        self._shop = Shop(ports.calls, ports.addresses, self._notes)
        self._gate = Gate(ports.calls, ports.providers)
        self._giver = Giver(ports.gifts, ports.queue)
        self._succeed: Batch[Success, Ended] = Batch(
            self._succeed_many,
            single=self._succeed_single,
            call="succeed",
            size_max=ports.batch_size_max,
        )

    async def run(self, held: Held, started: Started) -> None:
        """One attempt: to its end, to its next try, or to the next look at what it has bought."""
        purchases: Purchases | None = None
        try:
            purchases = await Purchases.load(self._shop, held, started)
            run = await self._open(held, started, purchases)
            result = await self._perform(run)
            await self._settle(run, result)
        except LostLease:
            # Somebody else has the job: what was bought is in the journal, everything else is dropped.
            self._note_end(started, "zombie")
        except Parked as parked:
            await self._park(held, started, parked, purchases)
        except Exception as error:  # noqa: BLE001 (whatever a task raises ends its job, not its worker)
            await self._end_badly(held, started, error, purchases)

    async def close(self) -> None:
        await self._nursery.drain(1.0)
        await self._notes.drain(1.0)
        await self._succeed.close()
        await self._notes.close()
        await self._nursery.close()

    # --------------------------------------------------------------------------------------- steps

    async def _open(self, held: Held, started: Started, purchases: Purchases) -> Run:
        key = await self._ports.keys.of(started.user_id)
        payload = PAYLOADS.validate_json(key.decrypt(started.payload, purpose=PAYLOAD))
        limit = self._ports.limits[payload.kind]
        stream = held.entry.stream
        plan = await self._ports.standing.of(stream=stream, user_id=started.user_id)
        return Run(
            held=held,
            started=started,
            payload=payload,
            key=key,
            purchases=purchases,
            blobs=self._ports.blobs,
            plan=plan,
            deadline_s=clock.monotonic_s() + limit.timeout_s,
        )

    async def _perform(self, run: Run) -> AnyResult:
        """The result: found, when an earlier attempt had finished it, or made now.

        Crash window 13: the files and their manifest are on disk, the end is not written.
        """
        if (found := await self._found(run)) is not None:
            log.info("result.recovered")
            return found
        async with asyncio.timeout_at(run.deadline_s):  # the loop reads the same clock
            await run.purchases.resolve(self._ports.providers, deadline_s=run.deadline_s)
            if run.purchases.pending is None:
                await self._check(run)
            task = self._ports.tasks[run.payload.kind]
            async with self._ports.watcher.watch(run.started, run.payload.kind) as watch:
                result = await task.run(run.payload, self._context(run, watch))
        if run.purchases.last is not None or artifacts_of(result):
            shelf = run.shelf
            await self._keep(run, lambda: shelf.finish(result))
        return result

    async def _found(self, run: Run) -> AnyResult | None:
        """A manifest is written after the outcome of its call: an open one has none."""
        bought = run.purchases.last
        if run.started.attempt == 1 or (bought is not None and bought.open):
            return None
        return await run.shelf.finished()

    async def _check(self, run: Run) -> None:
        """Before anything is bought. Raises Permanent `content_blocked`."""

        async def load_picture(file_id: UUID) -> bytes:
            _, data = await self._ports.files.load(run.started.user_id, file_id)
            return data

        await self._gate.check(
            run.started.job_id, run.payload, load_picture=load_picture, plan=run.plan
        )

    async def _keep(self, run: Run, put: Callable[[], Awaitable[T]]) -> T:
        """What was bought is not thrown away because the store is busy: insist until the deadline."""
        back_off = BackOff()
        while True:
            try:
                return await put()
            except Unavailable:
                late = clock.monotonic_s() >= run.deadline_s
                if run.purchases.last is None or late:
                    raise
                await asyncio.sleep(back_off.next_s())

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
        if ended.code == "late":
            await self._give(run, success)

    async def _give(self, run: Run, success: Success) -> None:
        """The house was faster: the result is kept, given free, and its user is told."""
        bought = run.purchases.last
        call_id = None if bought is None else bought.id
        gift = Gift(success.job_id, call_id, success.result, success.key_version, success.draft)
        await self._insist(run.held, lambda: self._giver.give(gift))

    async def _success(self, run: Run, result: AnyResult) -> Success:
        started = run.started
        draft = None
        if started.save:
            draft = await make_draft(run.payload, result, shelf=run.shelf, make=self._ports.make)
        return Success(
            job_id=started.job_id,
            attempt=started.attempt,
            result=run.key.encrypt(result.model_dump_json().encode(), purpose=RESULT),
            key_version=run.key.version,
            captured_units=self._captured_units(run, result),
            draft=draft,
            model=result.model,
            provider=result.provider,
            tokens=result.usage.input_tokens + result.usage.output_tokens,
            units=result.usage.units,
        )

    def _captured_units(self, run: Run, result: AnyResult) -> int:
        """A text that was stopped is charged by the part that was written."""
        pricing, payload = self._ports.pricing, run.payload
        units = pricing.capture_units(payload, result, run.started.price_units)
        stopped = run.held.cancel.is_set()
        if stopped and isinstance(payload, TextImprove) and isinstance(result, TextImproved):
            asked, written = pricing.pages(payload.text), pricing.pages(result.text)
            units = min(units, -(-run.started.price_units * written // max(1, asked)))
        return units

    def _context(self, run: Run, watch: Watch) -> TaskContext:
        job_id, user_id = run.started.job_id, run.started.user_id

        async def load_file(file_id: UUID) -> LoadedFile:
            stored, data = await self._ports.files.load(user_id, file_id)
            return LoadedFile(data, stored.facts)

        async def store(made: Made, *, number: int) -> Artifact:
            return await self._keep(run, lambda: run.shelf.store(made, number=number))

        return TaskContext(
            job_id=job_id,
            user_id=user_id,
            app=App.from_number(run.started.app),
            attempt=run.started.attempt,
            last_look=run.started.last_look,
            deadline_s=run.deadline_s,
            providers=self._ports.providers.for_plan(run.plan),
            load_file=load_file,
            store_artifact=store,
            report=Progress(
                self._ports.queue, self._nursery, watch, user_id=user_id, job_id=job_id
            ),
            partial=watch.partial,
            journal=run.purchases.journal(),
            cancel=run.held.cancel,
            max_output_tokens=self._tokens_max(run.payload),
        )

    def _tokens_max(self, payload: AnyPayload) -> int | None:
        match payload:
            case TextImprove() | TextGenerate():
                return self._ports.pricing.token_limits(payload)[1]
            case _:
                return None

    # ---------------------------------------------------------------------------------------- parked

    async def _park(
        self, held: Held, started: Started, parked: Parked, purchases: Purchases | None
    ) -> None:
        """Until the next look: no slot, no memory. Crash window 11: whoever polls next has the id.

        Dies before the commit: the lease ends and the next attempt polls. After it: the timer does.
        """
        code, wakes = await self._insist(
            held,
            lambda: self._ports.jobs.park(
                started.job_id, started.attempt, delay_s=parked.delay_s, extend_s=parked.extend_s
            ),
        )
        if code == OVERDUE:
            await self._end_badly(held, started, Permanent(OVERDUE), purchases)
            return
        await self._ports.queue.wake(wakes, reason="next")
        self._note_end(started, "parked" if code == "ok" else code)
        if code == "ok" and purchases is not None:
            try:
                heard = await purchases.recheck()
            except Unavailable:  # the timer comes anyway
                return
            await self._ports.queue.wake(heard, reason="callback")

    # -------------------------------------------------------------------------------------- trouble

    async def _end_badly(
        self, held: Held, started: Started, error: Exception, purchases: Purchases | None
    ) -> None:
        """Another try, or the end without a charge; what nobody foresaw is logged whole."""
        unanswered = purchases is not None and purchases.unanswered is not None
        verdict = judge(error, tries=started.tries, unanswered=unanswered)
        if verdict.unforeseen:
            log.error("job.crashed", exc_info=error)
        else:
            log.info("job.stumbled", code=verdict.code)
        polls = purchases is not None and purchases.task is not None
        if verdict.retry_s is not None and not verdict.unforeseen and polls:
            # Something bought is only out of reach: it is looked at until the deadline, and once after.
            delay_s = max(verdict.retry_s, LOOK_AGAIN_S) if verdict.counted else verdict.retry_s
            await self._park(held, started, Parked(delay_s), purchases)
            return
        code, wakes = await self._insist(held, lambda: self._tell(held, started, verdict))
        await self._ports.queue.wake(wakes, reason="next")
        if verdict.retry_s is None and code == "ok":
            self._note_end(started, "failed")
        else:
            self._note_end(started, "retried" if code == "ok" else code)

    async def _tell(
        self, held: Held, started: Started, verdict: Verdict
    ) -> tuple[str, tuple[Wake, ...]]:
        jobs, job_id, attempt = self._ports.jobs, started.job_id, started.attempt
        if verdict.code == CANCELLED:  # `retry` ends what its user wants no more
            return await jobs.retry(job_id, attempt, delay_s=0, code=CANCELLED, counted=False)
        if verdict.retry_s is None:
            return await jobs.fail(job_id, attempt, verdict.code)
        return await jobs.retry(
            job_id,
            attempt,
            delay_s=verdict.retry_s,
            code=verdict.code,
            counted=verdict.counted,
            bought=held.bought,
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
        metrics.series(metrics.jobs_ended, started.kind, outcome).inc()
        log.info("job.ended", outcome=outcome)

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
