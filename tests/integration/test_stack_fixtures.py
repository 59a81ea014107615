"""The fixtures every other test stands on."""

import asyncpg
from redis import Redis

from ops.stack import StackHandle


async def _count(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("create table if not exists public.seen (number int)")
        await connection.execute("insert into public.seen values (1)")
        return int(await connection.fetchval("select count(*) from public.seen"))
    finally:
        await connection.close()


async def test_a_database_is_fresh_for_one_test(dsn: str) -> None:
    assert await _count(dsn) == 1


async def test_a_database_is_fresh_for_the_next_test(dsn: str) -> None:
    assert await _count(dsn) == 1


def test_a_plain_test_may_crash_the_servers(stack: StackHandle, dsn: str, redis_url: str) -> None:
    stack.servers.postgres.crash()
    stack.servers.valkey.kill()
    assert not stack.servers.postgres.running
    assert not stack.servers.valkey.running


async def test_the_next_test_finds_them_running(dsn: str, any_redis_url: str) -> None:
    assert await _count(dsn) == 1
    with Redis.from_url(any_redis_url) as client:
        assert client.dbsize() == 0
