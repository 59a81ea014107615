"""Child processes: answers, caps, deaths, cancellation, and nothing left behind by a killed
parent.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from ops.base.children import (
    MIB,
    ChildDied,
    ChildOutOfMemory,
    Children,
    ChildTimeout,
    Profile,
)
from schemas.errors import InvalidInput
from storage.media import facts_of
from tests.child_calls import (
    add,
    announce_and_ignore_signals,
    announce_and_sleep,
    die,
    eat_memory,
    pid_of_child,
    print_and_count,
    raise_unpicklable,
    refuse,
)
from tests.support import wait_until

SMALL = Profile("small", 300 * MIB, 5.0, 3)


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    pool = Children(SMALL, slots=2)
    yield pool
    await pool.close()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_answers_come_back_and_a_child_is_used_again(children: Children) -> None:
    assert await children.run(add, 2, 3) == 5
    first = await children.run(pid_of_child)
    assert first != os.getpid()
    assert await children.run(pid_of_child) == first


async def test_a_child_is_replaced_after_its_share_of_calls(children: Children) -> None:
    pids = [await children.run(pid_of_child) for _ in range(SMALL.calls_max + 1)]
    assert len(set(pids[:-1])) == 1
    assert pids[-1] != pids[0]


async def test_a_child_knows_nothing_of_the_product_or_its_settings(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEYDEN_MASTER_KEY", "secret")
    assert (await children.run(facts_of, b"a text")).pages == 1
    loaded = await children.run(eval, "sorted(__import__('sys').modules)")
    assert "storage.media" in loaded
    assert not {"asyncio", "asyncpg", "redis", "fastapi", "pydantic", "pytest"} & set(loaded)
    assert "LEYDEN_MASTER_KEY" not in await children.run(eval, "dict(__import__('os').environ)")


async def test_an_error_of_ours_keeps_its_class_code_and_facts(children: Children) -> None:
    with pytest.raises(InvalidInput) as caught:
        await children.run(refuse)
    assert (caught.value.code, caught.value.facts) == ("wrong_file_type", {"media_type": "x/y"})
    assert await children.run(add, 1, 1) == 2


async def test_an_error_that_cannot_travel_is_told_in_words(children: Children) -> None:
    with pytest.raises(RuntimeError, match="Unpicklable: 1 and 2"):
        await children.run(raise_unpicklable)


async def test_the_time_cap_ends_a_child_that_listens_to_nothing(
    children: Children, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    assert await children.run(add, 1, 1) == 2  # it is there and has imported what it needs
    with pytest.raises(ChildTimeout) as caught:
        await children.run(announce_and_ignore_signals, str(note), timeout_s=1.5)
    assert caught.value.facts == {"timeout_s": 1.5}
    await wait_until(lambda: gone(int(note.read_text())), 10, "the child has gone")
    assert await children.run(add, 1, 1) == 2


async def test_the_memory_cap_is_an_error_and_not_a_death(children: Children) -> None:
    if sys.platform != "linux":
        pytest.skip("RLIMIT_AS is enforced on Linux only")
    with pytest.raises(ChildOutOfMemory):
        await children.run(eat_memory)
    assert await children.run(add, 1, 1) == 2


async def test_a_crash_is_reported_and_the_next_call_gets_a_new_child(children: Children) -> None:
    with pytest.raises(ChildDied) as caught:
        await children.run(die)
    assert caught.value.facts == {"exit_code": -signal.SIGSEGV}
    assert await children.run(add, 1, 1) == 2


async def test_the_death_of_an_idle_child_costs_nothing(children: Children) -> None:
    pid = await children.run(pid_of_child)
    os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: not children.pids(), 10, "the death of the idle child is known")
    assert await children.run(pid_of_child) != pid


async def test_cancelling_the_caller_ends_the_work(children: Children, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    async with asyncio.TaskGroup() as group:
        task = group.create_task(children.run(announce_and_sleep, str(note)))
        await wait_until(lambda: note.exists() and bool(note.read_text()), 20, "the child started")
        task.cancel()
    await wait_until(lambda: gone(int(note.read_text())), 10, "the child has gone")
    assert task.cancelled()
    assert await children.run(add, 1, 1) == 2


async def test_progress_arrives_and_prints_do_not_disturb(children: Children) -> None:
    seen: list[float] = []
    answer = await children.run(print_and_count, 4, on_progress=seen.append)
    assert len(answer) == 8 * MIB
    assert seen == [0.25, 0.5, 0.75, 1.0]


async def test_more_calls_than_slots_all_get_their_answer(children: Children) -> None:
    answers = await asyncio.gather(*(children.run(add, n, n) for n in range(12)))
    assert answers == [2 * n for n in range(12)]
    assert len(children.pids()) <= 2


async def test_a_local_function_is_refused_before_anything_starts(children: Children) -> None:
    with pytest.raises(ValueError, match="importable module"):
        await children.run(lambda: 1)
    assert children.pids() == ()


async def test_close_ends_calls_in_flight(tmp_path: Path) -> None:
    pool = Children(SMALL)
    note = tmp_path / "pid"

    async def caller() -> str:
        with pytest.raises(ChildDied):
            await pool.run(announce_and_sleep, str(note))
        return "told"

    async with asyncio.TaskGroup() as group:
        task = group.create_task(caller())
        await wait_until(lambda: note.exists() and bool(note.read_text()), 20, "the child started")
        await pool.close()
    assert task.result() == "told"
    with pytest.raises(RuntimeError, match="closed"):
        await pool.run(add, 1, 1)


PARENT = """
import asyncio, sys
from ops.base.children import Children, DECODE
from tests.child_calls import announce_and_ignore_signals, add

async def main():
    pool = Children(DECODE, slots=2)
    await asyncio.gather(pool.run(add, 1, 1), pool.run(add, 2, 2))
    print(*pool.pids(), flush=True)
    await pool.run(announce_and_ignore_signals, sys.argv[1])

asyncio.run(main())
"""


async def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(note)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    await wait_until(lambda: note.exists() and bool(note.read_text()), 20, "a child is busy")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert len(pids) == 2
    for pid in pids:
        await wait_until(partial(gone, pid), 10, "no orphan is left")
