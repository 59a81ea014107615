"""Every request that came and every callback that went, refused ones too: the log for a test's eyes."""

from collections import deque
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any, Final, Literal

KEPT: Final = 50_000


@dataclass(slots=True)
class Call:
    """One request. `status` 0: no answer (yet, or ever). `too_early`: it came before the end of a
    Retry-After that its account had been told for this path. `at` is in Unix seconds.
    """

    number: int
    at: float
    direction: Literal["in", "out"]
    provider: str
    operation: str
    method: str
    path: str
    model: str = ""
    prompt: str = ""
    reference: str = ""
    faults: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    status: int = 0
    error: str = ""
    bought: str = ""
    too_early: bool = False


_NAMES: Final = tuple(each.name for each in fields(Call))


class CallLog:
    """The newest calls, oldest first, and the pauses that clients were told to make."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._count = 0
        self._pauses: dict[tuple[str, str], float] = {}

    def add(self, **facts: Any) -> Call:
        self._count += 1
        call = Call(number=self._count, **facts)
        self._calls.append(call)
        return call

    def pause(self, key: str, path: str, until: float) -> None:
        """The account was told not to call this path before `until` (Unix seconds)."""
        self._pauses[key, path] = until

    def is_too_early(self, key: str, path: str, at: float) -> bool:
        return at < self._pauses.get((key, path), 0.0)

    def shown(self) -> list[dict[str, Any]]:
        """Oldest first."""
        return [{name: getattr(call, name) for name in _NAMES} for call in self._calls]

    def newest(self, count: int) -> list[Call]:
        """Newest first."""
        return list(islice(reversed(self._calls), count))

    def clear(self) -> None:
        self._calls.clear()
        self._pauses.clear()
