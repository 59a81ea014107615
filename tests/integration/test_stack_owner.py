"""Several processes on one data folder: who owns, who attaches, and what follows a sudden death."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis import Redis

from ops.stack import open_stack
from ops.stack.claim import Claim, Record
from ops.stack.folders import DataFolder
from ops.stack.processes import Mark, poll, spawn, this_process
from tests.support import wait_until

REPOSITORY = Path(__file__).parents[2]
HOLDER = """
import sys
from pathlib import Path
from ops.base.logs import configure
from ops.stack import open_stack
configure()
with open_stack(Path(sys.argv[1])) as stack:
    print("owned" if stack.owned else "attached", stack.redis_url, flush=True)
    sys.stdin.read()
"""

IS_BUSY = "select count(*) from pg_stat_activity where query like 'do %' and state = 'active'"
BUSY_FOR_A_SECOND = """do $$ declare start timestamptz := clock_timestamp(); begin
    while clock_timestamp() < start + interval '1 s' loop end loop; end $$"""


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder.prepare(tmp_path / ".leyden")


@contextmanager
def _holder(folder: DataFolder) -> Iterator[subprocess.Popen[str]]:
    """A command that opens the stack, says how, and keeps it until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=REPOSITORY,
    ) as process:  # leaving closes its input
        yield process


