"""What asyncpg asks a server again and again, asked once for each process: tests open thousands of
connections.

It looks up enums and composite types on each of them, with a query that takes PostgreSQL 10 ms; within one
server the number of a type stands for the same type wherever it is known. And it resets a session whenever
its pool gets it back, a second round trip for every statement; without it a test is stricter, for what a
caller leaves in a session stays there.
"""

from types import SimpleNamespace
from typing import Any, Final

import asyncpg

_CONNECTION: Final[Any] = asyncpg.Connection
_ASK: Final = _CONNECTION._introspect_types
_KNOWN: dict[tuple[object, ...], Any] = {}
_NOT_ANONYMOUS: Final = SimpleNamespace(name="known")
"""No statement took the place of the one that is being prepared."""


async def _introspect_types(self: Any, typeoids: Any, timeout: float | None) -> Any:
    asked = (self._addr, *sorted(typeoids))
    if asked not in _KNOWN:
        _KNOWN[asked], _ = await _ASK(self, typeoids, timeout)
    return _KNOWN[asked], _NOT_ANONYMOUS


def ask_once() -> None:
    _CONNECTION._introspect_types = _introspect_types
    _CONNECTION.get_reset_query = lambda _self: ""
