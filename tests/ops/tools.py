"""Runs one outside tool after another and keeps account of what was found and what was left out."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 180.0


@dataclass(slots=True)
class Report:
    """Lines as they come; `failed` counts what a tool objected to."""

    failed: int = 0
    skipped: list[str] = field(default_factory=list)

    def ok(self, what: str) -> None:
        print(f"  ok       {what}")

    def wrong(self, what: str, said: str) -> None:
        self.failed += 1
        print(f"  WRONG    {what}\n{said.rstrip()}")

    def skip(self, what: str, why: str) -> None:
        self.skipped.append(what)
        print(f"  skipped  {what}: {why}")

    def run(self, what: str, command: Sequence[str | Path], cwd: Path | None = None) -> bool:
        """True when the tool ends with 0."""
        answer = call(command, cwd=cwd)
        if answer.returncode == 0:
            self.ok(what)
        else:
            self.wrong(what, answer.stdout + answer.stderr)
        return answer.returncode == 0


def call(
    command: Sequence[str | Path], *, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The finished process, whatever its exit code; an endless one counts as failed."""
    words = [str(word) for word in command]
    try:
        return subprocess.run(
            words, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", f"no end within {TIMEOUT_S:.0f} s")


def on_path(name: str) -> bool:
    return shutil.which(name) is not None
