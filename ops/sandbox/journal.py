"""What was bought: one line of JSON for each order taken, written before its answer leaves.

The file is only ever added to (until it is emptied by hand) and is read again at start, so a sandbox
that is killed knows every order it took, and its unfinished tasks with them. Each line leaves in
one write to the operating system, which is enough to survive kill -9 of the process.
"""

import fcntl
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ops.sandbox.operations import Operation, Provider
from schemas.errors import ConfigError

_BEGINNING: Final = b'{"event": "'

Media = Literal["image", "video"]
Family = Literal["jobs", "veo", "runway", "videos"]


class Work(BaseModel):
    """What a task makes. Sizes in pixels and seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    media: Media
    width: int
    height: int
    seconds: int = 0
    count: int = 1
    file_format: str = "png"
    caption: str = ""


class Fate(BaseModel):
    """How a task goes and ends, decided when the order is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ends: Literal["success", "fail", "never"] = "success"
    fail_code: str = ""
    fail_message: str = ""
    slow_s: float = 0.0
    broken_record: bool = False
    link: Literal["good", "now", "gone"] = "good"
    redirect: str = ""
    callbacks: int = 1
    forgery: str = ""


class TaskOrder(BaseModel):
    """What the sandbox must know to go on with a task after a restart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Family
    work: Work
    fate: Fate = Fate()
    callback_url: str = ""
    base_url: str
    param: str = ""


class Purchase(BaseModel):
    """One order taken. `price_usd` is what it costs, `charged_usd` what the account is charged:
    nothing for a task that fails. `at` and `finished_at` are Unix seconds.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    at: float
    provider: Provider
    operation: Operation
    model: str
    price_usd: float
    charged_usd: float
    request_hash: str
    client_reference: str = ""
    account: str = Field("", description="the end of the key that paid")
    task: TaskOrder | None = None
    finished_at: float | None = None


class Journal:
    """The orders in memory, in order, and the file behind them. One process at a time per file."""

    def __init__(self, path: Path) -> None:
        """Read what is there. Raises ConfigError when the file cannot be used."""
        self._purchases: dict[str, Purchase] = {}
        self._spent_usd: defaultdict[Provider, float] = defaultdict(float)
        self._file = _open(path)
        try:
            self._load(path)
        except ConfigError:
            self.close()
            raise

    def buy(self, purchase: Purchase) -> None:
        """The order is in the file when this returns."""
        self._write({"event": "bought", **purchase.model_dump(mode="json", exclude_none=True)})
        self._keep(purchase)

    def finish(self, purchase: Purchase, at: float) -> None:
        """The task has ended, well or badly."""
        self._write({"event": "finished", "id": purchase.id, "at": at})
        purchase.finished_at = at

    def all(self) -> list[Purchase]:
        return list(self._purchases.values())

    def spent_usd(self, provider: Provider) -> float:
        return self._spent_usd[provider]

    def clear(self) -> None:
        """Forget every order, in the file too."""
        os.ftruncate(self._file, 0)
        self._purchases.clear()
        self._spent_usd.clear()

    def close(self) -> None:
        os.close(self._file)

    def _write(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
        written = os.write(self._file, line)
        if written != len(line):
            msg = "the disk took only a part of a line of the journal"
            raise OSError(msg)

    def _keep(self, purchase: Purchase) -> None:
        self._purchases[purchase.id] = purchase
        self._spent_usd[purchase.provider] += purchase.charged_usd

    def _load(self, path: Path) -> None:
        """A file that is not a journal is left as it is."""
        text = path.read_bytes()
        whole = text.rfind(b"\n") + 1
        for number, line in enumerate(text[:whole].splitlines(), start=1):
            try:
                self._apply(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise _not_ours(path, number) from None
        half = text[whole:]
        if not half.startswith(_BEGINNING[: len(half)]):
            raise _not_ours(path, text.count(b"\n") + 1)
        if half:  # killed within a write: that answer never left
            os.ftruncate(self._file, whole)

    def _apply(self, event: dict[str, Any]) -> None:
        if event.pop("event") == "bought":
            self._keep(Purchase.model_validate(event))
        elif purchase := self._purchases.get(event["id"]):
            purchase.finished_at = float(event["at"])


def _open(path: Path) -> int:
    """Ours alone until it is closed. Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        problem = f"{path} cannot be written: {error.strerror}"
        raise ConfigError(setting="--journal", problem=problem) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise ConfigError(
            setting="--journal", problem=f"another sandbox writes to {path}"
        ) from None
    return file


def _not_ours(path: Path, line: int) -> ConfigError:
    problem = f"{path} is no journal of the sandbox (line {line})"
    return ConfigError(setting="--journal", problem=problem)
