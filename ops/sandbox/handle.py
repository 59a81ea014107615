"""A sandbox in a process of its own, for tests and demos:

with running_sandbox() as sandbox:
    ...  sandbox.openai_url, sandbox.journal()
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from ops.sandbox.operations import KIE_PREFIX, OPENAI_PREFIX, OPENROUTER_PREFIX
from schemas.errors import ConfigError

Row = dict[str, Any]
Start = Callable[[str, int, Path], "tuple[subprocess.Popen[str], str]"]
"""Host, port and journal; answers the process and its address. Raises ConfigError."""
ANSWER_TIMEOUT_S: Final = 30.0
END_TIMEOUT_S: Final = 10.0


class Sandbox:
    """The running server: where it is, what it has seen, and its knobs."""

    def __init__(self, *, host: str, port: int, journal_path: Path, start: Start) -> None:
        """Started and listening when this returns. Raises ConfigError when it cannot."""
        self.journal_path = journal_path
        self._host = host
        self._start = start
        self._child, self.url = start(host, port, journal_path)
        self._client = httpx.Client(base_url=self.url, timeout=ANSWER_TIMEOUT_S, trust_env=False)

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def openai_url(self) -> str:
        return self.url + OPENAI_PREFIX

    @property
    def openrouter_url(self) -> str:
        return self.url + OPENROUTER_PREFIX

    @property
    def kie_url(self) -> str:
        """The host; the paths of kie.ai and of its file host start after it."""
        return self.url + KIE_PREFIX

    def journal(self) -> list[Row]:
        """Every order taken, oldest first."""
        return self._rows("GET", "journal")

    def calls(self, **wanted: object) -> list[Row]:
        """Every call, oldest first; only those with these values, such as `operation="poll"`."""
        rows = self._rows("GET", "calls")
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]

    def set_faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace the rules: `{"match": {...}, "fault": ..., "value": ..., "times": ...}`."""
        self._ask("PUT", "faults", json=list(rules))

    def faults(self) -> list[Row]:
        return self._rows("GET", "faults")

    def set_limits(self, **changes: object) -> None:
        self._ask("PUT", "limits", json=changes)

    def set_timing(self, **changes: float) -> None:
        self._ask("PUT", "timing", json=changes)

    def set_webhook_key(self, key: str) -> None:
        self._ask("PUT", "webhook-key", json={"key": key})

    def reset(self) -> None:
        """As new."""
        self._ask("POST", "reset")

    def kill(self) -> None:
        """SIGKILL: nothing it held in memory is saved."""
        self._child.kill()
        self._reap()

    def restart(self) -> None:
        """At the same address and on the same journal, after `kill`."""
        port = urlsplit(self.url).port or 0
        self._child, _ = self._start(self._host, port, self.journal_path)

    def close(self) -> None:
        self._client.close()
        self._child.terminate()
        self._reap()

    def _reap(self) -> None:
        """Wait for the end, and close the pipes: by now or never."""
        try:
            self._child.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def _rows(self, method: str, path: str) -> list[Row]:
        rows: list[Row] = self._ask(method, path).json()
        return rows

    def _ask(self, method: str, path: str, *, json: object = None) -> httpx.Response:
        answer = self._client.request(method, f"/_sandbox/{path}", json=json)
        if answer.is_client_error:
            msg = f"the sandbox refuses: {answer.text}"
            raise ValueError(msg)
        return answer.raise_for_status()


def start_process(host: str, port: int, journal_path: Path) -> tuple["subprocess.Popen[str]", str]:
    """The child and its address. It ends with us: its standard input is a pipe of ours."""
    command = [sys.executable, "-m", "ops.sandbox", "--host", host, "--port", str(port)]
    child = subprocess.Popen(  # noqa: S603 (our own module)
        [*command, "--journal", str(journal_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None  # noqa: S101 (asked for above)
    address = child.stdout.readline().strip()
    if not address:
        child.wait(END_TIMEOUT_S)
        problem = f"the sandbox did not start (exit code {child.returncode})"
        raise ConfigError(setting="sandbox", problem=problem)
    return child, address


@contextmanager
def running_sandbox(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    journal: Path | None = None,
    start: Start = start_process,
) -> Iterator[Sandbox]:
    """A sandbox until the block ends. Without `journal` its file is gone afterwards.

    Raises ConfigError when it cannot start.
    """
    folder = Path(tempfile.mkdtemp(prefix="leyden-sandbox-"))
    path = journal or folder / "journal.jsonl"
    try:
        sandbox = Sandbox(host=host, port=port, journal_path=path, start=start)
        try:
            yield sandbox
        finally:
            sandbox.close()
    finally:
        shutil.rmtree(folder)
