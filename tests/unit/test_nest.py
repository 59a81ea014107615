"""Processes out of the nest are like any others."""

import asyncio
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.nest import NUMBER, REPOSITORY, Hatched, address, ask
from tests.nest.piped import Piped
from tests.support import wait_until

FOREVER = "import time; time.sleep(600)"
SAYS = """
import os, sys
print(os.environ["NAME"], os.getcwd(), file=sys.stderr)
print(sys.stdin.read() + "said")
sys.exit(7)
"""


def hatched(code: str, files: list[int] | None = None, **env: str) -> Hatched:
    return Hatched(*ask({"code": code, "cwd": "/", "env": env}, files or [0, 1, 2]))


async def test_it_has_its_files_its_folder_its_settings_and_its_exit_code(tmp_path: Path) -> None:
    with (
        (tmp_path / "out").open("w+") as out,
        (tmp_path / "log").open("w+") as log,
        Path("/dev/null").open() as nothing,
    ):
        process = hatched(SAYS, [one.fileno() for one in (nothing, out, log)], NAME="zoe")
        assert await process.wait() == 7
        assert process.returncode == 7
    assert (tmp_path / "out").read_text() == "said\n"
    assert (tmp_path / "log").read_text() == "zoe /\n"


def test_a_module_runs_as_python_would_run_it(tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = Hatched.run("json.tool", "--help", cwd=REPOSITORY, output=output)
    assert process.reap() == 0
    assert output.read_text().startswith("usage: python -m json.tool")


def test_kill_9_ends_it_and_its_end_says_so() -> None:
    process = hatched(FOREVER)
    assert process.reap(0.0) is None
    process.kill()
    assert process.reap() == -signal.SIGKILL
    process.kill()  # there is nobody any more


async def test_who_asked_for_it_and_is_gone_takes_it_along() -> None:
    line, pid = ask({"code": FOREVER, "cwd": "/", "env": {}}, [0, 1, 2])
    assert psutil.pid_exists(pid)
    line.close()
    await wait_until(lambda: not psutil.pid_exists(pid), 10, "it has ended")


def test_one_who_is_killed_while_asking_harms_nobody() -> None:
    process = hatched(FOREVER)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address())
        line.sendall(b"\0\0")
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address())
        line.sendall(NUMBER.pack(900) + b"{")
    assert hatched("raise SystemExit(3)").reap() == 3
    process.kill()


async def test_who_asks_for_its_end_does_not_take_it_from_who_waits() -> None:
    process = hatched(FOREVER)
    waiting = [asyncio.ensure_future(process.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    process.kill()
    assert process.reap() == -signal.SIGKILL
    async with asyncio.timeout(10):
        assert await asyncio.gather(*waiting) == [-signal.SIGKILL] * 2


def test_one_with_pipes_hears_speaks_and_is_waited_for() -> None:
    process = Piped("json.tool")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    assert process.returncode is None
    process.stdin.write('{"a": 1}')
    process.stdin.close()
    assert process.stdout.read() == '{\n    "a": 1\n}\n'
    assert process.wait(30) == 0
