"""The ledger beside its floor: `python -m tests.bench.ledger`, rounds interleaved, medians of ratios.

The floor is what any ledger must at least write in one commit: an UPDATE of a balance and an INSERT
of an entry. A pair is a reservation and its capture, two calls and two commits; its ratio to the
floor counts both commits. All through the same connections, which stay open for the whole run as a
service's pool does: a case is not charged for what a young connection has still to read and compile.
"""

import argparse
import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import asyncpg
from rich.console import Console
from rich.table import Table

from ledger.verify import verify_book, verify_since_mark
from ops.base.clock import monotonic_s
from schemas.ids import new_id
from storage.migrate import migrate
from storage.pool import Database
from tests.bench.book import Book
from tests.bench.stores import HOT, USERS, populate, stores

WARM_S: Final = 0.3
PRICE: Final = 10_000
CONNECTIONS: Final = (1, 8, 32)
OLD_CONNECTIONS: Final = 8
SET: Final = 10

_FLOOR: Final = """
with moved as (update public.floor_balance set units = units + 1 where id = $1)
insert into public.floor_entry (id, units) values ($1, 7)
"""
_HOLD: Final = "select code from ledger.hold_one($1, $2, 3::smallint, $3, '{1}', 'infinity')"
_CAPTURE: Final = "select code from ledger.capture_one($1, $2)"
_LIMITED: Final = """
with counted as (update work.member set used[1] = used[1] + 1 where user_id = $2)
select code from ledger.hold_one($1, $2, 1::smallint, $3, '{2,1}', 'infinity')
"""
_HOLD_SET: Final = "select code from ledger.hold_jobs($1, $2, $3, $4, $5)"
_CAPTURE_SET: Final = "select code from ledger.capture_jobs($1, $2)"
_BATTERIES: Final = """
select count(ledger.credit(gen_random_uuid(), id, 2::smallint, 1, 'grant')) from app.user_account
"""
_RIVAL: Final = "select error_code from nostro.debit($1, 1, 'bench', $2, null, '{}')"
_RIVAL_MONEY: Final = """
insert into nostro.account (id, tenant_id, scope_ref)
select lpad(to_hex(id), 32, '0')::uuid, 'bench', id::text from app.user_account;
select count(*) from app.user_account u,
       nostro.credit(lpad(to_hex(u.id), 32, '0')::uuid, 1000000000, 'gift', u.id::text, null, null, '{}')
"""
_OLD_HOLDS: Final = """
insert into ledger.hold (id, owner, cur, amount, captured, state, app, created_at, resolved_at)
select gen_random_uuid(), 2 + n % $2, 1, 10000, 10000, 'captured', 3, now() - interval '30 d',
       now() - interval '30 d'
  from generate_series(1, $1::bigint) n
"""
_OLD_TRANSFERS: Final = """
insert into ledger.transfer (owner, cur, seq, op, kind, house, app, amount, balance_after, at)
select h.owner, 1, a.seq + row_number() over (partition by h.owner order by h.id), h.id, 'capture',
       'revenue', 3, -10000, a.balance - 10000 * row_number() over (partition by h.owner order by h.id),
       now() - interval '30 d'
  from ledger.hold h join ledger.account a on a.owner = h.owner and a.cur = 1
"""
# The opening grants were made a moment ago; in a history time grows with the sequence.
_OLD_GRANTS: Final = """
set session_replication_role = replica;
update ledger.transfer set at = now() - interval '31 d' where kind = 'grant';
reset session_replication_role
"""
_OLD_BALANCES: Final = """
update ledger.account a set balance = t.balance_after, seq = t.seq
  from (select distinct on (owner) owner, balance_after, seq from ledger.transfer where cur = 1
         order by owner, seq desc) t
 where a.owner = t.owner and a.cur = 1
"""

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]
else:
    Connection = asyncpg.Connection
One = Callable[[Connection, int], Awaitable[int]]


async def floor(connection: Connection, user: int) -> int:
    await connection.execute(_FLOOR, user)
    return 1


async def pair(connection: Connection, user: int, hold: str = _HOLD) -> int:
    job = new_id()
    must(await connection.fetchval(hold, job, user, PRICE))
    must(await connection.fetchval(_CAPTURE, job, PRICE))
    return 2


async def limited(connection: Connection, user: int) -> int:
    """The daily counter and a first wallet that does not cover the price."""
    return await pair(connection, user, _LIMITED)


