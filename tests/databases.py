"""A database for each test, at the price of emptying one: each pytest process has a single one, whose rows
are deleted after a test and whose name is changed, so that nobody who was left behind finds the next test.

A test that changed more than rows (a function, a table, a right, a setting, what migrations put in) has
had a database to itself: it is dropped, and the next test gets a copy of the template.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

TEMPLATE: Final = "leyden_template"

_ALONE = """
select count(pg_terminate_backend(pid, 5000))
  from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""

EMPTY: Final = """
do $$
declare
  one record;
  filled boolean;
begin
  set local session_replication_role = replica;  -- what may only be added to is emptied, too
  for one in
    select c.oid::regclass as name, c.relkind, c.relname
      from pg_class c join pg_namespace s on s.oid = c.relnamespace
     where c.relkind in ('r', 'S') and s.nspname in ('app', 'work', 'ledger')
       and c.relname not in ('currency', 'rate', 'rate_id_seq')
  loop
    if one.relkind = 'S' then
      perform setval(one.name, 1, false);
      continue;
    end if;
    execute format('select exists (select from %s)', one.name) into filled;
    if filled and pg_relation_size(one.name) > 500000 then
      execute format('truncate %s cascade', one.name);
    elsif filled then
      execute format('delete from %s', one.name);
    end if;
  end loop;
end
$$
"""

_FACE = """
with ours as (select oid, nspname, nspacl from pg_namespace
               where nspname in ('app', 'work', 'ledger', 'public'))
select md5(string_agg(line, chr(10) order by line)) from (
  select 'n' || nspname || coalesce(nspacl::text, '') as line from ours union all
  select 'p' || p.oid || ' ' || p.xmin from pg_proc p join ours n on n.oid = p.pronamespace union all
  select 'c' || c.oid || c.relname::text || c.relkind::text || coalesce(c.relacl::text, '')
    from pg_class c join ours n on n.oid = c.relnamespace union all
  select 'a' || a.attrelid || ' ' || a.attnum || ' ' || a.xmin
    from pg_attribute a join pg_class c on c.oid = a.attrelid join ours n on n.oid = c.relnamespace
   union all
  select 'o' || o.oid || ' ' || o.xmin from pg_constraint o join ours n on n.oid = o.connamespace
   union all
  select 't' || t.oid || t.tgenabled::text from pg_trigger t union all
  select 'e' || e.oid || ' ' || e.xmin from pg_enum e union all
  select 's' || s::text from pg_db_role_setting s
    join pg_database d on d.oid = s.setdatabase where d.datname = current_database() union all
  select 'm' || m::text from public.leyden_migration m union all
  select 'w' || w::text from ledger.currency w union all
  select 'r' || r::text from ledger.rate r) everything
"""


class Databases:
    """Of one stack. `lend` gives the address of an empty database, `take_back` wants it after the test."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._name: str | None = None
        self._face = ""
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._admin: asyncpg.Connection | None = None

    def close(self) -> None:
        """End our own connection; the server is its owner's to end."""
        if self._admin is not None:
            self._admin.terminate()
        self._runner.close()

    def make_template(self) -> None:
        from storage.migrate import migrate

        self._tell(f"create database {TEMPLATE}")
        run(migrate(self._at(TEMPLATE)))

    def lend(self) -> str:
        """An address that no test has had before."""
        if self._name is None:
            self._name = f"test_{uuid4().hex}"
            self._tell(f"create database {self._name} template {TEMPLATE} strategy wal_log")
            self._face = run(self._seen(self._name))
        return self._at(self._name)

    def take_back(self) -> None:
        assert self._name is not None
        name, face = self._name, run(self._emptied(self._name))
        if face == self._face:
            self._name = f"test_{uuid4().hex}"
            self._tell(f"alter database {name} rename to {self._name}")
        else:
            self._name = None
            self.drop(name)

    def make_empty(self) -> tuple[str, str]:
        """The name and the address of a database without any migration."""
        name = f"empty_{uuid4().hex}"
        self._tell(f"create database {name}")
        return name, self._at(name)

    def drop(self, name: str) -> None:
        self._tell(f"drop database {name} with (force)")

    def _at(self, name: str) -> str:
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()

    async def _emptied(self, name: str) -> str:
        """What it looks like without the rows of the last test."""
        async with self._open(self._at(name)) as connection:
            await connection.execute(_ALONE)
            await connection.execute(EMPTY)
            return str(await connection.fetchval(_FACE))

    async def _seen(self, name: str) -> str:
        async with self._open(self._at(name)) as connection:
            return str(await connection.fetchval(_FACE))

    def _tell(self, statement: str) -> None:
        """On a connection that stays open for as long as the server does."""
        self._runner.run(self._told(statement))

    async def _told(self, statement: str) -> None:
        if self._admin is not None:
            with suppress(asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
                await self._admin.fetchval("select 1")  # a test may have killed the server
                await self._admin.execute(statement)
                return
        # A test that crashes the server must not undo the name of its own database.
        settings = {"synchronous_commit": "on"}
        self._admin = await asyncpg.connect(self._url, server_settings=settings)
        await self._admin.execute(statement)

    @asynccontextmanager
    async def _open(self, url: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """On a loop of its own that leaves the test's loop the current one."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)
