"""One server process of ours: start it and wait until it really answers, stop it, know it again."""

import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from ops.base.clock import monotonic_s
from ops.stack.processes import Mark, last_words, poll, rotate, spawn
from schemas.errors import Unavailable

START_TIMEOUT_S = 60.0
Steps = tuple[tuple[signal.Signals, float], ...]


class Server(ABC):
    """Ends and starts as often as you like; clients find it at the same `url` each time."""

    name: ClassVar[str]
    stop_steps: ClassVar[Steps]
    passing_troubles: ClassVar[tuple[str, ...]] = ()
    """Last words of a server that could not start, but may a moment later."""

    def __init__(self, *, log_path: Path) -> None:
        self.log_path = log_path
        self.version = ""
        """As the server told it last: one that has just been started again has the same."""
        self.mark: Mark | None = None
        self.on_new_process: Callable[[], object] = lambda: None
        self._process: subprocess.Popen[bytes] | None = None
        self._serves = False

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect."""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the server and return once it answers; nothing when it runs already.

        Raises Unavailable with the end of its log when it does not come up in time.
        """
        if self.running:
            return
        until_s = monotonic_s() + timeout_s
        told = self._launch(until_s)
        while self._may_start_later(told) and monotonic_s() < until_s:
            told = self._launch(until_s)
        if not self._serves:
            self.stop()
            raise Unavailable(store=self.name, reason="did not start", log=told)

    def stop(self) -> None:
        """Stop in good order; harder after a while, but always."""
        self._end(*self.stop_steps)

    @abstractmethod
    def _command(self) -> list[str]:
        """The whole command line; may prepare what the server finds at its start."""

    @abstractmethod
    def _probe(self) -> str:
        """The version as told by the server, or "" while it does not serve yet."""

    def _launch(self, until_s: float) -> str:
        rotate(self.log_path)
        told_before = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._serves = False
        self._process = spawn(self._command(), log_path=self.log_path)
        self.mark = Mark.of(self._process.pid)
        self.on_new_process()
        poll(self._settled, timeout_s=until_s - monotonic_s())
        return last_words(self.log_path, start_bytes=told_before)

    def _settled(self) -> bool:
        """It serves, or it has ended."""
        told = self._probe()
        self._serves = bool(told)
        self.version = told or self.version
        return self._serves or not self.running

    def _may_start_later(self, told: str) -> bool:
        return not self._serves and any(trouble in told for trouble in self.passing_troubles)

    def _end(self, *steps: tuple[signal.Signals, float]) -> None:
        if self._process is None:
            return
        if self.mark is not None:
            self.mark.end(*steps)
        self._process.wait()
        self._process = None
