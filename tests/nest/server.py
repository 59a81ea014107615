"""The nest itself: `python -m tests.nest.server <number of its listening socket>`.

It lives as long as its standard input is open; what was forked from it is killed when it ends, or when who
asked for it has closed the line.
"""

import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, Final

import pytest
from hypothesis.strategies import text

from ops.base import garbage
from tests.nest import ADDRESS, NUMBER, REPOSITORY

PRELOAD: Final = (
    "hypothesis",
    "pytest",
    "_pytest.assertion.rewrite",
    "ops.cli.main",
    "ops.sandbox.server",
    "ops.stack",
    "producers.api.app",
    "producers.bot.program",
    "tests.nest.warm",
    "tests.ring",
    "workers.delivery.office",
    "workers.process",
    "workers.providers.kie.adapter",
    "workers.providers.local.adapter",
    "workers.providers.openai.adapter",
    "workers.providers.openrouter.adapter",
    "workers.suspect",
)


@dataclass
class Nest:
    """`lines` by the number of the process whose end each of them is told."""

    listener: socket.socket
    lines: dict[int, socket.socket] = field(default_factory=dict)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def serve(self) -> dict[str, Any]:
        """Returns in a process that was forked, with what it was told to be."""
        heard, wake = socket.socketpair()
        for end in (heard, wake):
            end.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks will say when it is over
        for file in (self.listener, heard, sys.stdin):
            self.selector.register(file, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is sys.stdin:
                    self._end()
                elif key.fileobj is heard:
                    heard.recv(4096)
                    self._reap()
                elif key.fileobj is self.listener:
                    line, _ = self.listener.accept()
                    if (told := self._fork(line)) is not None:
                        heard.close()
                        wake.close()
                        return told
                elif key.data in self.lines:
                    os.kill(key.data, signal.SIGKILL)
                    self.selector.unregister(key.fileobj)

    def _fork(self, line: socket.socket) -> dict[str, Any] | None:
        """None in the nest, also for one who was killed while asking."""
        head, files, _, _ = socket.recv_fds(line, NUMBER.size, 3)
        size = NUMBER.unpack(head)[0] if len(head) == NUMBER.size else 0
        body = line.recv(size, socket.MSG_WAITALL)
        if not body or len(body) < size:
            line.close()
            return None
        told: dict[str, Any] = json.loads(body)
        pid = os.fork()
        if pid == 0:
            self._leave(line, files)
            return told
        for file in files:
            os.close(file)
        line.sendall(NUMBER.pack(pid))
        self.lines[pid] = line
        self.selector.register(line, selectors.EVENT_READ, pid)
        return None

    def _leave(self, line: socket.socket, files: list[int]) -> None:
        """In the new process: keep nothing of the nest but what it has imported."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.selector.close()
        for one in (self.listener, line, *self.lines.values()):
            one.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                line = self.lines.pop(ended[0])
                with suppress(KeyError):
                    self.selector.unregister(line)
                with suppress(OSError):
                    line.sendall(NUMBER.pack(os.waitstatus_to_exitcode(ended[1])))
                line.close()

    def _end(self) -> None:
        for pid in self.lines:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)


def live(told: dict[str, Any]) -> None:
    """Be that process until it ends."""
    os.environ.clear()
    os.environ.update(told["env"])
    os.chdir(told["cwd"])
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering=1, closefd=False)  # noqa: SIM115 (until it ends)
        for number, mode in enumerate("rww")
    )
    if "module" in told:
        sys.argv = [told["module"], *told["words"]]
        runpy.run_module(told["module"], run_name="__main__", alter_sys=True)
        return
    sys.argv = ["-c"]
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(told["code"], main.__dict__)


def preload() -> None:
    """What is there by now is never looked at by the collector again, so that its pages stay shared."""
    garbage.ease()
    for name in PRELOAD:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def rewrite() -> None:
    """In a new clone pytest compiles its asserts first, and hypothesis its table of characters, which both
    are kept in files: once here, or each process of theirs would.
    """
    if sys.dont_write_bytecode or any(
        (REPOSITORY / "tests" / "unit" / "__pycache__").glob("*-pytest-*.pyc")
    ):
        return
    pids = []
    for task in (partial(pytest.main, ["--collect-only", "-qq", "-n", "0"]), text().validate):
        if (pid := os.fork()) == 0:
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(nothing, number)
            os.environ.pop(ADDRESS, None)
            task()
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)


if __name__ == "__main__":
    preload()
    rewrite()
    live(Nest(socket.socket(fileno=int(sys.argv[1]))).serve())