async def sets(connection: Connection, user: int) -> int:
    jobs = sorted(new_id() for _ in range(SET))
    users = [user if user == HOT else random.randrange(2, USERS + 2) for _ in jobs]
    rows = await connection.fetch(_HOLD_SET, jobs, users, [3] * SET, [PRICE] * SET, ["{1}"] * SET)
    for row in rows + await connection.fetch(_CAPTURE_SET, jobs, [PRICE] * SET):
        must(row["code"])
    return 2 * SET


async def rival(connection: Connection, user: int) -> int:
    """One debit of the library: no reservation, one commit."""
    refused = await connection.fetchval(_RIVAL, UUID(int=user), str(new_id()))
    must(refused or "ok")
    return 1


def must(code: str) -> None:
    if code != "ok":
        raise RuntimeError(code)


@dataclass(frozen=True)
class Case:
    """`connections` callers; `old` runs on the database with a long history."""

    name: str
    one: One
    connections: int
    hot: bool = False
    old: bool = False


def cases(*, with_history: bool, with_rival: bool) -> list[Case]:
    found: list[Case] = []
    for count in CONNECTIONS:
        found += [Case(f"floor.{count}", floor, count), Case(f"pair.{count}", pair, count)]
        if with_history and count == OLD_CONNECTIONS:
            found.append(Case(f"pair.old.{count}", pair, count, old=True))
    for count in (8, 32):
        found += [
            Case(f"limited.{count}", limited, count),
            Case(f"floor.hot.{count}", floor, count, hot=True),
            Case(f"pair.hot.{count}", pair, count, hot=True),
        ]
        if with_rival:
            found.append(Case(f"rival.{count}", rival, count))
    return [*found, Case("sets.8", sets, 8), Case("sets.hot.8", sets, 8, hot=True)]


ROWS: Final = (
    *(
        (f"pair, {n} connections", f"pair.{n}", f"floor.{n}", 0.45 if n > 1 else None)
        for n in CONNECTIONS
    ),
    *(
        (f"pair with limit and two wallets, {n}", f"limited.{n}", f"floor.{n}", 0.35)
        for n in (8, 32)
    ),
    *((f"pair on one hot wallet, {n}", f"pair.hot.{n}", f"floor.hot.{n}", None) for n in (8, 32)),
    (f"sets of {SET}, 8 connections", "sets.8", "floor.8", 1.0),
    (f"sets of {SET} on one hot wallet, 8", "sets.hot.8", "floor.hot.8", None),
    *(
        (f"commits of a pair : debits of hf-nostro, {n}", f"pair.{n}", f"rival.{n}", None)
        for n in (8, 32)
    ),
    ("pair after a long history : fresh, 8", "pair.old.8", "pair.8", 0.90),
)


@dataclass(frozen=True)
class Callers:
    """Connections by database and number, opened once and used by every case that asks for as many."""

    at: dict[tuple[str, int], list[Connection]] = field(default_factory=dict)

    async def of(self, dsn: str, count: int) -> list[Connection]:
        if (dsn, count) not in self.at:
            self.at[dsn, count] = [await asyncpg.connect(dsn) for _ in range(count)]
        return self.at[dsn, count]

    async def close(self) -> None:
        for connections in self.at.values():
            for connection in connections:
                await connection.close()


async def measure(book: Book, case: Case, connections: list[Connection], seconds: float) -> None:
    """Commits a second that count, and how long each call sequence took."""
    done = 0
    took_ms: list[float] = []
    start_s = monotonic_s() + WARM_S

    async def caller(connection: Connection) -> None:
        nonlocal done
        while (begin_s := monotonic_s()) < start_s + seconds:
            user = HOT if case.hot else random.randrange(2, USERS + 2)
            count = await case.one(connection, user)
            if begin_s >= start_s:
                done += count
                took_ms.append((monotonic_s() - begin_s) * 1000)

    await asyncio.gather(*map(caller, connections))
    book.add(case.name, done / seconds)
    book.extend(f"{case.name}.ms", took_ms)


