"""Counters shared by processes through a mapped file: counting costs nobody a system call."""

import mmap
import struct
from pathlib import Path
from typing import Final

COUNTER: Final = struct.Struct("q")
BUSY: Final = struct.Struct("d")
SLOTS: Final = 16
SIZE_BYTES: Final = COUNTER.size * SLOTS + BUSY.size


class Tally:
    """One counter for each child process, by number, and the time that jobs took; anybody may read them."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE_BYTES)

    @classmethod
    def create(cls, path: Path) -> "Tally":
        path.write_bytes(bytes(SIZE_BYTES))
        return cls(path)

    def set(self, slot: int, count: int) -> None:
        COUNTER.pack_into(self._map, slot * COUNTER.size, count)

    def get(self, slot: int) -> int:
        count: int = COUNTER.unpack_from(self._map, slot * COUNTER.size)[0]
        return count

    def total(self) -> int:
        return sum(self.get(slot) for slot in range(SLOTS))

    def add_busy(self, took_s: float) -> None:
        """Seconds that a job took, from its first line to its last. For one child process only."""
        BUSY.pack_into(self._map, SIZE_BYTES - BUSY.size, self.busy_s() + took_s)

    def busy_s(self) -> float:
        taken_s: float = BUSY.unpack_from(self._map, SIZE_BYTES - BUSY.size)[0]
        return taken_s

    def clear(self) -> None:
        self._map[:] = bytes(SIZE_BYTES)
