"""The streams against plain arq: drain, a long backlog, pickup when idle, use of few slots.

Redis is the same server for both, with AOF; both get 100 slots and a job that does nothing. Every
drain is filled first, then the workers are released together and watched until all is done, or for
`seconds`: arq would need minutes for what we compare.
"""

import asyncio
import random
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.constants import default_queue_name, job_key_prefix
from arq.jobs import serialize_job

from ops.base import clock
from schemas.ids import new_id
from schemas.jobs import Lane, Priority, stream_number
from storage.jobs import Wake
from storage.queue import Queue
from storage.streams import stream_key
from tests.bench.book import Book
from tests.bench.crew import Member, crew
from tests.bench.role_raw import KEY as RAW_KEY
from tests.bench.role_stream import KIND
from tests.bench.stores import Stores, redis_cpu_s
from tests.bench.tally import Tally

SLOTS: Final = 100
SHORT: Final = 20_000
BACKLOG: Final = 100_000
FEW_SLOTS: Final = 10
SLEEP_S: Final = 0.1
PICKUPS: Final = 50
"""A round; the rounds are put together."""
GAP_S: Final = (0.02, 0.08)
CHUNK: Final = 1_000
POLL_S: Final = 0.002
DAY_MS: Final = 86_400_000
STREAMS: Final = tuple(
    stream_number(lane, priority)
    for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)
    for lane in (Lane.TEXT, Lane.IMAGE)
)


@dataclass
class Rival:
    """One of the two systems: how to fill it, and how to see that it is empty."""

    role: str
    queue: Queue
    arq: ArqRedis

    async def fill(self, count: int) -> None:
        for start in range(0, count, CHUNK):
            size = min(CHUNK, count - start)
            await (self._fill_streams(size) if self.role == "stream" else self._fill_arq(size))

    async def left(self) -> int:
        if self.role == "arq":
            return int(await self.arq.zcard(default_queue_name))
        return sum([int(await self.queue.xlen(stream_key(number))) for number in STREAMS])

    async def put(self, job_id: UUID) -> None:
        if self.role == "raw":
            await self.queue.raw("XADD", RAW_KEY, "*", "i", job_id.bytes)
        elif self.role == "stream":
            await self.queue.wake([Wake(job_id, STREAMS[2], KIND, "")])
        else:
            await self.arq.enqueue_job("job", _job_id=job_id.hex)

    async def _fill_streams(self, count: int) -> None:
        wakes = [Wake(new_id(), STREAMS[n % len(STREAMS)], KIND, "") for n in range(count)]
        if await self.queue.wake(wakes) != count:
            msg = "a wake-up was not added"
            raise RuntimeError(msg)

    async def _fill_arq(self, count: int) -> None:
        """What `enqueue_job` writes, without its four round trips a job."""
        now_ms = int(clock.unix_s() * 1000)
        body = serialize_job("job", (), {}, None, now_ms)
        pipe = self.arq.pipeline(transaction=False)
        for job_id in [uuid4().hex for _ in range(count)]:
            pipe.psetex(job_key_prefix + job_id, DAY_MS, body)
            pipe.zadd(default_queue_name, {job_id: now_ms})
        await pipe.execute()


