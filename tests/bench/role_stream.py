"""Our transport alone: the product's worker and queue, with a stand-in where Postgres would answer.

TRANSPORT ONLY. This is what is compared with plain arq, which has no database either. Everything
else is on: own job ids, three lanes with three priorities, take-over, beat, cron, sweep rounds, loop
lag, metrics served over HTTP.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from arq.worker import func

from ops.base import clock, garbage, logs, metrics
from ops.base.health import Health
from schemas.jobs import Kind, Lane
from storage.jobs import Jobs, StartAnswer, Started, Wake
from storage.pool import Database, Row
from storage.queue import Queue
from tests.bench.child import released
from tests.bench.tally import Tally
from workers.runtime.hand import Held
from workers.runtime.reader import ReadPlan
from workers.runtime.worker import Ports, StreamWorker, Terms

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

LANES = (Lane.TEXT, Lane.IMAGE, Lane.VIDEO)
KIND = Kind.TEXT_IMPROVE.value
LEASE_S = 15.0


class StandInJobs(Jobs):
    """Says yes to every start, at once."""

    def __init__(self) -> None:
        super().__init__(StandInDatabase())

    async def start(self, job_id: UUID, token: UUID, **_terms: Any) -> StartAnswer:
        return StartAnswer((_yes(job_id),), ())

    async def start_many(
        self, deliveries: Sequence[tuple[UUID, UUID]], **_terms: Any
    ) -> StartAnswer:
        return StartAnswer(tuple(_yes(job_id) for job_id, _ in deliveries), ())

    async def retry(
        self, job_id: UUID, attempt: int, **_terms: Any
    ) -> tuple[str, tuple[Wake, ...]]:
        return "ok", ()


class StandInDatabase(Database):
    """Has no rows: no lease was lost, and a sweep finds nothing."""

    def __init__(self) -> None:
        """Opens nothing."""

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        return []

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return 0

    async def one(self, sql: str, *args: Any) -> Row:
        return cast("Row", {"number": 0, "oldest_s": 0.0})


def _yes(job_id: UUID) -> Started:
    return Started(
        code="ok", job_id=job_id, attempt=1, tries=0, crashes=0, user_id=1, app=1, kind=KIND,
        version=1, payload=b"", key_version=1, price_units=0, save=False, last_look=False,
        cancel_requested=False, remote_ref=None, intent_at=None, deadline=None, trace="",
    )  # fmt: skip


async def run(told: dict[str, Any]) -> dict[str, Any]:
    logs.configure("info", "json", process="bench worker")
    tally, slot, sleep_s = Tally(Path(told["tally"])), told["slot"], told["sleep_s"]
    seen: list[tuple[str, float]] = []
    done = 0

    async def job(_ctx: dict[str, Any], held: Held, _started: Started) -> None:
        nonlocal done
        if told["note"]:
            seen.append((held.job_id.hex, clock.monotonic_s()))
        if sleep_s:
            began_s = clock.monotonic_s()
            await asyncio.sleep(sleep_s)
            tally.add_busy(clock.monotonic_s() - began_s)
        done += 1
        tally.set(slot, done)

    queue = await Queue.open(told["redis_url"])
    worker = StreamWorker(
        [func(cast("WorkerCoroutine", job), name=KIND, keep_result=0)],
        ports=Ports(StandInJobs(), StandInDatabase(), queue, Health()),
        plan=ReadPlan(LANES, told["slots"]),
        terms=Terms((f"{KIND}:1",), LEASE_S, LEASE_S / 8, grace_s=2.0),
        ctx={},
    )
    server = metrics.start_metrics_server("127.0.0.1", 0)
    garbage.settle()
    await released()
    try:
        await worker.async_run()
    finally:
        await worker.close()
        await queue.aclose()
        server.close()
    return {"seen": seen, "done": done}
