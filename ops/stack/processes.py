"""Starting, recognising and ending processes.

A pid alone is never believed: numbers are used again. A `Mark` is a pid with the moment its
process was born, and only a process that matches both is the one that was meant.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from ops.base.clock import monotonic_s

POLL_S = 0.01
LOG_SIZE_MAX_BYTES = 10 * 1024 * 1024
LAST_WORDS_SIZE_BYTES = 1500

# Nothing of our own environment reaches a server: neither secrets nor a locale it cannot set.
SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Mark:
    """One process, for ever. `born` is comparable only between marks of this machine."""

    pid: int
    born: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The mark of the process that has `pid` now; None when there is none, or a zombie."""
        born = _born(pid)
        return None if born is None else cls(pid, born)

    @property
    def alive(self) -> bool:
        return _born(self.pid) == self.born

    def send(self, number: signal.Signals) -> None:
        """Signal this very process; nothing when it is gone."""
        if not self.alive:
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def end(self, *steps: tuple[signal.Signals, float]) -> bool:
        """Send each signal in turn until the process is gone, waiting so many seconds for each."""
        for number, patience_s in steps:
            self.send(number)
            if poll(lambda: not self.alive, timeout_s=patience_s):
                return True
        return not self.alive


def this_process() -> Mark:
    pid = os.getpid()
    return Mark(pid, _born(pid) or "")


def spawn(command: Sequence[str], *, log_path: Path) -> subprocess.Popen[bytes]:
    """Start a server whose output is appended to `log_path` (0600).

    It gets a session of its own, so that Ctrl-C in a terminal reaches us and not the stores we
    still need to finish our work. Raises RuntimeError outside the main thread: the kernel
    signals a server when the *thread* that started it ends.
    """
    if threading.current_thread() is not threading.main_thread():
        msg = "servers are started from the main thread, they would end with any other"
        raise RuntimeError(msg)
    with open(log_path, "ab", opener=_private) as log:
        return subprocess.Popen(  # noqa: S603 (no shell, no outside words)
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=SERVER_ENVIRONMENT,
            start_new_session=True,
        )


def run(command: Sequence[str | Path], *, timeout_s: float, script: str = "") -> tuple[int, str]:
    """Run to the end with `script` as its input; answers exit code and everything it said.

    A command that takes too long is killed, and answers -1.
    """
    try:
        done = subprocess.run(  # noqa: S603 (no shell, no outside words)
            command,
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env=SERVER_ENVIRONMENT,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return -1, str(error)
    return done.returncode, done.stdout


def poll(met: Callable[[], bool], *, timeout_s: float) -> bool:
    """Look every 10 ms until `met`; False when the time is over first."""
    until_s = monotonic_s() + timeout_s
    while not met():
        if monotonic_s() >= until_s:
            return False
        time.sleep(POLL_S)
    return True


def last_words(log_path: Path, *, start_bytes: int) -> str:
    """What was written to a log after its first `start_bytes`, the end of it, for an error."""
    said = log_path.read_bytes()[start_bytes:]
    return said[-LAST_WORDS_SIZE_BYTES:].decode(errors="replace").strip()


def rotate(log_path: Path) -> None:
    """Keep one old log, so that a data folder used for years does not fill the disk."""
    if log_path.exists() and log_path.stat().st_size > LOG_SIZE_MAX_BYTES:
        log_path.replace(log_path.with_suffix(".old.log"))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _born(pid: int) -> str | None:
    if sys.platform == "linux":
        return _born_on_linux(pid)
    try:
        process = psutil.Process(pid)
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return None if zombie else f"{process.create_time():.6f}"
    except psutil.Error:
        return None


def _born_on_linux(pid: int) -> str | None:
    """Ticks since boot, with the boot's id: wall-clock readings move when the clock is set.

    A process of many threads is a zombie before it has ended: its first thread has, the others still hold
    its files, and nobody can wait for it yet.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, threads, started_ticks = fields[0], int(fields[17]), fields[19]
    return None if state in "ZX" and threads <= 1 else f"{boot}:{started_ticks}"
