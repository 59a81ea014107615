"""The life of an embedded stack inside one process."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio
from arq import create_pool
from arq.connections import RedisSettings
from redis import Redis

from ops.stack import StackHandle, open_stack
from schemas.errors import ConfigError, Unavailable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".leyden"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / ".leyden"


@pytest.fixture(scope="module")
def ours(home: Path) -> Iterator[StackHandle]:
    """One durable stack for all who only need one that runs; crashing its servers is allowed."""
    with open_stack(home) as stack:
        yield stack


async def _ask(stack: StackHandle, *statements: str) -> list[str]:
    """Each statement's first value, on one connection."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        return [str(await connection.fetchval(statement)) for statement in statements]
    finally:
        await connection.close()


def _redis(stack: StackHandle) -> "Redis":
    return Redis.from_url(stack.redis_url, decode_responses=True)


async def test_it_is_safe_against_crashes_and_reachable_by_sockets_only(ours: StackHandle) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
    assert await _ask(ours, *(f"show {name}" for name in names)) == ["on", "on", "on", ""]
    assert await _ask(ours, "show server_encoding", "show timezone") == ["UTF8", "UTC"]
    with _redis(ours) as client:
        told = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "save", "port")
    assert told == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
        "port": "0",
    }
    assert ours.owned
    assert ours.embedded
    assert ours.postgres_version is not None
    assert ours.redis_version is not None


async def test_text_sorts_alike_on_every_machine(ours: StackHandle) -> None:
    sorted_words = "select string_agg(w, '' order by w) from unnest('{b,a,B,я,А}'::text[]) w"
    upper = "select upper('привет')"
    assert await _ask(ours, sorted_words, upper) == ["BabАя", "ПРИВЕТ"]


async def test_a_closed_stack_keeps_its_data_and_removes_its_sockets(folder: Path) -> None:
    with open_stack(folder) as stack:
        await _ask(stack, "create table kept as select 42 as answer")
        with _redis(stack) as client:
            client.set("kept", "42")
        sockets = Path(stack.redis_url.removeprefix("unix://").partition("?")[0]).parent
        assert sockets.stat().st_mode & 0o777 == 0o700
        marks = stack.servers.marks()
    assert not sockets.exists()
    assert not (folder / "stack.json").exists()
    assert not any(mark.alive for mark in marks.values())

    with open_stack(folder) as stack:
        assert await _ask(stack, "select answer from kept") == ["42"]
        with _redis(stack) as client:
            assert client.get("kept") == "42"


async def test_the_second_to_open_attaches(ours: StackHandle, home: Path) -> None:
    with open_stack(home) as guest:
        assert not guest.owned
        assert guest.embedded
        assert (guest.database_url, guest.redis_url) == (ours.database_url, ours.redis_url)
        assert guest.postgres_version == ours.postgres_version
        assert guest.revive() == ()
        with pytest.raises(LookupError):
            _ = guest.servers
    assert await _ask(ours, "select 1") == ["1"]


async def test_what_died_is_started_again_where_guests_find_it(
    ours: StackHandle, home: Path
) -> None:
    assert ours.revive() == ()
    for mark in ours.servers.marks().values():
        mark.end((signal.SIGKILL, 10.0))
    assert ours.revive() == ("valkey", "postgres")
    with open_stack(home) as guest, _redis(guest) as client:
        assert not guest.owned
        assert guest.postgres_version == ours.postgres_version
        assert client.ping()
        assert await _ask(guest, "select 1") == ["1"]


async def test_two_folders_never_meet(ours: StackHandle, folder: Path) -> None:
    with open_stack(folder, durable=False) as other:
        assert ours.owned
        assert other.owned
        await _ask(ours, "create table only_here ()")
        assert await _ask(other, "select to_regclass('only_here') is null") == ["True"]
        with _redis(ours) as first, _redis(other) as second:
            first.set("only", "here")
            assert second.get("only") is None


async def test_a_crash_of_postgres_loses_no_acknowledged_commit(ours: StackHandle) -> None:
    await _ask(ours, "create table acked (writer int, number int)")
    acked: list[set[int]] = [set(), set(), set()]

    async def write(writer: int) -> None:
        connection = await asyncpg.connect(ours.database_url)
        while True:
            number = len(acked[writer])
            await connection.execute("insert into acked values ($1, $2)", writer, number)
            acked[writer].add(number)
            if writer == 0 and number == 100:
                ours.servers.postgres.crash()

    ends = await asyncio.gather(*(write(writer) for writer in range(3)), return_exceptions=True)
    lost = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
    assert all(isinstance(end, lost) for end in ends), ends
    ours.servers.postgres.start()

    connection = await asyncpg.connect(ours.database_url)
    rows = await connection.fetch("select writer, number from acked")
    await connection.close()
    kept = [{row["number"] for row in rows if row["writer"] == writer} for writer in range(3)]
    assert len(acked[0]) > 100
    assert all(mine <= theirs for mine, theirs in zip(acked, kept, strict=True))


