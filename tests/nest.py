"""Processes of our own without the second that importing the product costs each of them.

One server for each pytest process has imported the product once; every process asked for is forked from
it and runs a module as `python -m` would. It is a process like any other: its own number, its own
signals, kill -9 ends it and nothing of it is left.
"""

import asyncio
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.forkserver import set_forkserver_preload
from pathlib import Path
from typing import Self

PRELOAD = (
    "ops.cli.main",
    "ops.sandbox.app",
    "producers.api.app",
    "producers.bot.program",
    "tests.nest",
    "tests.ring",
    "workers.process",
    "workers.suspect",
    "tests.warm",
)
_CONTEXT = ForkServerContext()


class Hatched:
    """What is needed of a process: its number, its end, and signals in between."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @classmethod
    def run(
        cls,
        module: str,
        *words: str,
        cwd: Path,
        log: Path | None = None,
        output: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> Self:
        """Start `python -m module words`. Standard error is added to `log`, standard output to `output`."""
        set_forkserver_preload(list(PRELOAD))
        told = (module, words, cwd, output, log, env)
        process = _CONTEXT.Process(target=live, args=told, daemon=True)
        process.start()
        return cls(process)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it lives; the number of the signal that ended it, negative."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def reap(self, timeout_s: float | None = None) -> int | None:
        """Wait here, for those who have no loop. None: it lives on."""
        self._process.join(timeout_s)
        return self.returncode

    async def wait(self) -> int:
        if self.returncode is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(self._process.sentinel, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._process.sentinel)
        code = self.returncode
        assert code is not None
        return code


def live(
    module: str,
    words: Sequence[str],
    cwd: Path,
    output: Path | None,
    log: Path | None,
    env: dict[str, str] | None,
) -> None:
    """The life of one of them. Its exit code is the module's."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in ((1, output), (2, log)):
        os.dup2(os.open(file or os.devnull, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), number)
    if env is not None:
        os.environ.clear()
        os.environ.update(env)
    os.chdir(cwd)
    sys.argv = [module, *words]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