class Transport:
    """Every method measures one thing once and writes it down."""

    def __init__(self, stores: Stores, book: Book, *, seconds: float) -> None:
        self._stores = stores
        self._book = book
        self._seconds = seconds
        self._tally = Tally.create(stores.folder / "tally")

    async def open(self) -> None:
        self._queue = await Queue.open(self._stores.redis_url, timeout_s=30.0)
        self._arq = await create_pool(RedisSettings.from_dsn(self._stores.redis_url))

    async def close(self) -> None:
        await self._queue.aclose()
        await self._arq.aclose()

    async def drain(self, role: str, workers: int, jobs: int = SHORT) -> None:
        """jobs/s, and what each of them cost the Redis server in us of CPU."""
        name = f"{'drain' if jobs == SHORT else 'backlog'}.{role}.{workers}"
        rival = await self._fresh(role)
        await rival.fill(jobs)
        async with self._crew(role, workers) as members:
            cpu_s = await redis_cpu_s(self._queue)
            since_s = clock.monotonic_s()
            _release(members)
            await self._watch(rival, jobs, until_s=since_s + self._seconds)
            done, took_s = self._tally.total(), clock.monotonic_s() - since_s
            cpu_s = await redis_cpu_s(self._queue) - cpu_s
        self._book.add(name, done / took_s)
        self._book.add(f"{name}.cpu", cpu_s / max(done, 1) * 1e6)

    async def slots(self, role: str) -> None:
        """The share of time in which ten slots had a job of 100 ms running, from the first one's end on.

        A job takes what its own clock says: a timer of 100 ms comes up to a millisecond late, in arq's
        jobs and in ours.
        """
        rival = await self._fresh(role)
        ideal = FEW_SLOTS / SLEEP_S
        await rival.fill(int(ideal * self._seconds * 2))
        async with self._crew(role, 1, slots=FEW_SLOTS, sleep_s=SLEEP_S) as members:
            _release(members)
            while self._tally.total() < FEW_SLOTS:
                await asyncio.sleep(POLL_S)
            since_s, first, first_busy_s = (
                clock.monotonic_s(),
                self._tally.total(),
                self._tally.busy_s(),
            )
            until_s = since_s + self._seconds
            last, last_s, last_busy_s = first, since_s, first_busy_s
            # Jobs end ten at a time: the share is taken from one such end to another.
            while clock.monotonic_s() < until_s:
                await asyncio.sleep(POLL_S)
                if self._tally.total() >= last + FEW_SLOTS:
                    last, last_s = self._tally.total(), clock.monotonic_s()
                    last_busy_s = self._tally.busy_s()
        took_s = last_s - since_s
        self._book.add(f"slots.{role}", (last_busy_s - first_busy_s) / (FEW_SLOTS * took_s))
        self._book.add(f"slots.{role}.jobs", (last - first) / took_s / ideal)

    async def pickup(self, role: str, count: int = PICKUPS) -> None:
        """ms from before the enqueue to the first line of the job, on a queue that is idle."""
        rival = await self._fresh(role)
        sent: dict[str, float] = {}
        async with self._crew(role, 1, note=True) as members:
            _release(members)
            await asyncio.sleep(1.0)  # let it come to rest; nothing is waited for here
            for _ in range(count):
                await asyncio.sleep(random.uniform(*GAP_S))
                job_id = UUID(bytes=secrets.token_bytes(16))
                sent[job_id.hex] = clock.monotonic_s()
                await rival.put(job_id)
            await asyncio.sleep(1.0)
        seen = dict(members[0].report["seen"])
        missing = sent.keys() - seen.keys()
        if missing:
            msg = f"{len(missing)} of {count} jobs were not picked up by {role}"
            raise RuntimeError(msg)
        self._book.extend(f"pickup.{role}", ((seen[one] - at) * 1e3 for one, at in sent.items()))

    def _crew(
        self, role: str, count: int, *, slots: int = SLOTS, sleep_s: float = 0.0, note: bool = False
    ) -> AbstractAsyncContextManager[list[Member]]:
        self._tally.clear()
        return crew(
            role,
            self._stores.folder,
            count,
            redis_url=self._stores.redis_url,
            tally=str(self._stores.folder / "tally"),
            slots=slots,
            sleep_s=sleep_s,
            note=note,
        )

    async def _fresh(self, role: str) -> Rival:
        await self._queue.flushall()
        await self._queue.prepare()
        return Rival(role, self._queue, self._arq)

    async def _watch(self, rival: Rival, jobs: int, *, until_s: float) -> None:
        """Until every job has run and its entry is gone, or until time is up."""
        while self._tally.total() < jobs:
            if clock.monotonic_s() > until_s:
                return
            await asyncio.sleep(POLL_S)
        while await rival.left():
            await asyncio.sleep(POLL_S)


def _release(members: Sequence[Member]) -> None:
    for member in members:
        member.tell()
