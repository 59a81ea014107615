"""Real processes of the product, in a folder of their own, ended by the ids we were given."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.nest import Hatched

RUN_TIMEOUT_S = 110.0
STOP_TIMEOUT_S = 60.0


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Nothing of the developer's own settings, and a data folder that nobody else uses."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEYDEN_")}
    return clean | {"LEYDEN_DATA_DIR": str(folder / "data")} | settings


def leyden(folder: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`leyden <words>` to its end."""
    with TemporaryDirectory() as said:
        output, log = Path(said, "output"), Path(said, "log")
        env = environment(folder, **settings)
        process = Hatched.run("ops.cli", *words, cwd=folder, output=output, log=log, env=env)
        code = process.reap(RUN_TIMEOUT_S)
        if code is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, RUN_TIMEOUT_S)
        return subprocess.CompletedProcess(words, code, output.read_text(), log.read_text())


def answer(done: "subprocess.CompletedProcess[str]", *, code: int = 0) -> Any:
    """The JSON a command printed; fails the test with all it said when it ended otherwise."""
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


class Running:
    """A command in the background; what it says is in `log`."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self.log = log

    def said(self, words: str) -> bool:
        """Whether it has said so by now. Fails the test when it has died instead."""
        text = self.log.read_text(errors="replace")
        if words not in text and self.process.poll() is not None:
            message = f"ended with {self.process.returncode} before it said {words!r}:\n{text}"
            raise AssertionError(message)
        return words in text

    def told(self, event: str, **fields: object) -> dict[str, Any] | None:
        """The newest line about this event with these fields, if there is one by now."""
        self.said(event)
        for line in reversed(self.log.read_text(errors="replace").splitlines()):
            with suppress(ValueError):  # a program's own words, or half of a line
                said: dict[str, Any] = json.loads(line[line.index("{") :])
                if said.get("event") == event and fields.items() <= said.items():
                    return said
        return None

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def background(folder: Path, *words: str, **settings: str) -> Iterator[Running]:
    log = folder / f"{words[0]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", *words],
            cwd=folder,
            env=environment(folder, **settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Running(process, log)
    try:
        yield running
    finally:
        running.stop()
