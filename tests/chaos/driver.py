"""Random trouble for real worker processes while jobs come in, and exact counts at the end.

Kills, freezes, FLUSHALL and crashes of Postgres come in an order drawn from a seed; a supervisor
starts again what died. Both books are looked at in one snapshot all the while.
"""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from ops.base.clock import monotonic_s
from ops.stack import StackHandle
from schemas.errors import Unavailable
from storage.queue import REDIS_TROUBLE
from tests.ring import CREDIT, Ring, Worker
from tests.support import wait_until

USERS = 6
CAP = 12
RETRY_S = 0.1
LOOK_S = 0.25

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """How much of each. `pause_s` lies between two troubles, on average."""

    jobs: int
    kills: int
    freezes: int
    flushes: int
    crashes: int
    workers: int = 3
    slots: int = 8
    pause_s: float = 0.8

    def troubles(self, chance: random.Random) -> list[str]:
        words = ["kill"] * self.kills + ["freeze"] * self.freezes
        chance.shuffle(words)
        # Never two at the very start or end: something must be under way when it strikes.
        for word in ["flush"] * self.flushes + ["crash"] * self.crashes:
            words.insert(chance.randrange(len(words) // 5, len(words) * 4 // 5 + 1), word)
        return words


@dataclass
class Driver:
    ring: Ring
    stack: StackHandle
    plan: Plan
    seed: int
    accepted: list[UUID] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[Any] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)

    async def run(self) -> None:
        """Everything at once, then quiet until every job has ended."""
        self.chance = random.Random(self.seed)
        users = [await self.ring.person(credits_=10_000, cap=CAP) for _ in range(USERS)]
        self.workers = [await self._start() for _ in range(self.plan.workers)]
        around = [asyncio.ensure_future(self._supervise()), asyncio.ensure_future(self._look())]
        try:
            await asyncio.gather(self._produce(users), self._trouble())
            await self._wait_until_ended()
        finally:
            for task in around:
                task.cancel()
            await asyncio.gather(*around, return_exceptions=True)
            for worker in self.workers:
                await worker.kill()

    async def _start(self) -> Worker:
        return await Worker.start(self.ring, slots=self.plan.slots)

    async def _supervise(self) -> None:
        while True:
            for n, worker in enumerate(self.workers):
                if not worker.alive:
                    self.workers[n] = await self._start()
                    self.seen["restart"] += 1
            await asyncio.sleep(0.05)

    async def _produce(self, users: list[int]) -> None:
        """Spread over the time that the troubles take; each job under a key, until it is in."""
        troubles = sum([self.plan.kills, self.plan.freezes, self.plan.flushes, self.plan.crashes])
        pace_s = troubles * self.plan.pause_s / self.plan.jobs
        for _ in range(self.plan.jobs):
            text = f"sleep={self.chance.uniform(0.05, 1.5):.2f}"
            key = f"job-{len(self.accepted)}"
            submit = partial(self.ring.submit, self.chance.choice(users), text, key=key)
            self.accepted.append(await insist(submit))
            await asyncio.sleep(self.chance.uniform(0, 2 * pace_s))

    async def _trouble(self) -> None:
        for word in self.plan.troubles(self.chance):
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * self.plan.pause_s)
            self.seen[word] += 1
            await getattr(self, f"_{word}")()

    async def _kill(self) -> None:
        alive = [worker for worker in self.workers if worker.alive]
        await self.chance.choice(alive or [await self._start()]).kill()

    async def _freeze(self) -> None:
        """Longer than a lease: it wakes as a zombie, perhaps with results in its hands."""
        worker = self.chance.choice(self.workers)
        worker.signal(signal.SIGSTOP)
        lease_s = self.ring.settings.lease_s
        asyncio.get_running_loop().call_later(
            self.chance.uniform(0.2, 1.5) * lease_s, worker.signal, signal.SIGCONT
        )

    async def _flush(self) -> None:
        await insist(self.ring.queue.flushall)

    async def _crash(self) -> None:
        self.stack.servers.postgres.crash()
        await asyncio.sleep(self.chance.uniform(0.2, 1.0))
        self.stack.servers.postgres.start()

    async def _look(self) -> None:
        """The books, the counters and the cap at every instant, not only at the end."""
        while True:
            found = await insist(self.ring.violations)
            self.wrong += found
            self.seen["look"] += 1
            await asyncio.sleep(LOOK_S)

    async def _wait_until_ended(self) -> None:
        async def all_ended() -> bool:
            return await insist(lambda: self.ring.count("due_at is null")) >= self.plan.jobs

        await wait_until(all_ended, 60 + self.plan.jobs * 0.2, "every accepted job has ended")

    async def check(self) -> None:
        """Accepted = finished, one result and one capture each, nothing held, both books sound."""
        ring, jobs = self.ring, self.plan.jobs
        assert self.wrong == []
        assert len(set(self.accepted)) == jobs == await ring.count("true")
        assert await ring.count("state = 'succeeded' and result is not null") == jobs
        assert await ring.count(f"captured = {CREDIT}") == jobs
        assert await ring.captures() == jobs
        assert await ring.open_holds() == 0
        assert await ring.violations() == []
        runs = [(run.job, run.attempt) for run in ring.runs()]
        assert len(set(runs)) == len(runs)  # no attempt ever began twice
        assert {job for job, _ in runs} == {str(job_id) for job_id in self.accepted}

    def report(self) -> str:
        runs = len(self.ring.runs())
        seen = ", ".join(f"{n} {word}" for word, n in sorted(self.seen.items()))
        return f"seed {self.seed}: {self.plan.jobs} jobs in {runs} runs; {seen}"


async def insist(call: Callable[[], Awaitable[T]]) -> T:
    """As a client does whose answer was lost: the same call again."""
    until_s = monotonic_s() + 60
    while True:
        try:
            return await call()
        except (Unavailable, *REDIS_TROUBLE):
            if monotonic_s() > until_s:
                raise
            await asyncio.sleep(RETRY_S)
