"""One person's thousand jobs hold nobody up: a person's cap decides who waits for whom.

What is compared is places, not seconds: how many jobs have begun before a person's own. A busy machine
makes everybody wait longer, and changes no place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest

from schemas.jobs import Lane, Priority, stream_number
from schemas.plans import PlanName, plans
from tests.ring import Ring, Worker
from tests.support import wait_until

SLOTS = 4
SET = 50
"""Jobs that are submitted at a time."""
FREE = stream_number(Lane.TEXT, Priority.LOW)
TASK = "sleep=0.02"
RATIO_MAX = 1.5
ENDED = "select count(*) from work.job where id = any ($1) and due_at is null"


@dataclass(frozen=True)
class Waits:
    """Of each of the crowd: how many jobs had begun when its own did, that one among them; and when."""

    places: tuple[int, ...]
    seconds: tuple[float, ...]


@pytest.mark.timeout(600)
async def test_a_crowd_hardly_waits_longer_beside_one_with_a_thousand_jobs(
    ring: Ring, long_form: bool
) -> None:
    people, waiting = (200, 1_000) if long_form else (20, 100)
    cap = plans().plans[PlanName.FREE].in_flight[Lane.TEXT]
    crowd = [await ring.person(cap=cap) for _ in range(people)]
    hog = await ring.person(cap=cap, credits_=2 * waiting)
    alone = await waits_of(ring, crowd)
    await ask(ring, [hog] * waiting)
    assert await ring.count("state = 'waiting'") == waiting - cap
    beside = await waits_of(ring, crowd)
    ratio = sum(beside.places) / sum(alone.places)
    time_ratio = sum(beside.seconds) / max(sum(alone.seconds), 0.001)
    print(
        f"{people} people, each with one job: {sum(alone.places)} places waited alone, "
        f"{sum(beside.places)} beside one with {waiting} jobs ({ratio:.3f} times; "
        f"{time_ratio:.2f} times by the clock)"
    )
    assert ratio <= RATIO_MAX
    # The last of the crowd: nobody pays for the others' good places.
    assert max(beside.places) <= RATIO_MAX * max(alone.places)


async def waits_of(ring: Ring, crowd: Sequence[int]) -> Waits:
    """Everybody asks for one job while nobody works; then a worker comes and leaves again."""
    before = len(ring.runs())
    asked = await ask(ring, crowd)
    worker = await Worker.start(ring, slots=SLOTS)

    async def all_ended() -> bool:
        found = await ring.owner.fetchval(ENDED, asked)
        return bool(found == len(asked))

    await wait_until(all_ended, 120, "everybody has an answer")
    assert await worker.end() == 0
    begun = ring.runs()[before:]
    first_s = begun[0].at_s
    places = {run.job: (number, run.at_s) for number, run in reversed([*enumerate(begun, 1)])}
    mine = [places[str(job_id)] for job_id in asked]
    return Waits(tuple(one[0] for one in mine), tuple(one[1] - first_s for one in mine))


async def ask(ring: Ring, people: Sequence[int]) -> list[UUID]:
    """A job for each, in this order. The job that each of them made."""
    jobs = [await ring.new_job(user_id, TASK, stream=FREE) for user_id in people]
    for start in range(0, len(jobs), SET):
        for answer in await ring.jobs.submit_many(jobs[start : start + SET]):
            assert answer.code == "ok", answer.code
            await ring.wake(answer)
    return [job.id for job in jobs]
