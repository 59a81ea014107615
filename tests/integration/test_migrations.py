"""The migrations: applied once, in order, by whoever comes first; history that does not fit is refused."""

import asyncio

import asyncpg
import pytest

from schemas.errors import ConfigError
from storage import migrate as runner
from storage.pool import Database


async def test_a_second_run_applies_nothing(dsn: str) -> None:
    assert await runner.migrate(dsn) == []


async def test_services_accept_the_database_of_their_build(db: Database) -> None:
    await runner.check(db)


async def test_six_starters_apply_everything_once(empty_dsn: str) -> None:
    applied = await asyncio.gather(*(runner.migrate(empty_dsn) for _ in range(6)))
    names = [migration.name for migration in runner.load()]
    assert sorted(len(one) for one in applied) == [0, 0, 0, 0, 0, len(names)]
    assert [name for one in applied for name in one] == names


async def test_a_changed_file_is_refused(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("update leyden_migration set sha256 = 'other' where number = 1")
    await connection.close()
    with pytest.raises(ConfigError, match="was changed after"):
        await runner.migrate(dsn)


async def test_a_newer_database_is_refused(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("insert into leyden_migration values (9999, '9999_later.sql', 'x')")
    await connection.close()
    with pytest.raises(ConfigError, match="this build does not"):
        await runner.migrate(dsn)


async def test_a_database_that_is_behind_serves_nobody(empty_dsn: str) -> None:
    db = await Database.open(empty_dsn, role=None)
    with pytest.raises(ConfigError, match="run `leyden migrate`"):
        await runner.check(db)
    await db.close()


async def test_the_application_can_call_but_not_write(db: Database) -> None:
    for statement in (
        "update work.job set price = 0",
        "delete from ledger.transfer",
        "update ledger.account set balance = 1",
        "insert into work.member (user_id, caps, waiting_max) values (1, '{1,1,1,1,1}', 1)",
        "select work.close('{}', '{}', '{}')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(statement)
