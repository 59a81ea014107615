"""Plain numbered SQL files, forward only, applied once and in order by whoever comes first.

Several starters may run it at once: a session lock, polled rather than waited for (a waiting statement
is an old transaction and would block `create index concurrently`), lets one through at a time and dies
with its connection. A changed old file, a gap in the numbers and a database newer than this code are
refused.

A function that runs as its owner gets a search path of its own, with the migration that makes it: the
caller's may lead to types and functions of the caller's.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import asyncpg

from ops.base.clock import monotonic_s
from schemas.errors import ConfigError
from storage.pool import TROUBLE, Database, unavailable

LOCK_KEY: Final = 7_301_001
LOCK_POLL_S: Final = 0.1
LOCK_WAIT_S: Final = 120.0
NUMBERED: Final = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
OUTSIDE_TRANSACTION: Final = "-- outside a transaction"

_TABLE = """
create table if not exists public.leyden_migration (
  number int primary key, name text not null, sha256 text not null,
  applied_at timestamptz not null default clock_timestamp())
"""
_APPLIED = "select number, name, sha256 from public.leyden_migration order by number"
_RECORD = "insert into public.leyden_migration (number, name, sha256) values ($1, $2, $3)"
_PIN = """
do $$
declare
  one record;
begin
  for one in
    select p.oid::regprocedure as function from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname in ('work', 'ledger', 'app') and p.prosecdef
       and ('search_path=pg_catalog, pg_temp' = any (p.proconfig)) is not true
  loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', one.function);
  end loop;
end
$$
"""
_EXISTS = "select to_regclass('public.leyden_migration') is not null"


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load() -> list[Migration]:
    """The files of this build in order. Raises ValueError when two share a number."""
    found = [
        Migration(int(match.group(1)), entry.name, entry.read_text(encoding="utf-8"))
        for entry in files("storage.migrations").iterdir()
        if (match := NUMBERED.match(entry.name))
    ]
    found.sort(key=lambda migration: migration.number)
    numbers = [migration.number for migration in found]
    if len(set(numbers)) != len(numbers):
        message = "two migrations share a number"
        raise ValueError(message)
    return found


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing; answer the names applied. Raises ConfigError, Unavailable."""
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except TROUBLE as error:
        raise unavailable(error) from error
    try:
        await _lock(connection)
        await connection.execute(_TABLE)
        await connection.execute("grant select on public.leyden_migration to public")
        todo = pending(load(), await connection.fetch(_APPLIED))
        for migration in todo:
            await _apply(connection, migration)
        return [migration.name for migration in todo]
    finally:
        await connection.close()


async def check(db: Database) -> None:
    """Services start only on a database of exactly this build. Raises ConfigError."""
    applied = await db.fetch(_APPLIED) if await db.fetchval(_EXISTS) else []
    if todo := pending(load(), applied):
        raise _refuse(f"the database is {len(todo)} migrations behind: run `leyden migrate`")


def pending(known: list[Migration], applied: list[Any]) -> list[Migration]:
    """What is to be applied. Raises ConfigError when the two histories do not fit."""
    by_number = {migration.number: migration for migration in known}
    for row in applied:
        migration = by_number.get(row["number"])
        if migration is None:
            raise _refuse(
                f"the database knows {row['name']}, which this build does not: upgrade it"
            )
        if migration.sha256 != row["sha256"]:
            raise _refuse(f"{migration.name} was changed after it had been applied")
    done = {row["number"] for row in applied}
    todo = [migration for migration in known if migration.number not in done]
    if todo and done and todo[0].number < max(done):
        raise _refuse(f"{todo[0].name} comes before migrations that were already applied")
    return todo


async def _lock(connection: "asyncpg.Connection[Any]") -> None:
    give_up = monotonic_s() + LOCK_WAIT_S
    while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY):
        if monotonic_s() > give_up:
            raise _refuse(f"another migration has been running for {LOCK_WAIT_S:.0f} s")
        await asyncio.sleep(LOCK_POLL_S)


async def _apply(connection: "asyncpg.Connection[Any]", migration: Migration) -> None:
    """Killed inside: the transaction is undone; a statement outside one must be idempotent."""
    if migration.sql.startswith(OUTSIDE_TRANSACTION):
        await connection.execute(migration.sql)
        await connection.execute(_RECORD, migration.number, migration.name, migration.sha256)
        return
    async with connection.transaction():
        await connection.execute("set local lock_timeout = '5s'")
        await connection.execute(migration.sql)
        await connection.execute(_PIN)
        await connection.execute(_RECORD, migration.number, migration.name, migration.sha256)


def _refuse(problem: str) -> ConfigError:
    return ConfigError(setting="LEYDEN_DATABASE_URL", problem=problem)
