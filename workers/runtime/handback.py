"""Giving jobs back at shutdown: at once, and without counting a try, rather than by their leases."""

import asyncio
from typing import Final

from ops.base.logs import get_logger
from schemas.errors import Unavailable
from storage.jobs import Jobs
from storage.queue import Queue
from workers.runtime.hand import Hand, Held

log = get_logger(__name__)

CODE: Final = "handed_back"
END_S: Final = 5.0


async def hand_back(jobs: Jobs, queue: Queue, hand: Hand) -> None:
    """Interrupt what still runs and queue it again. What is just being settled is left to finish.

    Killed in the middle: the leases of the others end, and the sweeper brings them back.
    """
    running = [held for held in hand if not held.settling]
    for held in running:
        held.given_back = True
        if held.attempt is not None:  # else `start` is on its way: its lease is given back at once
            held.interrupt()
    tasks = [held.task for held in running if held.task is not None]
    if tasks:
        # First the work ends, then the job may run elsewhere: never two runs at a time.
        await asyncio.wait(tasks, timeout=END_S)
    await asyncio.gather(*(_give(jobs, queue, held) for held in running))


async def _give(jobs: Jobs, queue: Queue, held: Held) -> None:
    if held.attempt is None or held.lost:
        return
    try:
        code, wakes = await jobs.retry(
            held.job_id,
            held.attempt,
            delay_s=0,
            code=CODE,
            counted=False,
            bought=held.bought,
        )
    except Unavailable:
        log.warning("job.not_handed_back", job_id=str(held.job_id))
        return
    await queue.wake(wakes, reason="handed_back")
    log.info("job.handed_back", job_id=str(held.job_id), outcome=code)
