"""Planted mistakes: the random trial must catch each of them, and nothing in the ledger as it is.

A mutant is the installed function with one piece of its text exchanged.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio

from storage.pool import Database
from tests.databases import EMPTY
from tests.ledger_book import Book
from tests.ledger_random import Trial

SEED = 20_26
ACTORS = 8
CONNECTIONS = 4
STEPS = 60
ROUNDS = 200
"""Most mistakes show in the first; one that needs a race may take many on a busy machine."""


@dataclass(frozen=True)
class Mutant:
    name: str
    function: str
    text: str
    mistake: str
    extra: str = "select 1"


DRAW_AND_COUNT = """
create or replace function ledger.drawn(p_owner bigint, p_cur smallint, p_amount bigint) returns bigint
language plpgsql as $$
begin
  if p_amount > 0 then
    perform ledger.draw_lots(p_owner, p_cur, p_amount);
  end if;
  return 0;
end
$$
"""

MUTANTS = [
    Mutant(
        "capture without its state guard",
        "capture_one(uuid, bigint)",
        "h.state = 'open' and p_amount >= 0",
        "p_amount >= 0",
    ),
    Mutant(
        "release without its guard",
        "release_one(uuid, ledger.hold_state)",
        "and h.state = 'open'",
        "and h.state <> 'captured'",
    ),
    Mutant(
        "reserve without its guard",
        "hold_one(uuid, bigint, smallint, bigint, smallint[], timestamptz)",
        "and a.balance - a.held >= p_amount",
        "",
    ),
    Mutant(
        "a duplicate that is not undone",
        "hold_one(uuid, bigint, smallint, bigint, smallint[], timestamptz)",
        "set held = a.held - p_amount",
        "set held = a.held",
    ),
    Mutant(
        "lots drawn inside SET",
        "capture_one(uuid, bigint)",
        "drew = least(a.bonus, captured)",
        "drew = ledger.drawn(a.owner, a.cur, least(a.bonus, captured))",
        DRAW_AND_COUNT,
    ),
    Mutant(
        "a refund without a bound",
        "refund(uuid, uuid, bigint, text, text)",
        "if back < 1 or hold.refunded + back > hold.captured then",
        "if back < 1 then",
    ),
    Mutant(
        "a conversion without its lock",
        "convert(uuid, bigint, smallint, smallint, bigint, numeric)",
        "perform ledger.lock_wallets(p_owner, array[p_src, p_dst]);",
        "insert into ledger.account (owner, cur) values (p_owner, p_dst) on conflict do nothing;",
    ),
    Mutant(
        "a lapse that takes what is held",
        "free_of_lot(uuid)",
        "greatest(0, -a.held + (",
        "greatest(0, (",
    ),
    Mutant(
        "a set that takes its sum from one wallet unseen",
        "hold_jobs(uuid[], bigint[], smallint[], bigint[], text[])",
        "where v.total <= v.free and",
        "where",
    ),
    Mutant(
        "a set capture without its state guard",
        "capture_jobs(uuid[], bigint[])",
        "h.id = any (ended) and h.state = 'open' and amounts",
        "h.id = any (ended) and amounts",
    ),
    Mutant(
        "Stars returned without a look at what was bought",
        "refund_purchase(uuid, uuid, text, text)",
        "if least(w.bought, w.balance - greatest(w.held, w.bonus)) < sale.units then",
        "if w.balance < sale.units then",
    ),
    Mutant(
        "a correction that takes what is held",
        "adjust(uuid, bigint, smallint, bigint, text, text)",
        "elsif w.balance - w.held < -p_amount then",
        "elsif w.balance < -p_amount then",
    ),
]


@pytest_asyncio.fixture
async def owner(dsn: str) -> AsyncIterator[Database]:
    db = await Database.open(dsn, role=None, size=CONNECTIONS)
    yield db
    await db.close()


@asynccontextmanager
async def planted(db: Database, mutant: Mutant) -> AsyncIterator[None]:
    """The mistake is in force inside, on empty tables; the function is itself again behind."""
    source = await db.fetchval(
        "select pg_get_functiondef(('ledger.' || $1)::regprocedure)", mutant.function
    )
    assert source.count(mutant.text) == 1, "the mistake must be planted where it was meant"
    await db.execute(EMPTY)
    await db.execute(mutant.extra)
    await db.execute(source.replace(mutant.text, mutant.mistake))
    yield
    await db.execute(source)


async def complaints(db: Database, rounds: int) -> list[str]:
    """What is wrong after at most so many rounds; empty when nothing is."""
    book = Book(db)
    told: dict[UUID, int] = {}

    def hear(_what: str, job: UUID, units: int) -> None:
        if told.setdefault(job, units) != units:
            trial.complaints.append(f"{job} was captured twice")

    for turn in range(rounds):
        trial = Trial(book, SEED + turn, jobs=60, told=hear)
        await trial.prepare()
        await trial.run(STEPS, actors=ACTORS)
        found = trial.complaints + await book.violations()
        if found:
            return found
    stored = await db.fetch("select id, captured from ledger.hold where state = 'captured'")
    captured = {row["id"]: row["captured"] for row in stored}
    return [str(job) for job, units in told.items() if captured.get(job) != units]


@pytest.mark.timeout(1800)
async def test_every_planted_mistake_is_caught_and_the_ledger_as_it_is_gives_no_reason_to_complain(
    owner: Database,
) -> None:
    """One after the other on the same connections: to learn all functions costs more than the play."""
    for mutant in MUTANTS:
        async with planted(owner, mutant):
            assert await complaints(owner, ROUNDS) != [], mutant.name
    await owner.execute(EMPTY)
    assert await complaints(owner, 5) == []
