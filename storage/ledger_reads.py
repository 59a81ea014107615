"""What the ledger can be asked: statements, receipts, and whether the books are sound."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from schemas.money import App, Currency
from storage.pool import Connection, Database, Row

_TRANSFERS: Final = """
select t.cur, t.seq, t.kind::text, t.amount, t.balance_after, t.app, t.at, t.op, t.ref, t.note
  from unnest($2::smallint[], $3::bigint[]) w (cur, below)
 cross join lateral (
   select x.* from ledger.transfer x
    where x.owner = $1 and x.cur = w.cur and x.seq < w.below
      and ($4::smallint is null or x.app = $4) and ($5::text[] is null or x.kind::text = any ($5))
      and ($6::timestamptz is null or x.at >= $6) and ($7::timestamptz is null or x.at < $7)
    order by x.seq desc limit $8) t
 order by t.at desc, t.cur, t.seq desc limit $8
"""
_RECEIPT: Final = """
select j.id, j.user_id, j.kind, j.app, j.state::text as state, j.code, j.price, j.price_version,
       j.attempt, j.tries, j.spend[1] as first_wallet, j.created_at, j.finished_at,
       h.cur, h.state::text as hold_state, h.amount, h.captured, h.refunded,
       (select sum(c.cost_usd_micros)::bigint from work.provider_call c where c.job_id = j.id) as cost
  from work.job j left join ledger.hold h on h.id = j.id
 where j.id = $1 and ($2::bigint is null or j.user_id = $2)
"""
_KEEP_PRICES: Final = "select ledger.keep_price_list($1, $2::text::jsonb)"
_PRICES: Final = "select content::text from ledger.price_list where version = $1"
_VIOLATIONS: Final = "select what, owner, cur, id, found, expected from ledger.violations_of($1)"
_SINCE: Final = """
select what, owner, cur, id, found, expected from ledger.violations_since($1, $2)
"""
_LAST_MARK: Final = "select at, oldest_open, transfers from ledger.mark order by id desc limit 1"
_SNAPSHOT: Final = """
select now(), ledger.oldest_open_hold($1),
       (select count(*) from ledger.transfer where $2::timestamptz is null or at >= $2)
"""
_COUNT: Final = "select count(*) from ledger.transfer where owner = $1"
_SET_MARK: Final = "select ledger.set_mark($1, $2, $3)"
_SLICE: Final = """
select what, owner, cur, id, found, expected from ledger.violations_of_slice($1)
"""
_PATROL_ON: Final = "select ledger.patrol_on($1)"
_LAST_PROOF: Final = """
select violations, at > clock_timestamp() - $1::interval as fresh from ledger.proof order by id desc limit 1
"""
_NOTE_PROOF: Final = "select ledger.note_proof($1, $2, $3)"
_PROVE_ALONE: Final = "select pg_try_advisory_xact_lock(7301, 3)"
_RIGHTS: Final = "select what from ledger.rights_too_wide($1)"


@dataclass(frozen=True, slots=True)
class TransferRow:
    """One line of a wallet. `seq` has no gaps; `ref` is the job of a refund or the lot of a lapse."""

    currency: Currency
    seq: int
    kind: str
    units: int
    balance_units: int
    app: App | None
    at: datetime
    op: UUID
    ref: UUID | None
    note: str | None


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A job's money as stored. `currency` is the wallet that pays, before the start the first that may.

    `held_units` is what was reserved, whatever came of it; None when nothing ever was.
    """

    job_id: UUID
    user_id: int
    kind: str
    app: App
    state: str
    code: str | None
    quoted_units: int
    price_version: int
    attempts: int
    tries: int
    created_at: datetime
    finished_at: datetime | None
    currency: Currency
    hold_state: str | None
    held_units: int | None
    captured_units: int
    refunded_units: int
    cost_usd_micros: int | None


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: `found` is what is there, `expected` what should be."""

    what: str
    user_id: int
    currency: Currency
    id: UUID | None
    found: int | None
    expected: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to `at` the book was found sound. No hold older than `oldest_open` was open then."""

    at: datetime
    oldest_open: datetime
    transfers: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What the last proof of the whole book said. `fresh`: it is younger than was asked for."""

    violations: int
    fresh: bool


async def transfers(
    db: Database,
    user_id: int,
    *,
    below: Mapping[Currency, int],
    app: App | None,
    kinds: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[TransferRow]:
    """Newest first over the wallets in `below`, each read from under its sequence number."""
    rows = await db.fetch(
        _TRANSFERS,
        user_id,
        [currency.number for currency in below],
        list(below.values()),
        None if app is None else app.number,
        list(kinds) or None,
        since,
        until,
        limit,
    )
    return [_transfer(row) for row in rows]


async def receipt(db: Database, job_id: UUID, *, user_id: int | None) -> ReceiptRow | None:
    """None when there is no such job, or it is not this user's."""
    row = await db.fetchrow(_RECEIPT, job_id, user_id)
    return None if row is None else _receipt(row)


