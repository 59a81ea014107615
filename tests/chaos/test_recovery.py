"""After the worst, how soon: a killed worker's jobs, and a database that goes and comes back."""

import asyncio
from pathlib import Path

from ops.base.clock import monotonic_s
from ops.stack import StackHandle
from tests.chaos.driver import insist
from tests.ring import Ring, Worker
from tests.support import wait_until

RERUN_LEASES = 1.4
"""The promise: a job whose worker was killed runs again within this many leases."""


async def test_jobs_of_a_killed_worker_run_again_within_the_promise(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    ring = await Ring.open(dsn, redis_url, tmp_path, lease_s=8.0)
    ann = await ring.person()
    jobs = [await ring.submit(ann, "sleep=60") for _ in range(8)]
    doomed = await Worker.start(ring)
    await wait_until(lambda: len(ring.runs()) == len(jobs), 30, "all of them run")
    other = await (await Worker.start(ring)).ready(ring)
    killed_at_s = monotonic_s()
    await doomed.kill()
    await wait_until(lambda: len(ring.runs()) == 2 * len(jobs), 30, "all of them run again")
    again = [run for run in ring.runs() if run.pid == other.pid]
    assert {run.job for run in again} == {str(job_id) for job_id in jobs}
    latest_s = max(run.at_s for run in again) - killed_at_s
    assert latest_s <= RERUN_LEASES * ring.settings.lease_s
    await other.kill()
    assert await ring.violations() == []
    await ring.close()


async def test_a_finished_result_outlives_a_crash_of_postgres(
    lasting_ring: Ring, lasting_stack: StackHandle
) -> None:
    ring, postgres = lasting_ring, lasting_stack.servers.postgres
    ann = await ring.person()
    finishing = await ring.submit(ann, "sleep=1")
    worker = await (await Worker.start(ring)).ready(ring)
    await wait_until(ring.runs, 20, "it runs")
    postgres.crash()
    await asyncio.sleep(1.5)  # its work ends meanwhile
    postgres.start()

    async def ended() -> bool:
        return await insist(lambda: ring.state(finishing)) == "succeeded"

    await wait_until(ended, 30, "its end is written")
    row = await ring.row(finishing)
    assert (row["attempt"], row["captured"]) == (1, 10_000)
    later = await ring.submit(ann, "hello")
    await ring.wait_state(later, "succeeded")
    assert await worker.end() == 0


async def test_files_that_were_made_are_found_by_the_next_attempt(
    ring: Ring, tmp_path: Path
) -> None:
    """Crash window 13 with files: the manifest is written last, and makes the work unnecessary."""
    ann = await ring.person()
    job_id = await ring.submit(ann, "picture")
    dying = await Worker.start(ring, die_at="succeed.before")
    assert await dying.ended() < 0
    healthy = await (await Worker.start(ring)).ready(ring)
    row = await ring.wait_state(job_id, "succeeded")
    assert row["attempt"] == 2
    assert [run.attempt for run in ring.runs()] == [1]  # found, not made again
    assert await ring.captures() == 1
    assert await healthy.end() == 0
