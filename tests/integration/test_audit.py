"""The views that outside checks rely on: after every kind of end, what they say is what was done.

Everything is asserted from the views alone, read with the rights of the application.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio

from ledger import housekeeping
from ledger.corrections import Corrections
from ledger.exchange import Exchange
from ledger.holds import Holds
from ledger.stars import Stars
from ledger.subscriptions import Subscriptions
from ops.base.clock import now
from schemas.ids import new_id
from schemas.money import App, Currency
from schemas.plans import PlanName
from storage.calls import Calls, ProviderCall
from storage.pool import Database
from tests.rig import Rig

ANN, BEN = 1, 2
COLUMNS = {
    "audit_jobs": (
        "id client_key user_id kind state attempts price captured held created_at finished_at"
    ),
    "audit_ledger": "job_id account entry amount at",
    "audit_wallets": "user_id currency balance held granted bought captured refunded",
    "audit_deliveries": "job_id target state message_ref",
    "audit_provider_calls": "job_id attempt provider intent_at external_ref outcome",
}
ENDS = {"succeeded", "failed", "cancelled", "dead"}


class Job(NamedTuple):
    """What a job must look like from outside. `entries`: its lines in the ledger, in order."""

    state: str
    attempts: int
    price: int
    captured: int = 0
    held: int = 0
    entries: tuple[tuple[str, int], ...] = ()


@pytest_asyncio.fixture
async def rig(dsn: str, db: Database) -> AsyncIterator[Rig]:
    owner = await asyncpg.connect(dsn)
    made = Rig(owner, db)
    await made.person(ANN, cap=50, batv=40)
    yield made
    assert await made.violations() == []
    await owner.close()


async def submitted(rig: Rig, **changes: Any) -> UUID:
    answer = await rig.submit(ANN, **changes)
    assert answer.code == "ok"
    assert answer.job_id is not None
    return answer.job_id


async def started(rig: Rig, **changes: Any) -> UUID:
    job_id = await submitted(rig, **changes)
    assert (await rig.start(job_id)).code == "ok"
    return job_id


async def announced(rig: Rig, job_id: UUID, attempt: int) -> UUID:
    call = ProviderCall(uuid4(), "kie", "veo")
    assert await Calls(rig.db).announce(call, job_id, attempt) == "ok"
    return call.id


async def run_jobs(rig: Rig) -> dict[UUID, Job]:
    """One job of every kind of end, and of every state before one."""
    jobs, seen = rig.jobs, {}
    whole = await started(rig)
    await rig.succeed(await rig.start(whole, token=(await rig.row(whole))["lease_token"]))
    seen[whole] = Job(
        "succeeded", 1, 10_000, 10_000, entries=(("reserve", 10_000), ("capture", -10_000))
    )
    part = await started(rig, price_units=30_000)
    await rig.succeed(await again(rig, part), 12_345)
    lines = (("reserve", 30_000), ("release", -17_655), ("capture", -12_345))
    seen[part] = Job("succeeded", 1, 30_000, 12_345, entries=lines)
    nothing = await started(rig)
    await rig.succeed(await again(rig, nothing), 0)
    given_back = (("reserve", 10_000), ("release", -10_000))
    seen[nothing] = Job("succeeded", 1, 10_000, entries=given_back)
    free = await started(rig, price_units=0)
    await rig.succeed(await again(rig, free), 0)
    seen[free] = Job("succeeded", 1, 0)

    retried = await started(rig)
    assert (await jobs.retry(retried, 1, delay_s=0, code="unavailable"))[0] == "ok"
    await rig.succeed(await rig.start(retried))
    seen[retried] = seen[whole]._replace(attempts=2)
    failed = await started(rig)
    await jobs.fail(failed, 1, "content_refused")
    seen[failed] = Job("failed", 1, 10_000, entries=given_back)
    overdue = await started(rig)
    await rig.set(overdue, "deadline = clock_timestamp() - interval '1 h'")
    await rig.end_lease(overdue)
    await rig.sweep()
    seen[overdue] = seen[failed]
    dead = await buried(rig)
    seen[dead] = Job("dead", 3, 10_000, entries=given_back)
    late = await submitted(rig, run_at=now() + timedelta(hours=1))
    await jobs.cancel(late, ANN)
    unasked = await submitted(rig)
    await jobs.cancel(unasked, ANN)
    seen[late] = seen[unasked] = Job("cancelled", 0, 10_000)
    stopped = await started(rig)
    await jobs.cancel(stopped, ANN)
    seen[stopped] = Job("cancelled", 1, 10_000, entries=given_back)

    seen[await submitted(rig, run_at=now() + timedelta(hours=1))] = Job("waiting", 0, 10_000)
    seen[await submitted(rig)] = Job("queued", 0, 10_000)
    open_hold = (("reserve", 10_000),)
    seen[await started(rig)] = Job("running", 1, 10_000, held=10_000, entries=open_hold)
    parked = await started(rig)
    await jobs.park(parked, 1, delay_s=60, remote_ref="task-1")
    seen[parked] = Job("remote", 1, 10_000, held=10_000, entries=open_hold)
    return seen


async def again(rig: Rig, job_id: UUID) -> Any:
    """The same attempt, as after a lost reply."""
    return await rig.start(job_id, token=(await rig.row(job_id))["lease_token"])


async def buried(rig: Rig) -> UUID:
    """Killed its process twice, then once more while it ran alone."""
    job_id = await started(rig)
    await rig.end_lease(job_id)
    assert (await rig.start(job_id)).taken_over
    await rig.end_lease(job_id)
    assert (await rig.start(job_id)).code == "suspect"
    alone = await rig.start(job_id, alone=True)
    assert (await rig.jobs.bury(job_id, alone.attempt, deaths_max=1))[0] == "dead"
    return job_id


async def move_money(rig: Rig, refunded: UUID) -> None:
    """What happens to wallets without a job, and a refund of one."""
    corrections = Corrections(rig.db)
    why = {"reason": "r", "actor": "a"}
    await corrections.refund_job(new_id(), job_id=refunded, units=2_345, **why)
    await corrections.adjust(new_id(), user_id=ANN, currency=Currency.CREDIT, units=-7, **why)
    stars = Stars(rig.db)
    for charge in ("kept", "returned"):
        await stars.buy_units(charge, user_id=ANN, stars=9, units=9_000)
    await stars.refund("returned", **why)
    await rig.owner.execute(
        "select ledger.credit($1, $2, 1::smallint, 20500, 'bonus', clock_timestamp())",
        new_id(),
        ANN,
    )  # more than running jobs hold: what they do not need lapses
    await Subscriptions(rig.db).pay("plan", user_id=ANN, plan=PlanName.PRO, stars=100)
    exchange = Exchange(rig.db)
    source, target = Currency.BATV, Currency.CREDIT
    await exchange.set_rate(source, target, rate=Decimal("0.5"), actor="a", reason="r")
    offer = await exchange.offer(source, target, units=10_000)
    await exchange.convert(new_id(), user_id=ANN, offer=offer)
    holds = Holds(rig.db)
    ended, gone = new_id(), new_id()
    for hold in (ended, gone):
        await holds.reserve(hold, user_id=ANN, app=App.PENORA, units=1_000, ttl_s=60)
    await holds.capture(ended, app=App.PENORA, units=400)
    await rig.owner.execute(
        "update ledger.hold set expires_at = clock_timestamp() where id = $1", gone
    )
    swept = await housekeeping.sweep(rig.db, Subscriptions(rig.db))
    assert (swept.holds, swept.bonuses) == (1, 1)
    await holds.reserve(new_id(), user_id=ANN, app=App.PENORA, units=1_000, ttl_s=60)


async def rows_of(rig: Rig, view: str) -> list[dict[str, Any]]:
    rows = await rig.db.fetch(f"select * from public.{view}")
    columns = COLUMNS[view].split()
    for row in rows:
        assert list(row.keys()) == columns
    return [dict(row) for row in rows]


async def test_every_end_reads_as_what_was_done(rig: Rig) -> None:
    wanted = await run_jobs(rig)
    jobs = {row["id"]: row for row in await rows_of(rig, "audit_jobs")}
    ledger = await rows_of(rig, "audit_ledger")
    assert jobs.keys() == wanted.keys()
    order = ("reserve", "release", "capture")
    for job_id, row in jobs.items():
        lines = [(line["entry"], line["amount"]) for line in ledger if line["job_id"] == job_id]
        lines.sort(key=lambda line: order.index(line[0]))
        said = (row["state"], row["attempts"], row["price"], row["captured"], row["held"])
        assert Job(*said, entries=tuple(lines)) == wanted[job_id]
        assert row["held"] == sum(amount for _, amount in lines)
        assert (row["finished_at"] is not None) == (row["state"] in ENDS)
        assert (row["user_id"], row["client_key"]) == (ANN, str(job_id))
        assert row["finished_at"] is None or row["finished_at"] >= row["created_at"]
    told = [row["job_id"] for row in await rows_of(rig, "audit_deliveries")]
    assert sorted(told) == sorted(id_ for id_, row in jobs.items() if row["state"] in ENDS)


async def test_a_refusal_at_the_start_is_a_failure_that_held_nothing(rig: Rig) -> None:
    """What was there at `submit` may be gone at `start`."""
    await rig.person(BEN, credits_=1)
    answer = await rig.submit(BEN)
    assert answer.job_id is not None
    await Corrections(rig.db).adjust(
        new_id(), user_id=BEN, currency=Currency.CREDIT, units=-1, reason="r", actor="a"
    )
    assert (await rig.start(answer.job_id)).code == "insufficient"
    (row,) = await rows_of(rig, "audit_jobs")
    assert (row["state"], row["attempts"], row["captured"], row["held"]) == ("failed", 1, 0, 0)
    lines = [line for line in await rows_of(rig, "audit_ledger") if line["job_id"]]
    assert lines == []


async def test_wallets_and_ledger_say_the_same_of_everything_that_moves_money(rig: Rig) -> None:
    wanted = await run_jobs(rig)
    (whole, *_) = wanted
    await move_money(rig, whole)
    ledger = await rows_of(rig, "audit_ledger")
    assert {line["entry"] for line in ledger} == {
        *("reserve", "release", "capture", "refund", "grant", "bonus", "purchase"),
        *("convert", "lapse", "adjust"),
    }
    of_jobs = {line["job_id"] for line in ledger} - {None}
    assert of_jobs == {job_id for job_id, job in wanted.items() if job.entries}
    assert [line["amount"] for line in ledger if line["entry"] == "refund"] == [2_345]
    wallets = await rows_of(rig, "audit_wallets")
    assert {wallet["currency"] for wallet in wallets} == {"CREDIT", "BATV", "XTR"}
    for wallet in wallets:
        lines = [line for line in ledger if line["account"] == f"{ANN}:{wallet['currency']}"]

        def total(*entries: str, lines: list[dict[str, Any]] = lines) -> int:
            return sum(line["amount"] for line in lines if line["entry"] in entries)

        moved = wallet["granted"] + wallet["bought"] + wallet["refunded"] - wallet["captured"]
        assert wallet["balance"] == moved
        assert wallet["held"] == total("reserve", "release", "capture")
        assert wallet["captured"] == -total("capture")
        assert wallet["bought"] == total("purchase")
        assert wallet["refunded"] == total("refund")
        assert wallet["granted"] == total("grant", "bonus", "convert", "lapse", "adjust", "migrate")
    by_currency = {wallet["currency"]: wallet for wallet in wallets}
    assert by_currency["CREDIT"]["bought"] == 9_000, "what was returned is not bought"
    assert (by_currency["XTR"]["balance"], by_currency["XTR"]["bought"]) == (0, 0)
    open_holds = sum(job.held for job in wanted.values())
    assert by_currency["CREDIT"]["held"] == open_holds + 1_000, "and a partner's"


async def test_a_call_is_open_until_it_is_known_or_its_job_has_ended(rig: Rig) -> None:
    sold, left, kept = [await started(rig) for _ in range(3)]
    first = await announced(rig, sold, 1)
    await Calls(rig.db).note_task(first, sold, 1, "task-9")
    await Calls(rig.db).close(first, sold, 1, outcome="ok", sold=True, cost_usd_micros=5)
    await rig.succeed(await again(rig, sold))
    await announced(rig, left, 1)
    await rig.jobs.fail(left, 1, "internal")
    await announced(rig, kept, 1)
    calls = {row["job_id"]: row for row in await rows_of(rig, "audit_provider_calls")}
    said = {
        job_id: (row["attempt"], row["provider"], row["external_ref"], row["outcome"])
        for job_id, row in calls.items()
    }
    assert said == {
        sold: (1, "kie", "task-9", "ok"),
        left: (1, "kie", None, "abandoned"),
        kept: (1, "kie", None, None),
    }
    assert all(row["intent_at"] is not None for row in calls.values())
