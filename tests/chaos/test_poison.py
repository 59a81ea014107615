"""Poison among innocents: the one that kills its process ends, the others finish and pay once."""

import asyncio

from tests.ring import Ring, Worker
from tests.support import wait_until

INNOCENTS = 19


async def keep_alive(ring: Ring, workers: list[Worker]) -> None:
    """What a supervisor does: a worker that died is started again."""
    while True:
        for n, worker in enumerate(workers):
            if not worker.alive:
                workers[n] = await Worker.start(ring)
        await asyncio.sleep(0.05)


async def test_one_poison_job_among_nineteen_innocents(ring: Ring) -> None:
    ann = await ring.person()
    innocents = [await ring.submit(ann, "sleep=0.3") for _ in range(INNOCENTS)]
    poison = await ring.submit(ann, "sleep=0.1 die")
    workers = [await Worker.start(ring)]
    supervisor = asyncio.ensure_future(keep_alive(ring, workers))
    try:
        await ring.wait_ended(INNOCENTS + 1, timeout_s=100)
    finally:
        supervisor.cancel()
    assert [await ring.state(job_id) for job_id in innocents] == ["succeeded"] * INNOCENTS
    row = await ring.row(poison)
    assert (str(row["state"]), row["code"], row["captured"]) == ("dead", "poison", 0)
    assert await ring.captures() == INNOCENTS
    assert await ring.open_holds() == 0
    # Two processes with others in them, then three of its own.
    killed = [run for run in ring.runs() if run.job == str(poison)]
    assert row["deaths"] == 3
    assert len({run.pid for run in killed}) == len(killed) == 5
    assert await (await workers[0].ready(ring)).end() == 0


async def test_a_suspect_child_dies_with_its_parent(ring: Ring) -> None:
    ann = await ring.person()
    job_id = await ring.suspect(ann, "sleep=60")
    worker = await Worker.start(ring)
    await wait_until(ring.runs, 30, "the suspect runs in a child")
    [run] = ring.runs()
    assert run.pid != worker.pid
    await worker.kill()
    await wait_until(lambda: not running(run.pid), 10, "the child is gone")
    assert await ring.state(job_id) == "running"


async def test_a_suspect_is_handed_back_at_sigterm_and_nobody_dies(ring: Ring) -> None:
    ring.settings = ring.settings.model_copy(update={"grace_s": 0.2})
    ann = await ring.person()
    job_id = await ring.suspect(ann, "sleep=60")
    worker = await (await Worker.start(ring)).ready(ring)
    await wait_until(ring.runs, 30, "the suspect runs in a child")
    assert await worker.end() == 0
    row = await ring.row(job_id)
    assert (str(row["state"]), row["deaths"], row["tries"]) == ("queued", 0, 0)


def running(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
