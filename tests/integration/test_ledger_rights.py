"""What the application may do to money (call functions, read) and what nobody may (rewrite history)."""

from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
import pytest_asyncio

from storage import ledger_reads
from storage.pool import APP_ROLE, Database
from tests.ledger_book import Book

TABLES = """
select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum = 2
 where c.relnamespace = 'ledger'::regnamespace and c.relkind = 'r'
"""
POST = "insert into ledger.transfer (owner, cur, seq, op, kind, house, amount, balance_after) "
INTERNAL = (
    "ledger.hold_jobs('{}', '{}', '{}', '{}', '{}')",
    "ledger.capture_jobs('{}', '{}')",
    "ledger.release_jobs('{}')",
    "ledger.hold_one(null, 1, 1::smallint, 1, '{1}', 'infinity')",
    "ledger.capture_one(null, 1)",
    "ledger.release_one(null, 'released')",
    "ledger.draw_lots(1, 1::smallint, 1)",
    "ledger.post_captures('{}')",
    "ledger.lock_wallets(1, '{1}')",
)
DAMAGES = (
    "update ledger.account set held = balance + 1",
    "update ledger.account set balance = -1",
    "update ledger.account set bonus = balance + 1",
    "update ledger.account set bought = balance + 1",
    "insert into ledger.hold (id, owner, cur, amount, app) values (gen_random_uuid(), 1, 1, 0, 1)",
    POST + "values (1, 1, 9, gen_random_uuid(), 'capture', 'revenue', 5, 5)",
    POST + "values (1, 1, 9, gen_random_uuid(), 'adjust', 'adjust', 5, 5)",
    POST + "select 1, 1, 9, op, 'grant', 'promo', 5, 5 from ledger.transfer",
)
TOO_WIDE = (
    ("grant update on ledger.account to leyden_app", "may update ledger.account"),
    ("grant delete on ledger.transfer to leyden_app", "may delete ledger.transfer"),
    ("grant execute on function ledger.draw_lots to leyden_app", "may call ledger.draw_lots"),
    ("grant create on schema ledger to leyden_app", "may create objects in schema ledger"),
    (
        "alter table ledger.transfer disable trigger transfer_append_only",
        "transfer_append_only is off",
    ),
    ("drop trigger rate_append_only on ledger.rate", "rate_append_only is off"),
    (
        "alter function work.cancel reset search_path",
        "work.cancel(uuid,bigint) runs as its owner and looks where its caller says",
    ),
)


class Undone(Exception):
    """Ends a transaction that was only to be tried."""


@pytest_asyncio.fixture
async def owner(dsn: str) -> AsyncIterator[Database]:
    db = await Database.open(dsn, role=None, size=2)
    await Book(db).fund(1, 100)
    yield db
    await db.close()


async def refused(db: Database, statement: str, why: type[asyncpg.PostgresError]) -> str:
    """The SQLSTATE."""
    try:
        await db.execute(statement)
    except why as error:
        return str(error.sqlstate)
    pytest.fail(f"it was done: {statement}")


async def test_the_application_reads_but_never_writes_a_table(
    db: Database, owner: Database
) -> None:
    tables = await owner.fetch(TABLES)
    assert len(tables) >= 12
    for table, column in tables:
        await db.fetch(f"select * from ledger.{table}")
        for statement in (
            f"insert into ledger.{table} default values",
            f"delete from ledger.{table}",
            f"truncate ledger.{table}",
            f"update ledger.{table} set {column} = {column}",
        ):
            await refused(db, statement, asyncpg.InsufficientPrivilegeError)


async def test_the_application_cannot_call_what_only_jobs_call(db: Database) -> None:
    for call in INTERNAL:
        await refused(db, f"select {call}", asyncpg.InsufficientPrivilegeError)


async def test_not_even_the_owner_rewrites_history(owner: Database) -> None:
    for table in ("transfer", "rate", "price_list"):
        for change in ("update {} set at = at", "delete from {}", "truncate {}"):
            statement = change.format(f"ledger.{table}")
            assert await refused(owner, statement, asyncpg.PostgresError) == "LG002"


async def test_a_rate_that_pumps_is_refused_to_the_owner_too(owner: Database) -> None:
    pump = "insert into ledger.rate (src, dst, rate, set_by) values (1, 2, 1.0001, 'owner')"
    assert await refused(owner, pump, asyncpg.PostgresError) == "LG003"


async def test_a_bad_state_cannot_be_written_down(owner: Database) -> None:
    for damage in DAMAGES:
        await refused(owner, damage, asyncpg.IntegrityConstraintViolationError)


async def test_the_check_of_rights_finds_nothing_here(db: Database) -> None:
    assert await ledger_reads.rights_too_wide(db, APP_ROLE) == []


async def test_the_check_of_rights_sees_what_is_too_wide(owner: Database) -> None:
    for change, found in TOO_WIDE:
        with suppress(Undone):
            async with owner.transaction() as transaction:
                await transaction.execute(change)
                (row,) = await transaction.fetch(
                    "select what from ledger.rights_too_wide($1)", APP_ROLE
                )
                assert found in row["what"]
                raise Undone


async def test_what_the_application_makes_is_never_taken_for_ours(
    db: Database, owner: Database
) -> None:
    """A temporary type has the right of way over the built-in one of its name, and its check is a
    function: it would run as the owner of the money.
    """
    async with db.transaction() as session:
        await session.execute(
            "create function pg_temp.steal() returns boolean language plpgsql as $$ begin "
            "if current_user <> 'leyden_app' then update ledger.account set balance = balance + 1; "
            "end if; return true; end $$"
        )
        await session.execute(
            "create domain pg_temp.timestamptz as pg_catalog.timestamptz check (pg_temp.steal())"
        )
        await session.execute(
            "select ledger.credit(gen_random_uuid(), 2, 1::smallint, 100, 'bonus')"
        )
    assert await owner.fetchval("select array_agg(balance) from ledger.account") == [100, 100]
