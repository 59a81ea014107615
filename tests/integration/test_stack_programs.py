"""Where the server programs come from, and what is said when there are none."""

from functools import partial
from pathlib import Path

import asyncpg
import pytest
from redis import Redis

from ops.stack import binaries, open_stack, owner, tenancy
from ops.stack.binaries import find_postgres, find_valkey
from schemas.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the only one programs are looked for in."""
    only = tmp_path / "bin"
    only.mkdir()
    monkeypatch.setenv("PATH", str(only))
    monkeypatch.setattr(binaries, "POSTGRES_PLACES", ())
    return only


def _program(path: Path, *, says: str) -> None:
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_the_wheels_come_first() -> None:
    assert find_postgres().version.startswith("18.")
    assert find_valkey().product == "Valkey"
    assert find_valkey().version.startswith("9.")


async def test_an_installed_postgres_serves_where_there_is_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        installed = find_postgres(wheel=False)
    except ConfigError as error:
        pytest.skip(str(error))
    monkeypatch.setattr(tenancy, "find_postgres", partial(find_postgres, wheel=False))
    with open_stack(tmp_path / ".leyden", redis_url="redis://c/1", durable=False) as stack:
        assert stack.postgres_version == installed.version
        connection = await asyncpg.connect(stack.database_url)
        assert await connection.fetchval("show server_encoding") == "UTF8"
        await connection.close()
    with pytest.MonkeyPatch.context() as back:
        back.setattr(tenancy, "find_postgres", find_postgres)
        with open_stack(tmp_path / ".leyden", redis_url="redis://c/1") as stack:
            assert stack.postgres_version == installed.version, "the data decides, not the wheel"


def test_an_installed_valkey_serves_where_there_is_no_wheel(
    tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path / "valkey-server").symlink_to(find_valkey().server)
    monkeypatch.setattr(owner, "find_valkey", partial(find_valkey, wheel=False))
    with (
        open_stack(tmp_path / ".leyden", database_url="postgres://a/b") as stack,
        Redis.from_url(stack.redis_url) as client,
    ):
        assert client.ping()
    assert find_valkey(wheel=False).server == path / "valkey-server"


def test_nothing_installed_names_what_to_install(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"LEYDEN_DATABASE_URL: .* PostgreSQL >= 15 .* install"):
        find_postgres(wheel=False)
    with pytest.raises(ConfigError, match=r"LEYDEN_REDIS_URL: .* Redis >= 7 .* install"):
        find_valkey(wheel=False)


@pytest.mark.parametrize(
    ("program", "says", "taken"),
    [
        ("redis-server", "Redis server v=6.2.14 sha=00000000:0 malloc=libc", False),
        ("redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=libc", True),
        ("valkey-server", "Valkey server v=7.2.4 sha=00000000:0 malloc=libc", False),
        ("valkey-server", "Valkey server v=8.0.1-rc1 sha=00000000:0 malloc=libc", True),
    ],
)
def test_an_old_server_is_not_taken(path: Path, program: str, says: str, taken: bool) -> None:
    _program(path / program, says=says)
    if taken:
        assert find_valkey(wheel=False).version in says
        return
    with pytest.raises(ConfigError, match="found only"):
        find_valkey(wheel=False)


@pytest.mark.parametrize(
    ("says", "taken"),
    [
        ("postgres (PostgreSQL) 14.19 (Debian 14.19-1)", False),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", True),
        ("postgres (PostgreSQL) 19beta1", True),
    ],
)
def test_an_old_postgres_is_not_taken(path: Path, says: str, taken: bool) -> None:
    _program(path / "postgres", says=says)
    _program(path / "initdb", says=says.replace("postgres", "initdb", 1))
    if taken:
        assert find_postgres(wheel=False).folder == path
        return
    with pytest.raises(ConfigError, match=r"found only 14\.19"):
        find_postgres(wheel=False)


def test_a_postgres_that_cannot_make_data_is_not_taken(path: Path) -> None:
    _program(path / "postgres", says="postgres (PostgreSQL) 17.1")
    with pytest.raises(ConfigError):
        find_postgres(wheel=False)
