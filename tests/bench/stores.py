"""The stores of one run: a durable stack of its own, people with money, the floor's two tables."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import asyncpg

from ops.stack import erase, open_stack
from storage.crypto import DataKey, MasterKeys
from storage.migrate import migrate
from storage.queue import Queue

MASTER_KEY: Final = b"m" * 32
USERS: Final = 10_000
HOT: Final = 1
"""The one user of the hot cases; the others are 2 to USERS + 1."""
BALANCE: Final = 10**11
CAP: Final = 30_000
WAITING_MAX: Final = 1_000_000

_ACCOUNTS = """
insert into app.user_account (id, wrapped_key, plan)
select u, k, 'ENTERPRISE' from unnest($1::bigint[], $2::bytea[]) t(u, k)
"""
_WORKSPACES = """
insert into app.workspace (user_id, limit_bytes)
select id, 500 * 1024 * 1024 from app.user_account
"""
_MEMBERS = """
insert into work.member (user_id, caps, waiting_max)
select id, array_fill($1::smallint, '{5}'), $2 from app.user_account
"""
_MONEY = """
select count(ledger.credit(gen_random_uuid(), id, 1::smallint, $1, 'grant')) from app.user_account
"""
_FLOOR = """
create table public.floor_balance (id bigint primary key, units bigint not null)
  with (fillfactor = 60);
create table public.floor_entry (
  n bigint generated always as identity primary key, id bigint not null, units bigint not null,
  at timestamptz not null default clock_timestamp());
insert into public.floor_balance select id, 0 from app.user_account;
grant all on public.floor_balance, public.floor_entry to leyden_app;
"""


@dataclass(frozen=True)
class Stores:
    dsn: str
    redis_url: str
    folder: Path
    postgres: str
    redis: str


@contextmanager
def stores() -> Iterator[Stores]:
    """Servers with every crash-safe setting on, in a folder that is gone afterwards."""
    folder = Path(mkdtemp(prefix="leyden-bench-"))
    try:
        with open_stack(folder) as stack:
            yield Stores(
                stack.database_url,
                stack.redis_url,
                folder,
                stack.postgres_version or "",
                stack.redis_version or "",
            )
    finally:
        erase(folder)


async def populate(dsn: str) -> None:
    """Schema, people, the floor's tables."""
    await migrate(dsn)
    master = MasterKeys(MASTER_KEY)
    users = range(HOT, USERS + 2)
    wrapped = [master.wrap(plain_key(user), user_id=user) for user in users]
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute(_ACCOUNTS, list(users), wrapped)
        await owner.execute(_WORKSPACES)
        await owner.execute(_MEMBERS, CAP, WAITING_MAX)
        await owner.execute(_MONEY, BALANCE)
        await owner.execute(_FLOOR)
        await owner.execute("vacuum analyze")
    finally:
        await owner.close()


def plain_key(user_id: int) -> bytes:
    """People's keys are made up, so that a producer can seal a payload without asking for one."""
    return hashlib.sha256(b"bench %d" % user_id).digest()


@cache
def data_key(user_id: int) -> DataKey:
    """As a process of the product keeps the keys of the people it has met."""
    return DataKey.of(user_id, plain_key(user_id))


async def redis_cpu_s(queue: Queue) -> float:
    """CPU seconds that the Redis server has used so far, user and system."""
    info = await queue.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


async def violations(dsn: str) -> list[tuple[object, ...]]:
    """What both books object to; a fast ring that loses money is no ring."""
    owner = await asyncpg.connect(dsn)
    try:
        # Within its first minute the server believes these tables to be as empty as they were made.
        await owner.execute("analyze")
        async with owner.transaction(isolation="repeatable_read", readonly=True):
            work = await owner.fetch("select * from work.violations limit 5")
            money = await owner.fetch("select * from ledger.violations limit 5")
    finally:
        await owner.close()
    return [tuple(row) for row in (*work, *money)]
