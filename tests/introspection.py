"""Types of the database are looked up once for each process, not once for each connection.

asyncpg asks about enums and composite types with a query that takes PostgreSQL 10 ms, on each connection, and
tests open thousands. Within one server the number of a type stands for the same type wherever it is known.
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


def remember_types() -> None:
    _CONNECTION._introspect_types = _introspect_types
