"""The door to Postgres: which troubles are a store that is away, and which are mistakes of ours."""

from typing import Any, cast

import asyncpg
import pytest

from schemas.errors import Unavailable
from storage.pool import Database

AWAY = {
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "25006": "read only: a standby, or a primary that was one until just now",
    "57P01": "shut down by its administrator",
    "40P01": "deadlock",
}


@pytest.mark.parametrize("code", AWAY, ids=AWAY.values())
async def test_a_server_in_trouble_is_unavailable(db: Database, code: str) -> None:
    raising = f"do $$ begin raise exception 'x' using errcode = '{code}'; end $$"
    with pytest.raises(Unavailable):
        await db.execute(raising)
    with pytest.raises(Unavailable):
        async with db.transaction() as transaction:
            await transaction.execute(raising)
    assert await db.fetchval("select 1") == 1


class Breaking:
    """A pool that hands out a connection which is just breaking: asyncpg loses its own place."""

    async def fetch(self, *_: object) -> None:
        message = "cannot switch to state 12; another operation (2) is in progress"
        raise asyncpg.InternalClientError(message)

    fetchrow = fetchval = execute = fetch


async def test_a_connection_that_breaks_while_it_is_handed_out_is_lost() -> None:
    db = Database(cast("Any", Breaking()))
    for call in (db.fetch, db.fetchrow, db.fetchval, db.execute):
        with pytest.raises(Unavailable):
            await call("select 1")


async def test_a_mistake_of_ours_is_no_trouble_of_the_server(db: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await db.fetchval("select 1 / 0")
