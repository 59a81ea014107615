"""Identifiers.

Job ids are UUIDv7, minted by the producer before anything is written: the id is known on both sides
of every crash, and ordered ids keep the primary key's index growing at its right edge.
"""

import os
import re
import secrets
import threading
import time
from typing import Final
from uuid import UUID, uuid5

LEYDEN_NAMESPACE: Final = UUID("6c657964-656e-5a00-8000-6a6172313734")
"""Root of every derived id; changing it would let a grant be given twice."""

CODE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH: Final = 6
_CODE = re.compile(f"^[{CODE_ALPHABET}]{{{CODE_LENGTH}}}$")

_COUNTER_BITS: Final = 12
_lock = threading.Lock()
_last_tick = 0


def new_id() -> UUID:
    """A UUIDv7 that never goes back within this process (RFC 9562, 48 bits of ms + 12 bits of counter)."""
    global _last_tick  # noqa: PLW0603  # one counter a process is the point
    with _lock:
        now_tick = (time.time_ns() // 1_000_000) << _COUNTER_BITS
        _last_tick = max(_last_tick + 1, now_tick)
        tick = _last_tick
    unix_ms, counter = tick >> _COUNTER_BITS, tick & ((1 << _COUNTER_BITS) - 1)
    random = int.from_bytes(os.urandom(8), "big") >> 2
    return UUID(int=(unix_ms << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | random)


def derive_id(*parts: object) -> UUID:
    """The same parts give the same id: how an operation without a caller's key stays idempotent."""
    return uuid5(LEYDEN_NAMESPACE, "\x1f".join(str(part) for part in parts))


def project_code() -> str:
    """Six characters without look-alikes. A name to say aloud, never an access right."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def is_project_code(text: str) -> bool:
    return _CODE.match(text) is not None