def _said(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def _record(folder: DataFolder) -> Record:
    record = Record.read(folder.record)
    assert record is not None
    return record


async def _execute(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere servers outlive their owner")
async def test_servers_follow_a_killed_owner_and_the_next_recovers(folder: DataFolder) -> None:
    with _holder(folder) as owner:
        assert _said(owner)[0] == "owned"
        record = _record(folder)
        await _execute(record.urls["postgres"], "create table kept as select 42 as answer")
        with Redis.from_url(record.urls["valkey"]) as client:
            client.set("kept", "42")
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
    await wait_until(
        lambda: not any(mark.alive for mark in record.servers.values()), 20, "servers are gone"
    )
    assert "aborted" not in folder.log("postgres").read_text()
    assert folder.record.exists()

    with open_stack(folder.root) as stack:
        assert stack.owned
        assert stack.database_url == record.urls["postgres"], "guests find the servers again"
        assert await _execute(stack.database_url, "select answer from kept") == 42
        with Redis.from_url(stack.redis_url) as client:
            assert client.get("kept") == b"42"


async def test_servers_that_outlived_their_owner_are_ended_first(folder: DataFolder) -> None:
    """Where the kernel does not tell servers that their owner died, the next owner does."""
    left = spawn(["/bin/sleep", "600"], log_path=folder.log("left"))
    mark = Mark.of(left.pid)
    assert mark is not None
    _leave_record(folder, servers={"valkey": mark})
    with open_stack(folder.root, database_url="postgres://a/b") as stack:
        assert stack.owned
        assert left.wait() == -signal.SIGTERM


def test_a_number_used_again_is_nobody_we_know(folder: DataFolder) -> None:
    stranger = spawn(["/bin/sleep", "600"], log_path=folder.log("stranger"))
    try:
        _leave_record(folder, servers={"valkey": Mark(stranger.pid, "another birth")})
        with open_stack(folder.root, database_url="postgres://a/b") as stack:
            assert stack.owned
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_server_lock_with_a_number_used_again_does_not_stop_the_start(
    folder: DataFolder,
) -> None:
    open_stack(folder.root, redis_url="redis://c/1", durable=False).close()
    stranger = spawn(["/bin/sleep", "600"], log_path=folder.log("stranger"))
    try:
        lines = [str(stranger.pid), str(folder.postgres), "0", "5432", "", "", " 0 0", "ready"]
        (folder.postgres / "postmaster.pid").write_text("\n".join(lines) + "\n")
        with open_stack(folder.root, redis_url="redis://c/1") as stack:
            assert await _execute(stack.database_url, "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_postgres_killed_hard_starts_again_beside_its_dying_children(
    folder: DataFolder,
) -> None:
    with open_stack(folder.root, redis_url="redis://c/1") as stack:
        mark = stack.servers.postgres.mark
        assert mark is not None

        async def be_too_busy_to_notice() -> None:
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await _execute(stack.database_url, BUSY_FOR_A_SECOND)

        async def kill_and_start() -> None:
            await wait_until(lambda: _execute(stack.database_url, IS_BUSY), 10, "it is busy")
            os.kill(mark.pid, signal.SIGKILL)
            await wait_until(lambda: not stack.servers.postgres.running, 10, "postgres is dead")
            stack.servers.postgres.start()

        await asyncio.gather(be_too_busy_to_notice(), kill_and_start())
        assert "still in use" in folder.log("postgres").read_text(), "it was that case"
        assert await _execute(stack.database_url, "select 1") == 1


def test_of_many_at_once_one_owns_and_all_are_served(folder: DataFolder) -> None:
    with ExitStack() as opened:
        holders = [opened.enter_context(_holder(folder)) for _ in range(4)]
        said = [_said(holder) for holder in holders]
        assert sorted(how for how, _ in said) == ["attached", "attached", "attached", "owned"]
        assert len({url for _, url in said}) == 1


def test_a_guest_waits_for_an_owner_that_is_still_starting(folder: DataFolder) -> None:
    claim = Claim.take(folder.lock)
    assert claim is not None
    _leave_record(folder, servers={})  # of the owner before, which is dead
    with _holder(folder) as guest:
        with pytest.raises(subprocess.TimeoutExpired):
            guest.wait(timeout=2)
        claim.release()
        assert _said(guest)[0] == "owned"


def test_an_owner_that_ends_well_is_followed_by_a_guest_that_comes_later(
    folder: DataFolder,
) -> None:
    with _holder(folder) as owner:
        assert _said(owner)[0] == "owned"
        assert owner.stdin is not None
        owner.stdin.close()
        with _holder(folder) as next_one:
            assert _said(next_one)[0] == "owned"
        assert owner.wait() == 0


def test_an_unreadable_record_is_no_obstacle(folder: DataFolder) -> None:
    for content in ("", "{", json.dumps({"owner": 1})):
        folder.record.write_text(content)
        with open_stack(folder.root, database_url="postgres://a/b") as stack:
            assert stack.owned


def test_a_key_pressed_in_the_terminal_does_not_reach_the_servers(folder: DataFolder) -> None:
    with open_stack(folder.root, durable=False) as stack:
        sessions = {os.getsid(mark.pid) for mark in stack.servers.marks().values()}
        assert os.getsid(0) not in sessions
        assert len(sessions) == 2


def test_a_mark_is_one_process_for_ever() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = Mark.of(child.pid)
    assert mark is not None
    assert mark.alive
    assert mark == Mark.of(child.pid)
    assert mark != this_process()
    child.kill()
    assert mark.end((signal.SIGKILL, 10.0)), "a zombie counts as gone"
    child.communicate()
    assert Mark.of(child.pid) is None


FIRST_THREAD_ENDS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it so")
def test_a_process_whose_first_thread_has_ended_is_not_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", FIRST_THREAD_ENDS])
    mark = Mark.of(child.pid)
    assert mark is not None
    assert poll(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE, timeout_s=30)
    assert mark.alive
    assert child.poll() is None
    assert mark.end((signal.SIGKILL, 10.0))
    assert child.wait(10) == -signal.SIGKILL


def _leave_record(folder: DataFolder, *, servers: dict[str, Mark]) -> None:
    """What an owner that died leaves behind."""
    Record(
        owner=Mark(os.getpid(), "another birth"),
        ready=True,
        sockets=folder.root / "gone",
        servers=servers,
        urls={"postgres": "postgres://gone/gone", "valkey": "unix:///gone"},
        versions={"postgres": "18", "valkey": "9"},
    ).write(folder.record)
