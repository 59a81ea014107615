"""Clients killed at random and Postgres stopped at once, while the whole book is proven again and again.

The seed is printed; the clients of one seed play the same jobs, so that twins meet.
"""

import random
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from ledger.verify import verify_book
from ops.base.clock import unix_s
from ops.stack import StackHandle
from schemas.errors import Unavailable
from storage.migrate import migrate
from storage.pool import Database
from tests.chaos.ledger_client import connect
from tests.ledger_book import Book
from tests.ledger_random import Trial
from tests.nest import Hatched
from tests.ring import REPOSITORY
from tests.support import wait_until

CLIENTS = 3


class Crowd:
    """Client processes; each writes to a file of its own, and a killed one is replaced."""

    def __init__(self, dsn: str, seed: int, folder: Path) -> None:
        self.dsn, self.seed, self.folder = dsn, seed, folder
        self.began_s = unix_s()
        self.started = 0
        self.running: list[Hatched] = []

    def add(self) -> None:
        self.started += 1
        file = self.folder / f"{self.started}.txt"
        told = (self.dsn, self.seed, self.started, self.began_s, file)
        words = map(str, told)
        self.running.append(Hatched.run("tests.chaos.ledger_client", *words, cwd=REPOSITORY))

    def kill(self, which: int) -> None:
        client = self.running.pop(which)
        client.kill()
        client.reap()

    def said(self) -> int:
        return sum(1 for _ in self.lines())

    def has_said(self, enough: int) -> bool:
        return self.said() >= enough

    def lines(self) -> Iterator[list[str]]:
        """Everything the clients wrote; a last line that was cut by the kill is left out."""
        for file in self.folder.glob("*.txt"):
            whole = file.read_text().rpartition("\n")[0]
            yield from (line.split(" ", 2) for line in whole.splitlines())


@pytest.mark.timeout(1800)
async def test_no_kill_loses_or_doubles_a_credit(
    lasting_stack: StackHandle, tmp_path: Path, *, long_form: bool
) -> None:
    kills, crashes = (200, 5) if long_form else (20, 2)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    dice = random.Random(seed)
    await migrate(lasting_stack.database_url)
    db = await connect(lasting_stack.database_url)
    await Trial(Book(db), seed, jobs=0, told=lambda *_: None).prepare()
    crowd = Crowd(lasting_stack.database_url, seed, tmp_path)
    for _ in range(CLIENTS):
        crowd.add()
    proofs = 0
    crash_at = set(dice.sample(range(kills), crashes))
    for kill in range(kills):
        enough = crowd.said() + 3
        await wait_until(partial(crowd.has_said, enough), 60, "some work between two kills")
        crowd.kill(dice.randrange(CLIENTS))
        if kill in crash_at:
            lasting_stack.servers.postgres.crash()
            lasting_stack.servers.start()
        crowd.add()
        proofs += await proven(db)
    while crowd.running:
        crowd.kill(0)
    await wait_until(lambda: proven(db), 30, "a last proof")
    assert proofs > kills // 2
    await settle(db, list(crowd.lines()))
    await db.close()


async def proven(db: Database) -> bool:
    """One whole proof beside the running clients; False when the server was away."""
    try:
        report = await verify_book(db)
    except Unavailable:
        return False
    assert report.violations == ()
    return True


async def settle(db: Database, lines: list[list[str]]) -> None:
    """Nothing told is missing, nothing happened twice, nobody complained."""
    assert [line for line in lines if line[0] == "complaint"] == []
    told = {UUID(job): int(units) for _, job, units in lines}
    assert len(told) > 50
    assert max(Counter(job for _, job, _ in lines).values()) == 1
    stored = await db.fetch(
        "select h.id, h.captured, count(t.op) as moves from ledger.hold h "
        "left join ledger.transfer t on t.op = h.id where h.id = any ($1) group by h.id",
        list(told),
    )
    assert {row["id"]: (row["captured"], row["moves"]) for row in stored} == {
        job: (units, 1) for job, units in told.items()
    }