async def keep_price_list(db: Database, version: int, content: Mapping[str, Any]) -> bool:
    """Stored for ever under its version; True when it is new."""
    return bool(await db.fetchval(_KEEP_PRICES, version, json.dumps(content)))


async def price_list(db: Database, version: int) -> Mapping[str, Any] | None:
    """The content of a price version; None for one that was never kept."""
    content: str | None = await db.fetchval(_PRICES, version)
    return None if content is None else json.loads(content)


async def violations(snapshot: Connection, user_id: int | None) -> list[Violation]:
    """The whole book, or one user's wallets. Empty means sound."""
    return [_violation(row) for row in await snapshot.fetch(_VIOLATIONS, user_id)]


async def violations_since(snapshot: Connection, mark: Mark) -> list[Violation]:
    return [_violation(row) for row in await snapshot.fetch(_SINCE, mark.at, mark.oldest_open)]


async def violations_of_slice(snapshot: Connection, *, wallets: int) -> list[Violation]:
    """The next wallets against their last transfers. `patrol_on` moves on, nothing else does."""
    return [_violation(row) for row in await snapshot.fetch(_SLICE, wallets)]


async def patrol_on(db: Database, *, wallets: int) -> None:
    await db.fetchval(_PATROL_ON, wallets)


async def last_proof(db: Database | Connection, *, fresh: timedelta) -> Proof | None:
    """None: the whole book was never looked at."""
    row = await db.fetchrow(_LAST_PROOF, fresh)
    return None if row is None else Proof(*row.values())


async def note_proof(db: Database, mark: Mark, *, violations: int) -> None:
    await db.fetchval(_NOTE_PROOF, mark.at, mark.transfers, violations)


async def prove_alone(snapshot: Connection) -> bool:
    """False: another process is just proving the whole book. Ends with the transaction."""
    return bool(await snapshot.fetchval(_PROVE_ALONE))


async def last_mark(db: Database) -> Mark | None:
    row = await db.fetchrow(_LAST_MARK)
    return None if row is None else Mark(*row.values())


async def describe_snapshot(
    snapshot: Connection, *, oldest_open: datetime, counted_since: datetime | None
) -> Mark:
    """The mark of this snapshot; `transfers` counts those from `counted_since` on."""
    row = await snapshot.fetchrow(_SNAPSHOT, oldest_open, counted_since)
    if row is None:
        message = "a select without a table gave no row"
        raise RuntimeError(message)
    return Mark(*row.values())


async def describe_user(snapshot: Connection, user_id: int) -> tuple[datetime, int]:
    """When this snapshot was taken, and how many transfers the person has in it."""
    as_of = await snapshot.fetchval("select now()")
    return as_of, await snapshot.fetchval(_COUNT, user_id)


async def set_mark(db: Database, mark: Mark) -> None:
    await db.fetchval(_SET_MARK, mark.at, mark.oldest_open, mark.transfers)


async def rights_too_wide(db: Database, role: str) -> list[str]:
    """What the role could do to the ledger beside calling functions and reading. Empty means safe."""
    return [row["what"] for row in await db.fetch(_RIGHTS, role)]


def _transfer(row: Row) -> TransferRow:
    return TransferRow(
        currency=Currency.from_number(row["cur"]),
        seq=row["seq"],
        kind=row["kind"],
        units=row["amount"],
        balance_units=row["balance_after"],
        app=App.from_number(row["app"]) if row["app"] else None,
        at=row["at"],
        op=row["op"],
        ref=row["ref"],
        note=row["note"],
    )


def _receipt(row: Row) -> ReceiptRow:
    return ReceiptRow(
        job_id=row["id"],
        user_id=row["user_id"],
        kind=row["kind"],
        app=App.from_number(row["app"]),
        state=row["state"],
        code=row["code"],
        quoted_units=row["price"],
        price_version=row["price_version"],
        attempts=row["attempt"],
        tries=row["tries"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        currency=Currency.from_number(row["cur"] or row["first_wallet"]),
        hold_state=row["hold_state"],
        held_units=row["amount"],
        captured_units=row["captured"] or 0,
        refunded_units=row["refunded"] or 0,
        cost_usd_micros=row["cost"],
    )


def _violation(row: Row) -> Violation:
    what, owner, cur, violating_id, found, expected = row.values()
    return Violation(what, owner, Currency.from_number(cur), violating_id, found, expected)
