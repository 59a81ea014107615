"""Progress is a number that lives a minute and an event that names the job; nothing stands on it."""

from collections.abc import AsyncIterator

import pytest_asyncio
from structlog.testing import capture_logs

from schemas.events import JobEvent, channel_of
from schemas.ids import new_id
from storage.progress import read_progress, tell_progress
from storage.queue import Queue
from tests.support import wait_until


@pytest_asyncio.fixture
async def queue(redis_url: str) -> AsyncIterator[Queue]:
    made = await Queue.open(redis_url)
    yield made
    await made.aclose()


async def test_progress_is_kept_and_its_owner_hears_of_it(queue: Queue) -> None:
    job_id, heard = new_id(), []
    async with queue.pubsub() as ear:
        await ear.subscribe(channel_of(7), channel_of(8))

        async def listen() -> bool:
            message = await ear.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message is not None:
                heard.append(JobEvent.model_validate_json(message["data"]))
            return bool(heard)

        await tell_progress(queue, 7, job_id, 0.25)
        await wait_until(listen, 10, "the event")
    assert await read_progress(queue, [job_id, new_id()]) == {job_id: 0.25}
    assert [(event.user_id, event.job_id, event.what) for event in heard] == [
        (7, job_id, "progressed")
    ]


async def test_a_start_says_what_is_unsafe_about_redis(queue: Queue) -> None:
    with capture_logs() as safe:
        await queue.warn_unsafe()
    await queue.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with capture_logs() as unsafe:
            await queue.warn_unsafe()
    finally:
        await queue.config_set("maxmemory-policy", "noeviction")
    assert [entry["event"] for entry in safe] == []
    assert [entry["event"] for entry in unsafe] == ["redis.evicts"]


async def test_with_redis_away_progress_is_dropped() -> None:
    queue = await Queue.open("unix:///nowhere/valkey.sock", timeout_s=0.2)
    await tell_progress(queue, 7, new_id(), 0.5)
    await queue.warn_unsafe()
    assert await read_progress(queue, [new_id()]) == {}
    await queue.aclose()
