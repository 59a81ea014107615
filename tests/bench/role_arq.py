"""Plain arq 0.28 with its defaults: polls each 0.5 s, keeps no result."""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from arq.connections import RedisSettings
from arq.worker import Worker, func

from ops.base import clock
from tests.bench.child import released
from tests.bench.tally import Tally


async def run(told: dict[str, Any]) -> dict[str, Any]:
    logging.disable(logging.WARNING)  # three lines a job would be measured otherwise
    tally, slot, sleep_s = Tally(Path(told["tally"])), told["slot"], told["sleep_s"]
    seen: list[tuple[str, float]] = []
    done = 0

    async def job(ctx: dict[str, Any]) -> None:
        nonlocal done
        if told["note"]:
            seen.append((ctx["job_id"], clock.monotonic_s()))
        if sleep_s:
            began_s = clock.monotonic_s()
            await asyncio.sleep(sleep_s)
            tally.add_busy(clock.monotonic_s() - began_s)
        done += 1
        tally.set(slot, done)

    worker = Worker(
        [func(job, name="job", keep_result=0)],
        redis_settings=RedisSettings.from_dsn(told["redis_url"]),
        max_jobs=told["slots"],
    )
    await released()
    for end in (worker.async_run, worker.close):
        with suppress(asyncio.CancelledError):  # its way of ending at SIGTERM
            await end()
    return {"seen": seen, "done": done}
