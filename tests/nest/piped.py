"""A hatched process as `subprocess.Popen` would show it, with pipes: what a handle of ours is made of."""

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tests.nest import Hatched, ask

if TYPE_CHECKING:
    from subprocess import Popen


class Piped:
    """`python -m module words`, its standard input and output at our end, its standard error is ours."""

    def __init__(self, module: str, *words: str) -> None:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        told = {"module": module, "words": words, "cwd": str(Path.cwd()), "env": dict(os.environ)}
        self._process = Hatched(*ask(told, [theirs_in, theirs_out, 2]))
        for end in (theirs_in, theirs_out):
            os.close(end)
        self.stdin = os.fdopen(ours_in, "w")
        self.stdout = os.fdopen(ours_out)
        self.pid = self._process.pid
        self.kill = self._process.kill

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        code = self._process.reap(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(["python"], timeout or 0.0)
        return code


def start_sandbox(host: str, port: int, journal: Path) -> "tuple[Popen[str], str]":
    """In place of the start of an interpreter: the process, and the address that it says."""
    words = ("--host", host, "--port", str(port), "--journal", str(journal))
    child = Piped("ops.sandbox", *words)
    return cast("Popen[str]", child), child.stdout.readline().strip()
