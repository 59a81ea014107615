"""The queue on a real server: wake-ups, ages, lanes, broken entries, and Redis being away."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ops.base import clock
from ops.stack import StackHandle
from schemas.errors import ConfigError
from schemas.ids import new_id
from schemas.jobs import Lane, Priority, stream_number
from storage import streams
from storage.consumer import Consumer
from storage.jobs import Wake
from storage.queue import Queue, WorkerCard
from tests.support import wait_until

HIGH, NORMAL, LOW = (
    stream_number(Lane.TEXT, level) for level in (Priority.HIGH, Priority.NORMAL, Priority.LOW)
)
VIDEO = stream_number(Lane.VIDEO, Priority.NORMAL)


@pytest_asyncio.fixture
async def queue(any_redis_url: str) -> AsyncIterator[Queue]:
    made = await Queue.open(any_redis_url)
    await made.prepare()
    yield made
    await made.aclose()


@pytest_asyncio.fixture
async def consumer(queue: Queue) -> AsyncIterator[Consumer]:
    made = Consumer(queue, "w1")
    yield made
    await made.close()


def wakes(stream: int, count: int = 1) -> list[Wake]:
    return [Wake(new_id(), stream, "text.improve", "00-trace") for _ in range(count)]


async def test_a_wake_up_carries_the_job_its_kind_and_its_trace(
    queue: Queue, consumer: Consumer
) -> None:
    [wake] = wakes(NORMAL)
    assert await queue.wake([wake]) == 1
    found = await consumer.read([NORMAL], budget=10, lane_budgets={})
    [entry] = found.entries
    assert (entry.job_id, entry.kind, entry.trace) == (wake.job_id, wake.kind, wake.trace)


async def test_priority_is_strict_under_one_budget(queue: Queue, consumer: Consumer) -> None:
    await queue.wake([*wakes(LOW, 3), *wakes(NORMAL, 3), *wakes(HIGH, 3)])
    found = await consumer.read([HIGH, NORMAL, LOW], budget=5, lane_budgets={})
    assert [entry.stream for entry in found.entries] == [HIGH] * 3 + [NORMAL] * 2


async def test_a_lane_has_a_budget_of_its_own(queue: Queue, consumer: Consumer) -> None:
    await queue.wake([*wakes(VIDEO, 5), *wakes(NORMAL, 5)])
    found = await consumer.read([VIDEO, NORMAL], budget=20, lane_budgets={"video": 2})
    assert [entry.stream for entry in found.entries] == [VIDEO] * 2 + [NORMAL] * 5


async def test_nothing_is_read_of_a_paused_lane(queue: Queue, consumer: Consumer) -> None:
    await queue.wake([*wakes(VIDEO), *wakes(NORMAL)])
    await queue.pause(Lane.TEXT)
    found = await consumer.read([NORMAL, VIDEO], budget=9, lane_budgets={})
    assert [entry.stream for entry in found.entries] == [VIDEO]
    assert found.paused == {"text"} == await queue.paused()
    await queue.resume(Lane.TEXT)
    assert len((await consumer.read([NORMAL], budget=9, lane_budgets={})).entries) == 1


async def test_waiting_ends_with_an_entry_or_when_it_is_unblocked(
    queue: Queue, consumer: Consumer
) -> None:
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_wait_for_one(consumer))
        await queue.wake(wakes(NORMAL))
    assert len(waiting.result()) == 1
    async with asyncio.TaskGroup() as group:
        empty = group.create_task(consumer.wait([NORMAL]))
        await wait_until(consumer.unblock, 10, "somebody is waiting, and is woken")
    assert empty.result().entries == ()


async def _wait_for_one(consumer: Consumer) -> tuple[streams.Entry, ...]:
    while not (entries := (await consumer.wait([NORMAL])).entries):
        pass
    return entries


async def test_a_closed_entry_is_gone_and_an_open_one_is_taken_over(
    queue: Queue, consumer: Consumer
) -> None:
    await queue.wake(wakes(NORMAL, 2))
    closed, left_open = (await consumer.read([NORMAL], budget=2, lane_budgets={})).entries
    assert await consumer.settle([closed])
    other = Consumer(queue, "w2")
    found = await other.take_over([NORMAL], idle_s=0)
    assert found.entries == (left_open,)
    assert (await other.take_over([NORMAL], idle_s=60)).entries == ()
    assert await queue.xlen(streams.stream_key(NORMAL)) == 1
    await other.close()


async def test_an_entry_that_is_put_back_is_read_by_another(
    queue: Queue, consumer: Consumer
) -> None:
    [wake] = wakes(NORMAL)
    await queue.wake([wake])
    await consumer.put_back((await consumer.read([NORMAL], budget=9, lane_budgets={})).entries)
    other = Consumer(queue, "w2")
    [entry] = (await other.read([NORMAL], budget=9, lane_budgets={})).entries
    assert (entry.job_id, entry.kind, entry.trace) == (wake.job_id, wake.kind, wake.trace)
    assert await queue.xlen(streams.stream_key(NORMAL)) == 1
    await other.close()


async def test_broken_entries_are_set_aside_and_counted(queue: Queue, consumer: Consumer) -> None:
    key = streams.stream_key(NORMAL)
    await queue.xadd(key, {"i": "not sixteen bytes"})
    await queue.xadd(key, {"other": "field"})
    [good] = wakes(NORMAL)
    await queue.wake([good])
    found = await consumer.read([NORMAL], budget=9, lane_budgets={})
    assert [entry.job_id for entry in found.entries] == [good.job_id]
    assert len(found.broken) == 2
    await consumer.set_aside(found.broken)
    assert await queue.raw("LLEN", streams.BROKEN_KEY) == 2
    assert await queue.xlen(key) == 1


async def test_after_flushall_the_group_starts_again_at_zero(
    queue: Queue, consumer: Consumer
) -> None:
    await queue.flushall()
    await queue.wake(wakes(NORMAL))
    found = await consumer.read([NORMAL], budget=9, lane_budgets={})
    assert found.entries == ()  # NOGROUP: made again
    found = await consumer.read([NORMAL], budget=9, lane_budgets={})
    assert len(found.entries) == 1


async def test_ages_tell_a_backlog_from_what_is_lost(queue: Queue, consumer: Consumer) -> None:
    assert (await queue.ages())[NORMAL] == 0  # nothing undelivered: whatever is queued is lost
    await queue.wake(wakes(NORMAL, 2))
    assert (await queue.ages())[NORMAL] == streams.NEVER_S  # a backlog, however old
    await consumer.read([NORMAL], budget=1, lane_budgets={})
    assert 0 <= (await queue.ages())[NORMAL] < 60  # as old as the newest delivered entry
    await consumer.read([NORMAL], budget=1, lane_budgets={})
    assert (await queue.ages())[NORMAL] == 0
    await queue.flushall()
    assert set((await queue.ages()).values()) == {0.0}


async def test_a_stream_without_its_group_counts_as_not_delivered(queue: Queue) -> None:
    await queue.flushall()
    await queue.wake(wakes(VIDEO))
    assert (await queue.ages())[VIDEO] == streams.NEVER_S
    groups = await queue.xinfo_groups(streams.stream_key(VIDEO))
    assert len(groups) == 1  # made by the question


async def test_dead_consumers_go_only_when_they_hold_nothing(queue: Queue) -> None:
    await queue.wake(wakes(NORMAL, 2))
    idle, holding, reader = (Consumer(queue, name) for name in ("idle", "holding", "reader"))
    entries = (await idle.read([NORMAL], budget=1, lane_budgets={})).entries
    await idle.settle(entries)
    await holding.read([NORMAL], budget=1, lane_budgets={})
    await asyncio.sleep(0.01)
    assert await reader.drop_idle([NORMAL, VIDEO], idle_s=0.001) == 1
    left = await queue.xinfo_consumers(streams.stream_key(NORMAL), streams.GROUP)
    assert [row["name"] for row in left] == [b"holding"]
    for consumer in (idle, holding, reader):
        await consumer.close()


async def test_workers_show_themselves(queue: Queue) -> None:
    card = WorkerCard("w1", ("text",), 50, 3, "host", 1, 1.0, 2.0)
    await queue.beat(card)
    assert await queue.workers() == [card]
    await queue.leave("w1")
    assert await queue.workers() == []


async def test_the_last_sweep_leaves_a_mark(queue: Queue) -> None:
    assert await queue.last_sweep() is None
    await queue.note_sweep({"due": 2})
    mark = await queue.last_sweep()
    assert mark is not None
    assert mark["counts"] == {"due": 2}


async def test_redis_away_neither_raises_nor_delays_an_accept(
    stack: StackHandle, redis_url: str
) -> None:
    queue = await Queue.open(redis_url)
    stack.servers.valkey.kill()
    assert await queue.wake(wakes(NORMAL)) == 0
    began_s = clock.monotonic_s()
    for _ in range(200):  # nobody tries while it is known to be away
        assert await queue.wake(wakes(NORMAL)) == 0
    assert clock.monotonic_s() - began_s < 200 * 0.05
    assert await queue.prepare() is False
    stack.servers.valkey.start()

    async def added() -> bool:
        return await queue.wake(wakes(NORMAL)) == 1

    await wait_until(added, 10, "wake-ups are added again")
    await queue.aclose()


async def test_a_wrong_url_is_named() -> None:
    with pytest.raises(ConfigError, match="LEYDEN_REDIS_URL"):
        _ = await Queue.open("http://localhost")
