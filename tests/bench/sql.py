"""submit, start and succeed straight through the pool, beside the floor: three bare commits a job.

The floor writes what any job with money must write at the least, through the same pool and with the
same number of callers: an INSERT, then twice an UPDATE with an INSERT, each its own commit.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

from ops.base import clock
from storage.jobs import Jobs
from storage.pool import Database
from tests.bench.book import Book
from tests.bench.stores import HOT, USERS, Stores
from tests.rig import KINDS, LEASE_S, job, success

CALLERS: Final = 12
SET_CALLERS: Final = 4
WARM_S: Final = 0.3
PAYLOAD: Final = b"x" * 130
PRICE_UNITS: Final = 10_000

_INSERT = "insert into public.floor_entry (id, units) values ($1, 7)"
_UPDATE_INSERT = """
with moved as (update public.floor_balance set units = units + 1 where id = $1)
insert into public.floor_entry (id, units) values ($1, 7)
"""

One = Callable[[], Awaitable[int]]


class Direct:
    """Every method measures one thing once, for `hot` on one user, and writes down jobs/s."""

    def __init__(self, stores: Stores, book: Book, *, seconds: float) -> None:
        self._stores = stores
        self._book = book
        self._seconds = seconds

    async def open(self) -> None:
        self._db = await Database.open(self._stores.dsn, size=CALLERS)
        self._jobs = Jobs(self._db)

    async def close(self) -> None:
        await self._db.close()

    async def floor(self, *, hot: bool) -> None:
        async def one() -> int:
            user = _user(hot)
            await self._db.execute(_INSERT, user)
            await self._db.execute(_UPDATE_INSERT, user)
            await self._db.execute(_UPDATE_INSERT, user)
            return 1

        await self._measure(_name("floor", hot), one, CALLERS)

    async def single(self, *, hot: bool) -> None:
        """One call after the other, three round trips and three commits a job."""

        async def one() -> int:
            new = job(_user(hot), payload=PAYLOAD)
            _must((await self._jobs.submit(new)).code)
            answer = await self._jobs.start(
                new.id, uuid4(), worker="bench", lease_s=LEASE_S, kinds=KINDS
            )
            _must(answer.jobs[0].code)
            ended, _ = await self._jobs.succeed(success(new.id, 1, PRICE_UNITS, PAYLOAD))
            _must(ended.code)
            return 1

        await self._measure(_name("single", hot), one, CALLERS)

    async def sets(self, size: int, *, hot: bool) -> None:
        """The set forms with full sets: what gathering could give at best."""

        async def one() -> int:
            new = [job(_user(hot), payload=PAYLOAD) for _ in range(size)]
            for submitted in await self._jobs.submit_many(new):
                _must(submitted.code)
            answer = await self._jobs.start_many(
                [(each.id, uuid4()) for each in new], worker="bench", lease_s=LEASE_S, kinds=KINDS
            )
            done = [success(s.job_id, s.attempt, PRICE_UNITS, PAYLOAD) for s in answer.jobs]
            ends, _ = await self._jobs.succeed_many(done)
            for ended in ends:
                _must(ended.code)
            return size

        await self._measure(_name(f"sets{size}", hot), one, SET_CALLERS)

    async def _measure(self, name: str, one: One, callers: int) -> None:
        await _drive(one, callers, WARM_S)
        jobs, took_s, laps_ms = await _drive(one, callers, self._seconds)
        self._book.add(name, jobs / took_s)
        self._book.extend(f"{name}.ms", laps_ms)


async def _drive(one: One, callers: int, seconds: float) -> tuple[int, float, list[float]]:
    """Callers in closed loops; answers jobs, seconds, and how long each lap took in ms."""
    since_s = clock.monotonic_s()
    until_s = since_s + seconds
    jobs, laps_ms = 0, []

    async def loop() -> None:
        nonlocal jobs
        while (began_s := clock.monotonic_s()) < until_s:
            done = await one()  # apart from the sum: it would be read before the wait
            jobs += done
            laps_ms.append((clock.monotonic_s() - began_s) * 1e3)

    await asyncio.gather(*(loop() for _ in range(callers)))
    return jobs, clock.monotonic_s() - since_s, laps_ms


def _user(hot: bool) -> int:
    return HOT if hot else random.randint(HOT + 1, USERS + 1)


def _name(case: str, hot: bool) -> str:
    return f"{case}.{'hot' if hot else 'spread'}"


def _must(code: str) -> None:
    if code != "ok":
        raise RuntimeError(code)
