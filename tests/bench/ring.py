"""The whole ring: a producer process and a worker process of the product, to the last commit.

A round begins with an uncounted part that fills caches and plans, as in any process that has been up
for a minute. Jobs/s are counted from the release of the producer until no job is unfinished.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

from ops.base import clock
from storage.pool import Database
from storage.queue import Queue
from tests.bench.book import Book
from tests.bench.crew import Member, crew
from tests.bench.stores import Stores, redis_cpu_s
from tests.bench.tally import Tally

WARM_S: Final = 1.5
SLOTS: Final = 400
POLL_S: Final = 0.005
PATIENCE_S: Final = 60.0

_LEFT = """
select state::text, slot, attempt, tries, code, count(*), min(due_at), max(lease_until)
  from work.job where due_at is not null group by 1, 2, 3, 4, 5 order by count(*) desc limit 10
"""
_UNFINISHED = "select exists (select from work.job where due_at is not null)"


class Ring:
    """Every method measures one thing once, for `hot` on one user, and writes down jobs/s."""

    def __init__(self, stores: Stores, book: Book, *, seconds: float) -> None:
        self._stores = stores
        self._book = book
        self._seconds = seconds
        self._tally = Tally.create(stores.folder / "tally")

    async def open(self) -> None:
        self._db = await Database.open(self._stores.dsn, size=2)
        self._queue = await Queue.open(self._stores.redis_url)

    async def close(self) -> None:
        await self._queue.aclose()
        await self._db.close()

    async def measure(
        self, name: str, *, hot: bool = False, way: str = "gathered", save: bool = False
    ) -> None:
        await self._queue.flushall()
        await self._queue.prepare()
        self._tally.clear()
        told: dict[str, Any] = {
            "dsn": self._stores.dsn,
            "redis_url": self._stores.redis_url,
            "folder": str(self._stores.folder),
            "tally": str(self._stores.folder / "tally"),
        }
        async with AsyncExitStack() as stack:
            enter, folder = stack.enter_async_context, self._stores.folder
            (worker,) = await enter(crew("worker", folder, slots=SLOTS, **told))
            (producer,) = await enter(crew("producer", folder, way=way, hot=hot, save=save, **told))
            worker.tell()
            warm, _ = await self._turn(producer, WARM_S)
            cpu_s = await redis_cpu_s(self._queue)
            sent, took_s = await self._turn(producer, self._seconds)
            cpu_s = await redis_cpu_s(self._queue) - cpu_s
        self._book.add(name, (sent - warm) / took_s)
        self._book.add(f"{name}.cpu", cpu_s / (sent - warm) * 1e6)

    async def _turn(self, producer: Member, seconds: float) -> tuple[int, float]:
        """Release the producer; answers what it has sent so far and how long all of it took."""
        since_s = clock.monotonic_s()
        producer.tell(seconds=seconds)
        sent = int((await producer.line(seconds + PATIENCE_S))["sent"])
        give_up_s = clock.monotonic_s() + PATIENCE_S
        while self._tally.total() < sent or await self._db.fetchval(_UNFINISHED):
            await asyncio.sleep(POLL_S)
            if clock.monotonic_s() > give_up_s:
                raise RuntimeError(await self._stuck(sent))
        return sent, clock.monotonic_s() - since_s

    async def _stuck(self, sent: int) -> str:
        rows = [dict(row) for row in await self._db.fetch(_LEFT)]
        return f"{sent} jobs sent, {self._tally.total()} run, still unfinished: {rows}"
