"""A real worker process: what it runs, how jobs end, how it stops, what it survives."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from arq.worker import func

from ops.base.health import Health
from ops.base.nursery import Nursery
from ops.stack import StackHandle
from schemas.ids import new_id
from schemas.jobs import Lane, Priority, stream_number
from storage import consumer as consumer_module
from storage import streams
from storage.consumer import Consumer
from storage.jobs import Started, Wake
from storage.queue import Queue
from storage.streams import Entry
from tests.rig import success
from tests.ring import Ring, Worker
from tests.support import wait_until
from workers.runtime.hand import Hand, Held
from workers.runtime.reader import Reader, ReadPlan
from workers.runtime.rounds import Stop
from workers.runtime.worker import Ports, StreamWorker, Terms

NORMAL = stream_number(Lane.TEXT, Priority.NORMAL)
LOW = stream_number(Lane.TEXT, Priority.LOW)
Own = TypeVar("Own", bound=StreamWorker)


@pytest_asyncio.fixture
async def ring(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Ring]:
    made = await Ring.open(dsn, redis_url, tmp_path)
    yield made
    try:
        assert await made.violations() == []
    finally:
        await made.close()


@pytest_asyncio.fixture
async def worker(ring: Ring) -> AsyncIterator[Worker]:
    made = await (await Worker.start(ring)).ready(ring)
    yield made
    await made.kill()


async def two_beats(ring: Ring, worker: Worker) -> None:
    """The worker has lived on for about two seconds."""

    async def beat_at() -> float:
        return max(card.beat_at for card in await ring.queue.workers() if card.pid == worker.pid)

    for _ in range(2):
        last = await beat_at()

        async def later(last: float = last) -> bool:
            return await beat_at() > last

        await wait_until(later, 20, "another beat")


async def test_a_job_runs_and_is_charged_once(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "hello")
    row = await ring.wait_state(job_id, "succeeded")
    assert (row["captured"], row["attempt"]) == (10_000, 1)
    assert await ring.open_holds() == 0
    assert len(ring.runs()) == 1


async def test_every_line_of_a_job_carries_its_trace(ring: Ring, worker: Worker) -> None:
    """Also beside another job, whose set of rows goes to Postgres in the same statement."""
    ann = await ring.person()
    traces = {}
    for number in range(20):
        trace = f"{number:032x}"
        job_id = await ring.submit(ann, "done", trace=f"00-{trace}-{1:016x}-01")
        traces[str(job_id)] = (trace, ann, "text.improve", 1)
    await ring.wait_ended(len(traces))
    await worker.end()
    lines = [json.loads(line) for line in (ring.folder / "worker.log").read_text().splitlines()]
    about = [line for line in lines if "job_id" in line]
    said = ("trace_id", "user_id", "kind", "attempt")
    assert all(tuple(line[name] for name in said) == traces[line["job_id"]] for line in about)
    assert sorted(line["job_id"] for line in about if line["event"] == "job.ended") == sorted(
        traces
    )


async def test_a_refusal_of_the_task_ends_the_job_without_a_charge(
    ring: Ring, worker: Worker
) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "fail")
    row = await ring.wait_state(job_id, "failed")
    assert (row["code"], row["captured"], row["tries"]) == ("provider_refused", 0, 0)
    assert await ring.open_holds() == 0


async def test_trouble_that_passes_is_tried_again(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "stumble=1")
    row = await ring.wait_state(job_id, "succeeded")
    assert (row["attempt"], row["tries"]) == (2, 1)


async def test_what_nobody_foresaw_is_tried_again_and_then_fails(
    ring: Ring, worker: Worker
) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "crash", max_tries=2)
    row = await ring.wait_state(job_id, "failed")
    assert (row["code"], row["captured"]) == ("internal", 0)
    assert len(ring.runs()) == 2


async def test_a_payload_that_does_not_open_fails(ring: Ring, worker: Worker) -> None:
    ann, ben = await ring.person(), await ring.person()
    stolen = await ring.new_job(ben, "hello")
    job_id = await ring.submit(ann, "hello", payload=stolen.payload)
    row = await ring.wait_state(job_id, "failed")
    assert row["captured"] == 0
    assert ring.runs() == []


async def test_the_cap_lets_one_job_after_the_other_through(ring: Ring, worker: Worker) -> None:
    ann = await ring.person(cap=1)
    for _ in range(5):
        await ring.submit(ann, "hello")
    await ring.wait_ended(5)
    assert await ring.count("state = 'succeeded'") == 5


async def test_a_cancelled_job_stops_and_costs_nothing(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "sleep=60")
    await wait_until(ring.runs, 20, "it runs")
    code, wakes = await ring.jobs.cancel(job_id, ann)
    assert (code, wakes) == ("cancelled", ())

    async def in_hand() -> int:
        return sum(card.in_hand for card in await ring.queue.workers())

    async def let_go() -> bool:
        return await in_hand() == 0

    await wait_until(let_go, 20, "the worker has let go of it")
    assert await ring.open_holds() == 0


async def test_broken_entries_and_unknown_jobs_stop_nobody(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    key = streams.stream_key(LOW)
    await ring.queue.xadd(key, {"i": "short"})
    await ring.queue.xadd(key, {"i": b"0" * 16, "k": "text.improve", "t": ""})
    job_id = await ring.submit(ann, "hello")
    await ring.wait_state(job_id, "succeeded")

    async def closed() -> bool:
        return bool(await ring.queue.xlen(key) == 0)

    await wait_until(closed, 20, "both are closed")
    assert await ring.queue.raw("LLEN", streams.BROKEN_KEY) == 1


async def test_a_paused_lane_waits_and_a_resumed_one_goes_on(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    await ring.queue.pause(Lane.TEXT)
    await two_beats(ring, worker)  # workers obey within a second: a job before that is lawful
    job_id = await ring.submit(ann, "hello")
    await two_beats(ring, worker)
    assert await ring.state(job_id) == "queued"
    await ring.queue.resume(Lane.TEXT)
    await ring.wait_state(job_id, "succeeded")


async def test_sigterm_finishes_what_ends_within_the_grace(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "sleep=1")
    await wait_until(ring.runs, 20, "it runs")
    assert await worker.end() == 0
    assert await ring.state(job_id) == "succeeded"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_hands_the_rest_back_at_once(
    dsn: str, redis_url: str, tmp_path: Path, number: int
) -> None:
    ring = await Ring.open(dsn, redis_url, tmp_path, lease_s=60.0, grace_s=0.2)
    ann = await ring.person()
    job_id = await ring.submit(ann, "sleep=60")
    worker = await (await Worker.start(ring)).ready(ring)
    await wait_until(ring.runs, 20, "it runs")
    worker.signal(number)
    assert await worker.ended() == 0
    row = await ring.row(job_id)
    assert (str(row["state"]), row["tries"], row["crashes"]) == ("queued", 0, 0)
    other = await (await Worker.start(ring)).ready(ring)
    await wait_until(lambda: len(ring.runs()) == 2, 20, "it runs again, long before its lease")
    await other.kill()
    await ring.close()


async def test_a_second_signal_ends_at_once(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "sleep=60")
    await wait_until(ring.runs, 20, "it runs")
    worker.signal(signal.SIGTERM)

    async def draining() -> bool:
        return b"worker.signalled" in (ring.folder / "worker.log").read_bytes()

    await wait_until(draining, 20, "the first signal is heard")
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 1
    assert await ring.state(job_id) == "running"  # it comes back by its lease


async def test_redis_may_be_away(ring: Ring, worker: Worker, stack: StackHandle) -> None:
    ann = await ring.person()
    running = await ring.submit(ann, "sleep=2")
    await wait_until(ring.runs, 20, "it runs")
    stack.servers.valkey.kill()
    unheard = await ring.submit(ann, "hello")  # accepted, though nobody can be told
    await ring.wait_state(running, "succeeded")
    assert worker.alive
    stack.servers.valkey.start()
    await ring.wait_state(unheard, "succeeded", timeout_s=30)
    assert len(ring.runs()) == 2


async def test_after_flushall_every_job_is_told_again(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    running = await ring.submit(ann, "sleep=2")
    await wait_until(ring.runs, 20, "it runs")
    await ring.queue.pause(Lane.TEXT)
    await two_beats(ring, worker)
    queued = [await ring.submit(ann, "hello") for _ in range(3)]
    await ring.queue.flushall()
    for job_id in [running, *queued]:
        await ring.wait_state(job_id, "succeeded", timeout_s=30)
    assert len(ring.runs()) == 4


async def test_a_frozen_worker_wakes_as_a_zombie(ring: Ring, worker: Worker) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "sleep=1")
    await wait_until(ring.runs, 20, "it runs")
    worker.signal(signal.SIGSTOP)
    other = await Worker.start(ring)
    row = await ring.wait_state(job_id, "succeeded", timeout_s=30)
    assert row["attempt"] == 2
    worker.signal(signal.SIGCONT)
    assert await worker.end() == 0
    assert await other.end() == 0
    assert await ring.captures() == 1
    assert (await ring.row(job_id))["attempt"] == 2


class Deaf(StreamWorker):
    """Its drain drops a cancellation, as what it waits for may."""

    def __init__(self, *args: Any, **told: Any) -> None:
        super().__init__(*args, **told)
        self.draining = asyncio.Event()

    async def _drain(self) -> None:
        self.draining.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(600)
        await asyncio.sleep(600)


async def test_a_second_signal_ends_a_drain_that_drops_its_cancellation(ring: Ring) -> None:
    async def run(_ctx: dict[str, Any], _held: Held, _started: Started) -> None:
        """There is no job for it."""

    worker = an_own_worker(ring, run, Deaf)
    async with Nursery("tests") as nursery:
        running = nursery.start_task(worker.async_run(), name="worker")
        await wait_until(lambda: worker.main_task is not None, 10, "it has begun")
        worker.handle_sig(signal.SIGTERM)
        await worker.draining.wait()
        worker.handle_sig(signal.SIGTERM)
        await asyncio.wait([running])
    assert running.cancelled()
    await worker.close()


def an_own_worker(ring: Ring, run: Any, kind: type[Own]) -> Own:
    """In the process of the test."""
    return kind(
        [func(run, name="text.improve")],
        ports=Ports(ring.jobs, ring.db, ring.queue, Health()),
        plan=ReadPlan((Lane.TEXT,), 4),
        terms=Terms(kinds=("text.improve:1",), lease_s=60, sweep_s=3_600, grace_s=5),
        ctx={},
        handle_signals=False,
    )


async def test_a_wake_up_that_comes_while_its_job_leaves_is_followed(ring: Ring) -> None:
    """A callback right behind a park: its entry is read before the parked job is out of our hands.
    No sweep is there to tell it again.
    """
    job_id = (await ring.jobs.submit(await ring.new_job(await ring.person(), "x"))).job_id
    assert job_id is not None
    attempts: list[int] = []

    async def give_back_once(ctx: dict[str, Any], held: Held, started: Started) -> None:
        attempts.append(started.attempt)
        if started.attempt == 1:
            _, wakes = await ring.jobs.retry(job_id, 1, delay_s=0, code="x", counted=False)
            await ring.queue.wake(wakes)
            await wait_until(lambda: held.again is not None, 20, "its wake-up has been read")
        else:
            await ring.jobs.succeed(success(job_id, started.attempt))

    worker = an_own_worker(ring, give_back_once, StreamWorker)
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.async_run())
        await ring.queue.wake([Wake(job_id, NORMAL, "text.improve", "")])
        await ring.wait_state(job_id, "succeeded")
        worker.stop.set()
    await worker.close()
    assert attempts == [1, 2]


async def test_a_slow_lane_is_read_on_as_soon_as_one_of_its_jobs_has_ended(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its share is two of ten slots; nobody waits for the end of a wait for the other lanes."""
    monkeypatch.setattr(consumer_module, "BLOCK_S", 600.0)
    queue = await Queue.open(redis_url)
    await queue.prepare()
    video = stream_number(Lane.VIDEO, Priority.NORMAL)
    await queue.wake([Wake(new_id(), video, "video.generate", "00-t") for _ in range(9)])
    consumer, stop, ended = Consumer(queue, "w1"), Stop(), 0
    hand = Hand(10)

    def take(entry: Entry) -> None:
        held = hand.take(entry)
        asyncio.get_running_loop().call_later(0.01, end, held)

    def end(held: Held) -> None:
        nonlocal ended
        ended += 1
        hand.release(held)

    plan = ReadPlan((Lane.TEXT, Lane.VIDEO), 10)
    reader = Reader(consumer, plan=plan, hand=hand, take=take, stop=stop)
    async with Nursery("tests") as nursery:
        reading = nursery.start_task(reader.run(), name="read")
        await wait_until(lambda: ended == 9, 10, "all are read")
        stop.set()

        async def over() -> bool:
            await reader.end()
            return reading.done()

        await wait_until(over, 10, "it ends")
    await consumer.close()
    await queue.aclose()
