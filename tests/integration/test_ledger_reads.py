"""Statements, receipts, the audit views and the proof itself: does it see what is wrong?"""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio

from ledger import housekeeping
from ledger.corrections import Corrections
from ledger.holds import Holds
from ledger.price_lists import PriceList
from ledger.pricing import Pricing
from ledger.receipts import Receipts
from ledger.stars import Stars
from ledger.statement import Filters, Statement, as_csv, as_json
from ledger.subscriptions import Subscriptions
from ledger.verify import verify_book, verify_book_daily, verify_since_mark, verify_user
from ops.base import metrics
from ops.base.clock import now
from schemas.errors import InvalidInput, Missing
from schemas.ids import new_id
from schemas.money import App
from storage import ledger_reads as sql
from storage.ledger_reads import TransferRow
from storage.pool import Database
from tests.ledger_book import BATV, CREDIT, XTR, Book, open_book

ENTRIES = {
    *("reserve", "release", "capture", "refund", "grant", "bonus"),
    *("purchase", "convert", "lapse", "adjust", "migrate"),
}


@pytest_asyncio.fixture
async def book(dsn: str) -> AsyncIterator[Book]:
    async with open_book(dsn) as book:
        yield book


async def busy(book: Book, user_id: int = 1) -> UUID:
    """A wallet with one of everything; answers a partly captured and partly refunded job."""
    await book.fund(user_id, 100_000)
    await book.fund(user_id, 50_000, BATV)
    await book.fund(user_id, 10_000, kind="bonus", expires_at=now() + timedelta(days=1))
    await Stars(book.db).buy_units(f"charge-{user_id}", user_id=user_id, stars=9, units=9_000)
    jobs = [new_id() for _ in range(4)]
    held = [(job, user_id, 20_000) for job in jobs]
    await book.hold_all(held[:3], app=App.VIAIZER, spend=(BATV, CREDIT))
    await book.hold(jobs[3], user_id, 20_000)
    await book.capture_all([(jobs[0], 15_000), (jobs[1], 20_000)])
    await book.release(jobs[2])
    await book.capture(jobs[3], 12_345)
    await Corrections(book.db).refund_job(
        new_id(), job_id=jobs[0], units=1_000, reason="r", actor="a"
    )
    return jobs[0]


async def test_a_statement_is_exact_to_the_running_balance(book: Book) -> None:
    await busy(book)
    rows = await Statement(book.db).export(1)
    assert len(rows) == 10
    for currency in (CREDIT, BATV, XTR):
        balance = 0
        for row in reversed([row for row in rows if row.currency is currency]):
            balance += row.units
            assert row.balance_units == balance
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)


async def test_pages_join_to_the_whole_while_new_money_moves(book: Book) -> None:
    await busy(book)
    statement = Statement(book.db)
    whole = await statement.export(1)
    seen: list[TransferRow] = []
    cursor: str | None = None
    while True:
        page = await statement.page(1, cursor=cursor, limit=3)
        seen += page.rows
        await book.fund(1, 1)
        if page.cursor is None:
            break
        cursor = page.cursor
    assert seen == whole


async def test_a_statement_is_filtered_by_app_kind_wallet_and_time(book: Book) -> None:
    await busy(book)
    await busy(book, 2)
    statement = Statement(book.db)

    async def kinds(filters: Filters) -> list[str]:
        return sorted(row.kind for row in await statement.export(1, filters=filters))

    assert await kinds(Filters(app=App.VIAIZER)) == ["capture", "capture", "refund"]
    assert await kinds(Filters(app=App.PENORA)) == ["capture"]
    assert await kinds(Filters(kinds=("bonus", "refund"))) == ["bonus", "refund"]
    assert await kinds(Filters(currencies=(XTR,))) == ["purchase", "purchase"]
    assert await kinds(Filters(since=now() + timedelta(minutes=1))) == []
    assert len(await kinds(Filters(until=now() + timedelta(minutes=1)))) == 10


