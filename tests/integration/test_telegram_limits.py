"""The limiter on a real Redis: what may leave together, what yields, and what is left without Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from storage.queue import Queue
from storage.telegram_budget import TelegramLimits, Window
from storage.telegram_limits import Limiter
from tests.support import wait_until

BOT = 4242


@pytest_asyncio.fixture
async def queue(redis_url: str) -> AsyncIterator[Queue]:
    opened = await Queue.open(redis_url)
    yield opened
    await opened.aclose()


def slow(**changes: object) -> TelegramLimits:
    """Limits under which nothing becomes free while a test runs."""
    limits = TelegramLimits(bot_per_s=0.01, chat=Window(4, 1, 600), group=Window(6, 2, 600))
    return TelegramLimits(**{**{n: getattr(limits, n) for n in limits.__slots__}, **changes})


async def test_a_bot_has_a_burst_and_then_its_rate(queue: Queue) -> None:
    limiter = Limiter(queue, limits=slow())
    waits = [await limiter.take(BOT, chat) for chat in range(1, 6)]
    assert waits[:3] == [0, 0, 0]
    assert all(90 < wait_s <= 101 for wait_s in waits[3:])
    assert await limiter.take(BOT + 1, 1) == 0


async def test_a_chat_and_a_group_have_windows(queue: Queue) -> None:
    limiter = Limiter(queue, limits=slow(bot_per_s=1e6))
    assert [await limiter.take(BOT, 7) > 0 for _ in range(6)] == [False] * 4 + [True] * 2
    assert 0 < await limiter.take(BOT, 7) <= 600
    assert await limiter.take(BOT, 8) == 0
    assert [await limiter.take(BOT, -7, 2) > 0 for _ in range(3)] == [False, False, True]


async def test_an_album_counts_whole_and_fits_where_nothing_else_is(queue: Queue) -> None:
    limiter = Limiter(queue, limits=slow(bot_per_s=1e6))
    assert await limiter.take(BOT, 7, 10) == 0
    assert await limiter.take(BOT, 7) > 0


async def test_what_is_only_for_show_leaves_room_for_answers(queue: Queue) -> None:
    limiter = Limiter(queue, limits=slow(bot_per_s=1e6))
    live = [await limiter.take(BOT, 7, kind="live") > 0 for _ in range(5)]
    assert live == [False] * 3 + [True] * 2
    assert await limiter.take(BOT, 7) == 0


async def test_while_an_answer_waits_nothing_for_show_goes_out(queue: Queue) -> None:
    limiter = Limiter(queue, limits=slow(bot_burst=1))
    assert await limiter.take(BOT, 1) == 0
    assert await limiter.take(BOT, 2) > 0
    assert await limiter.take(BOT, 3, kind="live") > 0


async def test_a_pause_is_everybodys_and_the_longest_counts(queue: Queue) -> None:
    mine, yours = Limiter(queue), Limiter(queue)
    await mine.pause(BOT, 7, 50)
    await mine.pause(BOT, 7, 2)
    assert 45 < await yours.take(BOT, 7) <= 50
    assert 45 < await mine.take(BOT, 7) <= 50
    assert await yours.take(BOT, 8) == 0
    await mine.pause(BOT, None, 30)
    assert 25 < await yours.take(BOT, 8) <= 30


async def test_two_processes_share_one_budget(queue: Queue) -> None:
    limiters = [Limiter(queue, limits=slow(bot_per_s=1e6)) for _ in range(2)]
    waits = await asyncio.gather(*(limiters[n % 2].take(BOT, 7) for n in range(20)))
    assert sum(wait_s == 0 for wait_s in waits) == 4


async def test_without_redis_a_process_keeps_a_part_by_itself() -> None:
    lost = await Queue.open("redis://127.0.0.1:1/0", timeout_s=0.2)
    try:
        limiter = Limiter(lost, limits=slow())
        assert [await limiter.take(BOT, chat) > 0 for chat in (1, 2)] == [False, True]
        assert await limiter.take(BOT + 1, 3, kind="live") > 0
        await limiter.pause(BOT + 1, None, 40)
        assert 35 < await limiter.take(BOT + 1, 4) <= 40
    finally:
        await lost.aclose()


async def hang(queue: Queue) -> None:
    """Redis takes no more scripts, until `come_back`."""
    await queue.client_pause(60_000, all=False)


async def come_back(queue: Queue, limiter: Limiter, chat_id: int) -> None:
    """And this limiter has asked there once, with success."""
    await queue.client_unpause()

    async def asked() -> bool:
        return await limiter.take(BOT, chat_id) == 0

    await wait_until(asked, 10, "the limiter asks Redis again")


async def test_without_redis_what_was_sent_before_counts_too(queue: Queue) -> None:
    limiter = Limiter(queue, limits=slow(bot_per_s=1e6))
    assert await limiter.take(BOT, 7) == 0
    await hang(queue)
    try:
        assert 0 < await limiter.take(BOT, 7) <= 5, "soon, for Redis may be back"
        assert await limiter.take(BOT, 8) == 0
    finally:
        await queue.client_unpause()


async def test_what_was_sent_without_redis_counts_for_all_when_it_is_back(queue: Queue) -> None:
    mine, yours = (Limiter(queue, limits=slow(bot_per_s=1e6)) for _ in range(2))
    await hang(queue)
    try:
        assert [await mine.take(BOT, -7) > 0 for _ in range(2)] == [False, True]
    finally:
        await come_back(queue, mine, -7)
    assert [await yours.take(BOT, -7) > 0 for _ in range(3)] == [False, False, True]
    assert await mine.take(BOT, -7) > 0
