"""A database for each test, at the price of emptying one: each pytest process has a single one, whose rows
are deleted after a test. A test is given a user of its own, renamed after it: nobody who was left behind
comes in to the next one.

A test that changed more than rows (a function, a table, a right, a setting, what migrations put in) has
had a database to itself: it is dropped, and the next test gets a copy of the template.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
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
select bit_xor(hashtextextended(line, 0))::text from (
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
        self._user = ""
        self._face = ""
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._open: dict[str, asyncpg.Connection] = {}

    def close(self) -> None:
        """End our own connections; the server is its owner's to end."""
        for connection in self._open.values():
            connection.terminate()
        self._runner.close()

    def make_template(self) -> None:
        from storage.migrate import migrate

        self._tell(f"create database {TEMPLATE}")
        run(migrate(self._at(TEMPLATE)))
        self._user = f"test_{uuid4().hex}"
        self._tell(f"create role {self._user} superuser login")

    def lend(self) -> str:
        """An address that no test has had before."""
        if self._name is None:
            self._name = f"test_{uuid4().hex}"
            self._tell(f"create database {self._name} template {TEMPLATE} strategy wal_log")
            self._face = str(self._ask(_FACE))
        return self._at(self._name, self._user)

    def take_back(self) -> None:
        """Nobody comes in any more by the address of the last test before its database is emptied."""
        user, self._user = self._user, f"test_{uuid4().hex}"
        self._tell(f"alter role {user} rename to {self._user}")
        self._ask(_ALONE)
        self._ask(EMPTY)
        if self._ask(_FACE) != self._face:
            self._drop_ours()

    def make_empty(self) -> tuple[str, str]:
        """The name and the address of a database without any migration."""
        name = f"empty_{uuid4().hex}"
        self._tell(f"create database {name}")
        return name, self._at(name)

    def _drop_ours(self) -> None:
        assert self._name is not None
        name, self._name = self._name, None
        self._open.pop(name).terminate()
        self.drop(name)

    def drop(self, name: str) -> None:
        self._tell(f"drop database {name} with (force)")

    def _at(self, name: str, user: str | None = None) -> str:
        where = urlsplit(self._url)
        if user is not None:
            where = where._replace(netloc=f"{user}@{where.netloc.rpartition('@')[2]}")
        return where._replace(path=f"/{name}").geturl()

    def _tell(self, statement: str) -> None:
        """What is done from outside of the test's database."""
        self._runner.run(self._asked(urlsplit(self._url).path.strip("/"), statement))

    def _ask(self, question: str) -> Any:
        """Inside of it; what it looks like without the rows of the last test, for one."""
        assert self._name is not None
        return self._runner.run(self._asked(self._name, question))

    async def _asked(self, name: str, statement: str) -> Any:
        """On a connection that stays open for as long as the server does: to a new one the catalog is
        unknown, which costs five times what these questions do.
        """
        found = self._open.get(name)
        if found is not None:
            with suppress(asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
                await found.fetchval("select 1")  # a test may have killed the server
                return await found.fetchval(statement)
        # A test that crashes the server must not undo what was done here.
        settings = {"synchronous_commit": "on"}
        self._open[name] = await asyncpg.connect(self._at(name), server_settings=settings)
        return await self._open[name].fetchval(statement)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """On a loop of its own that leaves the test's loop the current one."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work)