async def lengthen(dsn: str, rows: int) -> None:
    """Half of the rows are old captured holds, half their transfers: a history that verifies."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(_OLD_HOLDS, rows // 2, USERS)
    for statement in (_OLD_GRANTS, _OLD_TRANSFERS, _OLD_BALANCES, "vacuum analyze"):
        await connection.execute(statement)
    await connection.close()


async def prepare(dsn: str, *, history: int) -> None:
    await migrate(dsn)
    await populate(dsn)
    connection = await asyncpg.connect(dsn)
    await connection.execute(_BATTERIES)
    await connection.execute("vacuum analyze")
    await connection.close()
    if history:
        await lengthen(dsn, history)


async def run(options: argparse.Namespace) -> Book:
    book = Book()
    with stores() as where:
        await prepare(where.dsn, history=0)
        old = where.dsn
        with_rival = await invite_rival(where.dsn)
        if options.history:
            old = await another_database(where.dsn)
            await prepare(old, history=options.history)
        callers = Callers()
        for _ in range(options.rounds):
            for case in cases(with_history=bool(options.history), with_rival=with_rival):
                connections = await callers.of(old if case.old else where.dsn, case.connections)
                await measure(book, case, connections, options.seconds)
        await callers.close()
        await verify(where.dsn)
        if options.history:
            await prove(book, old)
    return book


async def invite_rival(dsn: str) -> bool:
    """Its own schema beside ours, from the SQL that its package carries; False when it is not installed."""
    if find_spec("nostro") is None:
        return False
    folder = files("nostro.migrate") / "sql" / "postgres"
    connection = await asyncpg.connect(dsn)
    for part in ("schema", "functions"):
        for file in sorted((folder / part).iterdir(), key=lambda entry: entry.name):
            await connection.execute(file.read_text(encoding="utf-8"))
    await connection.execute(_RIVAL_MONEY)
    await connection.execute("vacuum analyze")
    await connection.close()
    return True


async def another_database(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    await connection.execute("create database old_times")
    await connection.close()
    return dsn.replace("/leyden?", "/old_times?")


async def verify(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    wrong = await connection.fetch("select * from ledger.violations")
    await connection.close()
    if wrong:
        msg = f"the books do not agree: {wrong[:5]}"
        raise RuntimeError(msg)


async def prove(book: Book, dsn: str) -> None:
    """The whole book by `ledger verify`, then what the rounds above have changed in it since.

    The first leaves a mark, which reaches back far enough to take in everything this run has done.
    """
    db = await Database.open(dsn, role=None, size=1)
    for name, ask in (("whole", verify_book), ("since", verify_since_mark)):
        report = await ask(db)
        if report is None or not report.ok:
            msg = f"the books do not agree: {report and report.violations[:5]}"
            raise RuntimeError(msg)
        book.add(f"verify.{name}.s", report.duration_s)
        book.add(f"verify.{name}.transfers", report.transfers)
    await db.close()


PROOFS: Final = (
    ("whole book, for a million transfers", "whole", 1_000_000, 15.0),
    ("what changed since a mark", "since", None, 1.0),
)


def show_proofs(book: Book) -> bool:
    """Seconds of a proof; of a longer book, those for a million. True when no bar was missed."""
    if not book.numbers.get("verify.whole.s"):
        return True
    table = Table("proof", "transfers", "s", "bar, s")
    held = True
    for title, name, each, bar_s in PROOFS:
        transfers, took_s = book.median(f"verify.{name}.transfers"), book.median(f"verify.{name}.s")
        cost_s = took_s * each / transfers if each and each < transfers else took_s
        held = held and cost_s <= bar_s
        table.add_row(title, f"{transfers:,.0f}", f"{cost_s:.2f}", f"{bar_s:.0f}")
    Console().print(table)
    return held


def show(book: Book) -> bool:
    """The table; True when no bar was missed."""
    table = Table("what", "a second", "its floor", "ratio", "bar", "p99 : floor's p99")
    held = True
    for title, top, bottom, bar in ROWS:
        if not book.numbers.get(top) or not book.numbers.get(bottom):
            continue
        ratio = book.ratio(top, bottom)
        held = held and (bar is None or ratio >= bar)
        tail = book.quantile(f"{top}.ms", 0.99) / book.quantile(f"{bottom}.ms", 0.99)
        table.add_row(
            title,
            f"{book.median(top):,.0f}",
            f"{book.median(bottom):,.0f}",
            f"{ratio:.2f}",
            "" if bar is None else f"{bar:.2f}",
            f"{tail:.1f}",
        )
    Console().print(table)
    return held


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ledger", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--history", type=int, default=5_000_000, help="rows; 0 leaves it out")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a bar is missed")
    options = parser.parse_args(arguments)
    book = asyncio.run(run(options))
    held = all((show(book), show_proofs(book)))
    return 0 if held or not options.strict else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