@pytest.mark.parametrize("cursor", ["x", "9.1", "1.x", "1", "1.2.3", "-", "1.1-"])
async def test_a_cursor_that_is_not_ours_is_refused(book: Book, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await Statement(book.db).page(1, cursor=cursor)


async def test_the_exports_hold_every_line_in_exact_credits(book: Book) -> None:
    await busy(book)
    await Corrections(book.db).adjust(
        new_id(), user_id=1, currency=CREDIT, units=-1, reason="=cmd()", actor="a"
    )
    rows = await Statement(book.db).export(1)
    lines = list(csv.DictReader(io.StringIO(as_csv(rows))))
    objects = json.loads(as_json(rows))
    assert len(lines) == len(objects) == len(rows) == 11
    for row, line, item in zip(rows, lines, objects, strict=True):
        assert Decimal(line["amount"]).scaleb(row.currency.scale) == row.units
        assert item["amount"] == line["amount"]
        assert datetime.fromisoformat(item["at"]) == row.at
    assert lines[0]["note"] == "'=cmd()", "a spreadsheet must not run it"
    assert objects[0]["note"] == "=cmd()"
    assert lines[0]["amount"] == "-0.0001"


async def test_the_audit_views_keep_their_contract(book: Book) -> None:
    job = await busy(book)
    partner = new_id()
    await Holds(book.db).reserve(partner, user_id=1, app=App.PENORA, units=7_000, ttl_s=60)
    await Stars(book.db).refund("charge-1", reason="r", actor="a")
    rows = await book.db.fetch("select job_id, account, entry, amount, at from public.audit_ledger")
    of_job = sorted((row["entry"], row["amount"]) for row in rows if row["job_id"] == job)
    assert of_job == [
        ("capture", -15_000),
        ("refund", 1_000),
        ("release", -5_000),
        ("reserve", 20_000),
    ]
    assert {row["account"] for row in rows} == {"1:CREDIT", "1:BATV", "1:XTR"}
    assert (
        sum(row["amount"] for row in rows if row["amount"] == 7_000 and row["job_id"] is None)
        == 7_000
    )
    assert {row["entry"] for row in rows} <= ENTRIES
    assert all(row["at"] is not None for row in rows)
    wallets = await book.db.fetch("select * from public.audit_wallets where user_id = 1")
    for wallet in wallets:
        money = [r for r in rows if r["account"] == f"1:{wallet['currency']}"]
        moved = sum(r["amount"] for r in money if r["entry"] not in ("reserve", "release"))
        held = sum(r["amount"] for r in money if r["entry"] in ("reserve", "release", "capture"))
        assert wallet["balance"] == moved
        assert wallet["held"] == held
        assert (
            wallet["balance"]
            == wallet["granted"] + wallet["bought"] + wallet["refunded"] - wallet["captured"]
        )
        assert wallet["bought"] == sum(r["amount"] for r in money if r["entry"] == "purchase")


_JOB = """
insert into work.job (
  id, user_id, state, app, stream, slot, version, max_tries, due_at, run_at, limit_s, price, captured,
  price_version, day, spend, kind, key, body_hash, reply, trace, created_at, finished_at, key_version,
  code, attempt, tries)
values (
  $1, 1, $2::text::work.state, 3, 3, 3, 1, 5, case when $3::bool then null else now() end, now(), 60, $4, $5,
  1, current_date, '{1}', 'text.improve', $1::uuid::text, $1, 'pull', 't', now(),
  case when $3 then now() end, 1, $6, 2, 1)
"""


async def make_job(
    book: Book,
    job: UUID,
    state: str,
    *,
    price: int = 20_000,
    captured: int = 0,
    code: str | None = None,
) -> None:
    ended = state in ("succeeded", "failed")
    await book.db.execute(
        _JOB,
        job,
        state,
        ended,
        price,
        captured,
        code,
    )


async def test_the_prices_of_a_receipt_can_be_read_after_they_have_changed(book: Book) -> None:
    receipts, current = Receipts(book.db), Pricing.current()
    await housekeeping.sweep(book.db, Subscriptions(book.db))
    dear = current.models.credits.model_copy(update={"usd_per_credit": Decimal("0.005")})
    then = PriceList.of(current.book, current.models.model_copy(update={"credits": dear}))
    assert then.version != current.version
    assert await sql.keep_price_list(book.db, then.version, then.content)
    assert not await sql.keep_price_list(book.db, then.version, {"forged": True})
    assert await receipts.prices(then.version) == then
    kept = await receipts.prices(current.version)
    assert kept == current.price_list()
    assert kept.content["tariff"]["kinds"]["image.generate"] == {"units": 20_000, "per": "job"}
    with pytest.raises(Missing):
        await receipts.prices(current.version + 1)


async def test_a_receipt_tells_what_happened_to_the_money(book: Book) -> None:
    await book.fund(1, 100_000)
    receipts = Receipts(book.db)
    job = new_id()
    await make_job(book, job, "succeeded", captured=15_000)
    await book.hold(job, 1, 20_000)
    await book.capture(job, 15_000)
    await book.db.execute(
        "insert into work.provider_call (id, job_id, attempt, provider, model, cost_usd_micros) "
        "values ($1, $2, 1, 'p', 'm', 1500), ($3, $2, 2, 'p', 'm', 500)",
        new_id(),
        job,
        new_id(),
    )
    receipt = await receipts.of_job(job, user_id=1)
    assert (receipt.quoted_units, receipt.held_units, receipt.captured_units) == (20_000, 0, 15_000)
    assert (receipt.returned_units, receipt.why, receipt.attempts) == (5_000, "receipt.partial", 2)
    assert (receipt.currency, receipt.provider_cost_usd) == (CREDIT, Decimal("0.002"))
    assert "the rest came back" in receipt.explain()
    await Corrections(book.db).refund_job(new_id(), job_id=job, reason="r", actor="a")
    receipt = await receipts.of_job(job)
    assert (receipt.why, receipt.returned_units, receipt.refunded_units) == (
        "receipt.refunded",
        20_000,
        15_000,
    )
    assert receipt.explain("ru") == "Списание возвращено."


@pytest.mark.parametrize(
    ("state", "held", "code", "why", "words"),
    [
        ("queued", False, None, "receipt.not_started", "Not started yet"),
        ("running", True, None, "receipt.reserved", "Reserved until"),
        ("failed", True, "overdue", "error.overdue", "took too long"),
        ("failed", True, "never_heard_of", "error.never_heard_of", "Nothing was charged"),
        ("failed", False, "insufficient", "error.insufficient", "top up"),
    ],
)
async def test_a_receipt_says_why(
    book: Book, state: str, *, held: bool, code: str | None, why: str, words: str
) -> None:
    await book.fund(1, 100_000)
    job = new_id()
    await make_job(book, job, state, code=code)
    if held:
        await book.hold(job, 1, 20_000)
    if held and state == "failed":
        await book.release(job)
    receipt = await Receipts(book.db).of_job(job)
    assert (receipt.why, receipt.captured_units) == (why, 0)
    assert receipt.held_units == (20_000 if state == "running" else 0)
    assert words in receipt.explain()


async def test_a_free_job_has_a_receipt_and_a_strangers_job_has_none(book: Book) -> None:
    job = new_id()
    await make_job(book, job, "succeeded", price=0)
    assert (await Receipts(book.db).of_job(job)).why == "receipt.free"
    with pytest.raises(Missing):
        await Receipts(book.db).of_job(job, user_id=2)
    with pytest.raises(Missing):
        await Receipts(book.db).of_job(new_id())


async def test_a_sound_book_is_sound_in_every_way_of_asking(db: Database, book: Book) -> None:
    await busy(book)
    assert await verify_since_mark(db) is None, "never verified before: the whole book is asked for"
    report = await verify_book_daily(db)
    assert report is not None
    assert (report.ok, report.transfers) == (True, 10)
    assert await verify_book_daily(db) is None, "done today"
    await busy(book, 2)
    report = await verify_since_mark(db)
    assert report is not None
    assert report.ok
    assert report.since is not None
    report = await verify_user(db, 2)
    assert (report.ok, report.transfers) == (True, 10)
    assert metrics.ledger_violations._value.get() == 0


_GHOST = """
insert into ledger.hold
select gen_random_uuid(), 1, 5, 5, 0, now(), 'infinity', now(), 'captured', 1, 1
"""
_POSTED = """
select ledger.post(gen_random_uuid(), 0::smallint, 1, 1::smallint, 500, '{}', 'liquidity', 0::smallint,
                   null, null, null)
"""
DAMAGE = {
    "a balance too high": (
        "update ledger.account set balance = balance + 1 where cur = 1",
        "balance",
    ),
    "held without a hold": ("update ledger.account set held = held + 1 where cur = 1", "held"),
    "a hold nobody holds": (
        "insert into ledger.hold (id, owner, cur, amount, app) values (gen_random_uuid(), 1, 1, 5, 1)",
        "held",
    ),
    "a bonus without a lot": ("update ledger.account set bonus = bonus + 1 where cur = 1", "bonus"),
    "a lot that grew": ("update ledger.lot set remaining = remaining + 1", "bonus"),
    "a transfer that vanished": (
        "delete from ledger.transfer where cur = 2 and seq = 2",
        "sequence",
    ),
    "a transfer that was doctored": (
        "update ledger.transfer set amount = amount - 1 where cur = 2 and kind = 'capture' and seq = 2",
        "running balance",
    ),
    "a capture that was not posted": (_GHOST, "captured hold"),
    "a refund that was not posted": (
        "update ledger.hold set refunded = refunded + 1 where refunded = 1000",
        "refunds",
    ),
    "a conversion from nothing": (_POSTED.format("convert"), "conversion"),
    "a purchase that nobody paid": (_POSTED.format("purchase"), "purchase"),
    "Stars back that nobody bought": (_POSTED.format("stars_refund"), "purchase"),
}


@pytest.mark.parametrize("name", DAMAGE)
async def test_the_proof_sees_each_damage(dsn: str, db: Database, name: str) -> None:
    """The damage is done by a superuser with the triggers off: no function could do it."""
    statement, expected = DAMAGE[name]
    owner = await Database.open(dsn, role=None, size=1)
    book = Book(owner)
    await busy(book)
    mark_before = await verify_book(db)
    assert mark_before.ok
    await owner.execute(
        f"begin; alter table ledger.transfer disable trigger user; {statement}; "
        "alter table ledger.transfer enable trigger user; commit"
    )
    for report in (await verify_since_mark(db), await verify_book(db), await verify_user(db, 1)):
        assert report is not None
        assert any(expected in violation.what for violation in report.violations), report
    assert metrics.ledger_violations._value.get() > 0
    assert (await verify_user(db, 2)).ok
    await owner.close()


async def test_the_proof_sees_a_hand_in_a_quiet_wallet(dsn: str, db: Database) -> None:
    """Nothing moved there for a day, and the wallet lies in the second slice."""
    owner = await Database.open(dsn, role=None, size=1)
    book = Book(owner)
    for user_id in (1, 2):
        await busy(book, user_id)
    await owner.execute(
        "begin; alter table ledger.transfer disable trigger user;"
        "update ledger.transfer set at = at - interval '1 day';"
        "alter table ledger.transfer enable trigger user; commit"
    )
    assert (await verify_book(db)).ok
    marks = await owner.fetchval("select count(*) from ledger.mark")
    await owner.execute("insert into ledger.patrol (owner, cur) values (1, 4)")
    await owner.execute(
        "update ledger.account set balance = balance + 990000 where owner = 2 and cur = 1"
    )
    for _ in range(2):  # it is not passed by
        report = await verify_since_mark(db)
        assert report is not None
        assert [(v.user_id, v.found, v.expected) for v in report.violations] == [
            (2, 106_655 + 990_000, 106_655)
        ]
        assert metrics.ledger_violations._value.get() == 1
    assert await owner.fetchval("select count(*) from ledger.mark") == marks
    await owner.execute(
        "update ledger.account set balance = balance - 990000 where owner = 2 and cur = 1"
    )
    report = await verify_since_mark(db)
    assert report is not None
    assert report.ok
    assert await owner.fetch("select * from ledger.patrol") == [], "round again"
    await owner.fetchval("select ledger.patrol_on(1)")
    await owner.fetchval("select ledger.patrol_on(1)")
    assert tuple(await owner.fetchrow("select owner, cur from ledger.patrol") or ()) == (1, 2)
    await owner.close()


async def test_what_the_whole_proof_found_stands_until_a_whole_proof(
    dsn: str, db: Database
) -> None:
    owner = await Database.open(dsn, role=None, size=1)
    await busy(Book(owner))
    assert (await verify_book(db)).ok
    wrong = "update ledger.account set balance = balance {} 1 where owner = 1 and cur = 1"
    await owner.execute(wrong.replace("{}", "+"))
    assert not (await verify_book(db)).ok
    await owner.execute(wrong.replace("{}", "-"))
    marks = await owner.fetchval("select count(*) from ledger.mark")
    metrics.ledger_violations.set(0)  # another worker of the cluster
    report = await verify_since_mark(db)
    assert report is not None
    assert report.ok
    assert metrics.ledger_violations._value.get() == 1
    assert await owner.fetchval("select count(*) from ledger.mark") == marks
    assert (await verify_book(db)).ok
    assert metrics.ledger_violations._value.get() == 0
    await owner.close()
