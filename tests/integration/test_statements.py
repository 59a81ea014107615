"""Every SQL constant of the product is prepared against the migrated schema: a typo never reaches a user."""

import importlib
import pkgutil
import re

import asyncpg

import storage

SQL = re.compile(r"^\s*(?:--[^\n]*\n\s*)*(?:select|insert|update|delete|with)\s", re.IGNORECASE)


def statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for info in pkgutil.walk_packages(storage.__path__, "storage."):
        module = importlib.import_module(info.name)
        found |= {
            f"{info.name}.{name}": value
            for name, value in vars(module).items()
            if isinstance(value, str) and SQL.match(value)
        }
    return found


async def test_every_statement_prepares(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    wrong = {}
    for name, sql in statements().items():
        try:
            await connection.prepare(sql)
        except asyncpg.PostgresError as error:
            wrong[name] = str(error)
    await connection.close()
    assert len(statements()) > 50
    assert wrong == {}
