"""Records in memory, with a log on disk behind them when a folder was given.

Each change is one line that is only ever added, in one write to the operating system: a sandbox that is
killed comes back with every message, payment and unconfirmed update it had answered for.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from ops.sandbox.telegram.records import Record
from schemas.errors import ConfigError

R = TypeVar("R", bound=Record)
Key = str | int


class Log:
    """The file, or nothing at all. One process at a time for each file."""

    def __init__(self, path: Path | None) -> None:
        """Raises ConfigError when the file cannot be used or belongs to a running sandbox."""
        self._file: int | None = None
        if path is None:
            return
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            problem = f"{path} cannot be used: {error.strerror}"
            raise ConfigError(setting="--journal", problem=problem) from None

    def write(self, line: dict[str, Any]) -> None:
        if self._file is None:
            return
        raw = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        if os.write(self._file, raw) != len(raw):
            msg = "the disk took only a part of a line of the log"
            raise OSError(msg)

    def lines(self, path: Path) -> Iterator[dict[str, Any]]:
        """What earlier processes wrote; half a line at the end (killed within a write) is cut off."""
        if self._file is None:
            return
        text = path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.ftruncate(self._file, whole)
        for line in text[:whole].splitlines():
            yield json.loads(line)

    def empty(self) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Shelf(Generic[R]):
    """Records of one class by key, in the order in which they first came."""

    def __init__(self, name: str, model: type[R], key: Callable[[R], Key], log: Log) -> None:
        self.name = name
        self._model = model
        self._key = key
        self._log = log
        self._records: dict[Key, R] = {}
        self.top = 0

    def put(self, record: R) -> R:
        """Keep it, or keep what has changed in it."""
        self._keep(record)
        self._log.write({"shelf": self.name, "put": record.model_dump(exclude_defaults=True)})
        return record

    def drop(self, key: Key) -> None:
        if self._records.pop(key, None) is not None:
            self._log.write({"shelf": self.name, "drop": key})

    def get(self, key: Key) -> R | None:
        return self._records.get(key)

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._records.values()))

    def __len__(self) -> int:
        return len(self._records)

    def apply(self, line: dict[str, Any]) -> None:
        """One line of the log."""
        if "put" in line:
            self._keep(self._model.model_validate(line["put"]))
        else:
            self._records.pop(line["drop"], None)

    def clear(self) -> None:
        self._records.clear()

    def _keep(self, record: R) -> None:
        key = self._key(record)
        self._records[key] = record
        if isinstance(key, int):
            self.top = max(self.top, key)
