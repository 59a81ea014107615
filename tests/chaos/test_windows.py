"""One test for each boundary of the job path: a real process dies exactly there.

The numbers are those of the comments `Crash window n` in the code. Whatever happened, the job ends
once, is charged once, and both books are sound (the fixture `ring` looks).
"""

import json
import signal

import pytest

from storage import streams
from tests.nest import Hatched
from tests.ring import REPOSITORY, Ring, Worker
from tests.support import wait_until

KILLED = -signal.SIGKILL


async def produce(ring: Ring, user_id: int, *, die_at: str) -> int:
    settings = ring.settings.model_dump(mode="json", exclude={"master_key"})
    told = {"settings": settings, "user": user_id, "key": "k", "die_at": die_at}
    return await Hatched.run("tests.chaos.producer", json.dumps(told), cwd=REPOSITORY).wait()


async def die_then_recover(ring: Ring, die_at: str) -> list[int]:
    """One worker dies at the line, a second one takes over; answers the attempts that ran."""
    ann = await ring.person()
    job_id = await ring.submit(ann, "hello")
    dying = await Worker.start(ring, die_at=die_at)
    assert await dying.ended() == KILLED
    healthy = await (await Worker.start(ring)).ready(ring)
    await ring.wait_state(job_id, "succeeded")
    await wait_until(lambda: streams_are_empty(ring), 15, "every entry is closed")
    assert await healthy.end() == 0
    assert await ring.captures() == 1
    assert await ring.open_holds() == 0
    return [run.attempt for run in ring.runs()]


async def streams_are_empty(ring: Ring) -> bool:
    sizes = [await ring.queue.xlen(streams.stream_key(number)) for number in streams.STREAMS]
    return not any(sizes)


@pytest.mark.parametrize("die_at", ["wake.before", "wake.after", ""])
async def test_2_3_4_the_producer_dies_around_its_wake_up(ring: Ring, die_at: str) -> None:
    """2: committed and never told. 3: told, and nobody knows. 4: all is well."""
    ann = await ring.person()
    assert await produce(ring, ann, die_at=die_at) == (KILLED if die_at else 0)
    assert await ring.count("true") == 1
    worker = await (await Worker.start(ring)).ready(ring)
    await ring.wait_ended(1)
    assert await produce(ring, ann, die_at="") == 0  # the same key again
    assert await worker.end() == 0
    assert await ring.count("state = 'succeeded'") == 1
    assert await ring.captures() == 1
    assert len(ring.runs()) == 1


async def test_5_an_entry_was_delivered_and_nothing_done(ring: Ring) -> None:
    assert await die_then_recover(ring, "entry.delivered") == [1]


async def test_6_the_first_commit_is_on_its_way(ring: Ring) -> None:
    """It may have committed or not: at most one hold, and one run."""
    assert len(await die_then_recover(ring, "start.during")) == 1


async def test_7_lease_and_hold_are_there_and_nothing_else(ring: Ring) -> None:
    assert await die_then_recover(ring, "start.after") == [2]


async def test_13_the_work_is_done_and_its_end_not_written(ring: Ring) -> None:
    assert await die_then_recover(ring, "succeed.before") == [1, 2]


async def test_14_the_second_commit_is_on_its_way(ring: Ring) -> None:
    """Committed: the second worker finds an ended job. Not committed: it runs again."""
    assert await die_then_recover(ring, "succeed.during") in ([1], [1, 2])


async def test_14_the_second_commit_is_done_and_nobody_heard(ring: Ring) -> None:
    assert await die_then_recover(ring, "succeed.after") == [1]


async def test_15_the_entry_of_a_running_job_was_never_closed(ring: Ring) -> None:
    attempts = await die_then_recover(ring, "entry.open")
    assert attempts in ([1, 2], [2])  # the run may have begun in the moment before


async def test_15_the_entry_of_an_ended_job_is_delivered_again(ring: Ring) -> None:
    ann = await ring.person()
    job_id = await ring.submit(ann, "hello")
    worker = await (await Worker.start(ring)).ready(ring)
    row = await ring.wait_state(job_id, "succeeded")
    await ring.queue.raw(
        "XADD",
        streams.stream_key(row["stream"]),
        "*",
        *streams.fields_of(job_id, "text.improve", ""),
    )
    await wait_until(lambda: streams_are_empty(ring), 15, "the entry is closed")
    assert await worker.end() == 0
    assert len(ring.runs()) == 1
    assert await ring.captures() == 1
