"""Counters shared by processes through a mapped file: counting costs nobody a system call."""

import mmap
import struct
from pathlib import Path
from typing import Final

COUNTER: Final = struct.Struct("q")
SLOTS: Final = 16


class Tally:
    """One counter for each child process, by number; anybody may read them all."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), COUNTER.size * SLOTS)

    @classmethod
    def create(cls, path: Path) -> "Tally":
        path.write_bytes(bytes(COUNTER.size * SLOTS))
        return cls(path)

    def set(self, slot: int, count: int) -> None:
        COUNTER.pack_into(self._map, slot * COUNTER.size, count)

    def get(self, slot: int) -> int:
        count: int = COUNTER.unpack_from(self._map, slot * COUNTER.size)[0]
        return count

    def total(self) -> int:
        return sum(self.get(slot) for slot in range(SLOTS))

    def clear(self) -> None:
        for slot in range(SLOTS):
            self.set(slot, 0)