def test_a_killed_valkey_loses_no_acknowledged_write(ours: StackHandle) -> None:
    with _redis(ours) as client:
        for number in range(500):
            client.rpush("acked", number)
    ours.servers.valkey.kill()
    ours.servers.valkey.start()
    with _redis(ours) as client:
        assert client.llen("acked") == 500


async def test_our_clients_take_the_urls(ours: StackHandle) -> None:
    async with redis.asyncio.Redis.from_url(ours.redis_url) as client:
        assert await client.ping()
    pool = await create_pool(RedisSettings.from_dsn(ours.redis_url))
    assert await pool.ping()
    await pool.aclose()
    other = ours.redis_url.replace("db=0", "db=3")
    assert RedisSettings.from_dsn(other).database == 3


def test_given_urls_are_used_untouched(folder: Path) -> None:
    with open_stack(folder, database_url="postgres://a/b", redis_url="redis://c/1") as stack:
        assert (stack.database_url, stack.redis_url) == ("postgres://a/b", "redis://c/1")
        assert not stack.owned
        assert not stack.embedded
    assert not folder.exists()


def test_only_the_missing_half_is_started(folder: Path) -> None:
    with open_stack(folder, database_url="postgres://a/b") as stack:
        assert stack.database_url == "postgres://a/b"
        assert stack.postgres_version is None
        assert stack.embedded
        with _redis(stack) as client:
            assert client.ping()
        with pytest.raises(LookupError):
            _ = stack.servers.postgres
        with pytest.raises(ConfigError, match="LEYDEN_DATABASE_URL"):
            open_stack(folder)
    assert not (folder / "postgres").exists()


def test_only_our_own_folder_gets_a_mode(tmp_path: Path) -> None:
    parent = tmp_path / "checkout"
    parent.mkdir()
    parent.chmod(0o755)
    with open_stack(parent / "deeper" / ".leyden", database_url="postgres://a/b"):
        assert (parent / "deeper" / ".leyden").stat().st_mode & 0o777 == 0o700
        assert parent.stat().st_mode & 0o777 == 0o755

    empty, lived_in = tmp_path / "empty", tmp_path / "lived_in"
    (lived_in / "photos").mkdir(parents=True)
    for existing in (empty, lived_in):
        existing.mkdir(exist_ok=True)
        existing.chmod(0o755)
        open_stack(existing, database_url="postgres://a/b").close()
    assert empty.stat().st_mode & 0o777 == 0o700
    assert lived_in.stat().st_mode & 0o777 == 0o755


def test_a_folder_that_everyone_can_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="LEYDEN_DATA_DIR: everyone can write"):
        open_stack(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(folder: Path) -> None:
    folder.write_text("not a folder")
    with pytest.raises(ConfigError, match="LEYDEN_DATA_DIR"):
        open_stack(folder)


def test_a_failed_start_says_why_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(Unavailable, match="work_mem") as caught:
        open_stack(folder, extra_postgres=["work_mem=a lot"])
    assert caught.value.facts["store"] == "postgres"
    assert not (folder / "stack.json").exists()
    with open_stack(folder, extra_postgres=["work_mem=8MB"]) as stack:
        assert stack.owned
        assert asyncio.run(_ask(stack, "show work_mem")) == ["8MB"]


def test_servers_are_born_in_the_main_thread_only(folder: Path) -> None:
    failures: list[BaseException] = []

    def attempt() -> None:
        try:
            open_stack(folder, database_url="postgres://a/b")
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert len(failures) == 1
    with open_stack(folder, database_url="postgres://a/b") as stack:
        assert stack.owned


async def test_half_made_data_is_made_anew(folder: Path) -> None:
    half = folder / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with open_stack(folder, durable=False) as stack:
        assert await _ask(stack, "select current_database()") == ["leyden"]
    assert not half.exists()


def test_data_of_a_version_that_is_not_here_is_refused(folder: Path) -> None:
    data = folder / "postgres"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("11\n")
    with pytest.raises(ConfigError, match="there is no PostgreSQL 11"):
        open_stack(folder)
