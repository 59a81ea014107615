"""Processes of our own without the seconds that importing the product costs each of them.

For one run of tests there is one nest: a process that has imported the product and pytest. Every process
asked for is forked from it and runs a module as `python -m` would, or the code of a process of pytest-xdist.
It is a process like any other: its own number, its own signals, kill -9 ends it and nothing of it is left.
"""

import asyncio
import atexit
import json
import os
import selectors
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

ADDRESS: Final = "TESTS_NEST"
"""The variable that names the socket of the nest; whoever is started by a run of tests inherits it."""
NUMBER: Final = struct.Struct("!i")
REPOSITORY: Final = Path(__file__).parent.parent.parent


class Hatched:
    """What is needed of a process: its number, its end, and signals in between."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self._line = line
        self._code: int | None = None
        self.pid = pid

    @classmethod
    def run(
        cls,
        module: str,
        *words: str,
        cwd: Path,
        log: Path | None = None,
        output: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Self:
        """Start `python -m module words`. Standard error is added to `log`, standard output to `output`."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        files = [os.open(os.devnull, os.O_RDONLY)]
        files += [os.open(file or os.devnull, flags, 0o600) for file in (output, log)]
        told = {"module": module, "words": words, "cwd": str(cwd), "env": dict(env or os.environ)}
        try:
            return cls(*ask(told, files))
        finally:
            for file in files:
                os.close(file)

    @property
    def returncode(self) -> int | None:
        """None while it lives; the number of the signal that ended it, negative."""
        return self.reap(0.0)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def reap(self, timeout_s: float | None = None) -> int | None:
        """Wait here, for those who have no loop. None: it lives on."""
        if self._code is None and self._is_told(timeout_s):
            (self._code,) = NUMBER.unpack(self._line.recv(NUMBER.size, socket.MSG_WAITALL))
            self._line.close()
        return self._code

    async def wait(self) -> int:
        """On a line of its own: who asks for the exit code meanwhile reads the other one and closes it."""
        if self.returncode is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            with self._line.dup() as line:
                loop.add_reader(line, ended.set)
                try:
                    await ended.wait()
                finally:
                    loop.remove_reader(line)
        code = self.returncode
        assert code is not None
        return code

    def _is_told(self, timeout_s: float | None) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._line, selectors.EVENT_READ)
            return bool(selector.select(timeout_s))


def ask(told: Mapping[str, Any], files: list[int]) -> tuple[socket.socket, int]:
    """Have a process forked that has `files` as its first three. The line to it tells its exit code, and
    when this end is closed it is killed.
    """
    line = socket.socket(socket.AF_UNIX)
    line.connect(address())
    body = json.dumps(told).encode()
    socket.send_fds(line, [NUMBER.pack(len(body))], files)
    line.sendall(body)
    (pid,) = NUMBER.unpack(line.recv(NUMBER.size, socket.MSG_WAITALL))
    return line, pid


def address() -> str:
    """Of the nest of this run of tests."""
    return os.environ.get(ADDRESS) or _own()


@contextmanager
def nest() -> Iterator[str]:
    """Keep one, at this address, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="leyden-nest-") as folder:
        place = str(Path(folder, "socket"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(place)
            listener.listen(socket.SOMAXCONN)
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.nest.server", str(listener.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
                cwd=REPOSITORY,
            )
        try:
            yield place
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def python_of_workers() -> str:
    """Instead of the interpreter of a process of pytest-xdist: takes the same words."""
    return shlex.join([sys.executable, "-I", "-S", str(Path(__file__).with_name("join.py"))])


@cache
def _own() -> str:
    """For a single process of pytest, for as long as it lives."""
    kept = ExitStack()
    atexit.register(kept.close)
    return kept.enter_context(nest())
