"""A client that plays random money until it is killed, and writes down what it was told.

    python -m tests.chaos.ledger_client <dsn> <seed> <salt> <began> <file>

One line a told capture, written before the next call: what stands there must be in the books.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from ops.base.clock import unix_s
from schemas.errors import Unavailable
from storage.pool import Database
from tests.ledger_book import Book
from tests.ledger_random import Trial

JOBS_PER_S = 60
ACTORS = 6
STEPS = 1_000_000


@dataclass
class Endless(Trial):
    """All clients are at the same place of the row at the same time, also one that came late."""

    began_s: float = 0.0

    def position(self, step: int, steps: int) -> int:
        return int((unix_s() - self.began_s) * JOBS_PER_S)


async def main(dsn: str, seed: int, salt: int, began_s: float, file: Path) -> int:
    notes = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(what: str, job: UUID, units: int) -> None:
        os.write(notes, f"{what} {job} {units}\n".encode())

    db = await connect(dsn)
    trial = Endless(Book(db), seed, jobs=0, told=note, calm=False, began_s=began_s)
    await trial.run(STEPS, actors=ACTORS, salt=salt)
    for complaint in trial.complaints:
        os.write(notes, f"complaint {complaint}\n".replace("\n", " ").encode() + b"\n")
    return 3


async def connect(dsn: str) -> Database:
    while True:
        try:
            return await Database.open(dsn, role=None, size=ACTORS + 2)
        except Unavailable:
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    dsn, seed, salt, began, file = sys.argv[1:]
    sys.exit(asyncio.run(main(dsn, int(seed), int(salt), float(began), Path(file))))
