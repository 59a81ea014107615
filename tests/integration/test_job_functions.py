"""The job state machine in SQL, function by function, as the application calls it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from ledger.holds import Holds
from schemas.errors import Conflict
from schemas.jobs import Kind, Priority, State
from schemas.money import App
from storage.calls import Calls, ProviderCall
from storage.pool import Database
from tests.rig import KINDS, LEASE_S, Rig, success

ANN = 1


@pytest_asyncio.fixture
async def rig(dsn: str, db: Database) -> AsyncIterator[Rig]:
    owner = await asyncpg.connect(dsn)
    made = Rig(owner, db)
    await made.person(ANN)
    yield made
    assert await made.violations() == []
    await owner.close()


async def test_submit_queues_and_wakes(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert (answer.code, answer.state, answer.price_units) == ("ok", State.QUEUED, 10_000)
    assert answer.job_id is not None
    assert [(w.job_id, w.stream, w.kind) for w in answer.wakes] == [
        (answer.job_id, 2, "text.improve")
    ]


async def test_the_same_key_gives_the_same_job_and_another_body_is_refused(rig: Rig) -> None:
    first = await rig.submit(ANN, key="k")
    again = await rig.submit(ANN, key="k")
    other = await rig.submit(ANN, key="k", body_hash=uuid4())
    assert (again.code, again.job_id, again.wakes) == ("replay", first.job_id, ())
    assert other.code == "key_conflict"
    assert (await rig.member(ANN))["promised"] == 10_000


async def test_a_known_key_is_answered_before_any_refusal(rig: Rig) -> None:
    first = await rig.submit(ANN, key="k", daily_limit=1)
    again = await rig.submit(ANN, key="k", daily_limit=1)
    refused = await rig.submit(ANN, key="other", daily_limit=1)
    assert (again.code, again.job_id) == ("replay", first.job_id)
    assert refused.code == "daily_limit"


async def test_refusals_write_nothing(rig: Rig) -> None:
    poor = await rig.person(2, credits_=1, waiting_max=0, cap=1)
    assert (await rig.submit(99)).code == "no_account"
    assert (await rig.submit(poor, price_units=10_001)).code == "insufficient"
    assert (await rig.submit(poor)).code == "ok"
    assert (await rig.submit(poor, price_units=0)).code == "backlog_full"
    member = await rig.member(poor)
    assert (member["active"], member["waiting"], member["used"]) == (
        [1, 0, 0, 0, 0],
        [0] * 5,
        [0, 0, 1, 0],
    )
    await rig.owner.execute("update work.member set closed = 'suspended' where user_id = $1", poor)
    assert (await rig.submit(poor)).code == "suspended"
    assert await rig.owner.fetchval("select count(*) from work.job") == 1


async def test_promises_of_all_unfinished_jobs_count(rig: Rig) -> None:
    ben = await rig.person(2, credits_=3, cap=1)
    answers = [await rig.submit(ben) for _ in range(4)]
    assert [a.code for a in answers] == ["ok", "ok", "ok", "insufficient"]


async def test_the_cap_holds_per_lane_and_an_end_queues_the_next(rig: Rig) -> None:
    texts = [await rig.submit(ANN) for _ in range(4)]
    image = await rig.submit(ANN, kind=Kind.IMAGE_GENERATE)
    assert [a.state for a in texts] == [State.QUEUED, State.QUEUED, State.WAITING, State.WAITING]
    assert image.state is State.QUEUED
    first = texts[0].job_id
    assert first is not None
    code, wakes = await rig.succeed(await rig.start(first))
    assert (code, [w.job_id for w in wakes]) == ("ok", [texts[2].job_id])


async def test_the_next_is_the_best_priority_then_the_oldest(rig: Rig) -> None:
    running = [await rig.submit(ANN) for _ in range(2)]
    low = await rig.submit(ANN, priority=Priority.LOW)
    normal = await rig.submit(ANN)
    high = await rig.submit(ANN, priority=Priority.HIGH)
    order = []
    for answer in running:
        assert answer.job_id is not None
        _, wakes = await rig.succeed(await rig.start(answer.job_id))
        order += [w.job_id for w in wakes]
    assert order == [high.job_id, normal.job_id]
    assert (await rig.member(ANN))["waiting"][0] == 1
    assert low.state is State.WAITING


async def test_every_end_queues_the_next(rig: Rig) -> None:
    one = await rig.person(2, cap=1)
    ids = [(await rig.submit(one)).job_id for _ in range(4)]
    assert all(ids)
    a, b, c, d = (i for i in ids if i is not None)
    started = await rig.start(a)
    assert [w.job_id for w in (await rig.jobs.fail(a, started.attempt, "provider_refused"))[1]] == [
        b
    ]
    assert [w.job_id for w in (await rig.jobs.cancel(b, one))[1]] == [c]
    started = await rig.start(c)
    await rig.set(c, "deadline = clock_timestamp() - interval '1 hour'")
    await rig.end_lease(c)
    assert ("next", d) in await rig.sweep()
    assert (await rig.row(c))["code"] == "overdue"


async def test_start_holds_and_succeed_captures(rig: Rig) -> None:
    answer = await rig.submit(ANN, price_units=50_000)
    assert answer.job_id is not None
    started = await rig.start(answer.job_id)
    assert await rig.wallet(ANN) == (600_000, 50_000)
    assert await rig.succeed(started, 30_000) == ("ok", ())
    assert await rig.wallet(ANN) == (570_000, 0)
    row = await rig.row(answer.job_id)
    assert (row["state"], row["captured"], row["result"]) == ("succeeded", 30_000, b"result")


async def test_a_repeated_succeed_answers_the_same_and_charges_once(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    started = await rig.start(answer.job_id)
    for _ in range(3):
        ended, _ = await rig.jobs.succeed(success(started.job_id, started.attempt))
        assert (ended.code, ended.captured_units) == ("ok", 10_000)
    assert await rig.wallet(ANN) == (590_000, 0)


async def test_the_house_pays_any_excess(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.succeed(await rig.start(answer.job_id), 99_999)
    assert await rig.wallet(ANN) == (590_000, 0)


async def test_capturing_nothing_releases(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.succeed(await rig.start(answer.job_id), 0)
    assert await rig.wallet(ANN) == (600_000, 0)


async def test_a_free_job_has_no_hold(rig: Rig) -> None:
    answer = await rig.submit(ANN, price_units=0)
    assert answer.job_id is not None
    await rig.succeed(await rig.start(answer.job_id), 0)
    assert await rig.owner.fetchval("select count(*) from ledger.hold") == 0


async def test_the_first_wallet_that_covers_the_whole_price_pays(rig: Rig) -> None:
    both = await rig.person(2, credits_=10, batv=3)
    small = await rig.submit(both, spend_order=(2, 1), price_units=30_000)
    large = await rig.submit(both, spend_order=(2, 1), price_units=40_000)
    for answer in (small, large):
        assert answer.job_id is not None
        await rig.start(answer.job_id)
    assert await rig.wallet(both, 2) == (30_000, 30_000)
    assert await rig.wallet(both, 1) == (100_000, 40_000)


async def test_a_job_that_cannot_be_paid_at_start_fails_without_a_charge(rig: Rig) -> None:
    ben = await rig.person(2, credits_=2)
    first = await rig.submit(ben, price_units=20_000)
    await rig.owner.execute("update work.member set promised = 0 where user_id = $1", ben)
    second = await rig.submit(ben, price_units=10_000)
    await rig.owner.execute("update work.member set promised = 30000 where user_id = $1", ben)
    assert first.job_id is not None
    assert second.job_id is not None
    assert (await rig.start(first.job_id)).code == "ok"
    assert (await rig.start(second.job_id)).code == "insufficient"
    row = await rig.row(second.job_id)
    assert (row["state"], row["code"], row["captured"]) == ("failed", "insufficient", 0)


async def test_a_partner_cannot_take_the_id_of_a_job(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    with pytest.raises(Conflict, match="key_conflict"):
        await Holds(rig.db).reserve(
            answer.job_id, user_id=ANN, app=App.PENORA, units=10_000, ttl_s=60
        )
    assert (await rig.succeed(await rig.start(answer.job_id)))[0] == "ok"


@pytest.mark.parametrize("together", [False, True])
async def test_a_job_under_the_id_of_a_partners_hold_ends_without_touching_it(
    rig: Rig, together: bool
) -> None:
    holds = Holds(rig.db)
    jobs = [uuid4(), uuid4()]
    for job_id in jobs:
        await holds.reserve(job_id, user_id=ANN, app=App.PENORA, units=20_000, ttl_s=60)
        await rig.submit(ANN, id=job_id)
    if together:
        tokens = [(job_id, uuid4()) for job_id in jobs]
        answer = await rig.jobs.start_many(tokens, worker="w", lease_s=LEASE_S, kinds=KINDS)
        refused = [started.code for started in answer.jobs]
    else:
        refused = [(await rig.start(job_id)).code for job_id in jobs]
    assert refused == ["key_conflict", "key_conflict"]
    for job_id in jobs:
        row = await rig.row(job_id)
        assert (row["state"], row["code"]) == ("failed", "key_conflict")
    assert await rig.wallet(ANN) == (600_000, 40_000)
    for job_id in jobs:
        assert (await holds.release(job_id, app=App.PENORA)).replayed is False
    assert await rig.wallet(ANN) == (600_000, 0)


async def test_only_one_delivery_gets_the_lease_and_a_lost_reply_gets_it_again(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    token = uuid4()
    first = await rig.start(answer.job_id, token=token)
    again = await rig.start(answer.job_id, token=token)
    other = await rig.start(answer.job_id)
    assert (first.code, again.code, again.attempt, other.code) == (
        "ok",
        "ok",
        first.attempt,
        "leased",
    )


async def test_an_ended_lease_is_taken_over_and_the_first_is_a_zombie(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    first = await rig.start(answer.job_id)
    await rig.end_lease(answer.job_id)
    assert ("lease", answer.job_id) in await rig.sweep()
    second = await rig.start(answer.job_id)
    assert (second.code, second.attempt, second.tries, second.crashes) == ("ok", 2, 1, 1)
    assert (first.taken_over, second.taken_over) == (False, True)
    assert (await rig.succeed(first))[0] == "zombie"
    assert (await rig.jobs.fail(first.job_id, first.attempt, "x"))[0] == "zombie"
    assert (await rig.jobs.retry(first.job_id, first.attempt, delay_s=0, code="x"))[0] == "zombie"
    assert (await rig.jobs.park(first.job_id, first.attempt, delay_s=1))[0] == "zombie"
    assert [
        r.verdict for r in await rig.jobs.renew([(first.job_id, first.attempt)], lease_s=9)
    ] == ["lost"]
    assert (await rig.succeed(second))[0] == "ok"
    assert await rig.wallet(ANN) == (590_000, 0)


async def test_renew_keeps_the_lease(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    started = await rig.start(answer.job_id)
    before = (await rig.row(answer.job_id))["lease_until"]
    assert await rig.jobs.renew([(started.job_id, started.attempt)], lease_s=60) == []
    assert (await rig.row(answer.job_id))["lease_until"] > before + timedelta(seconds=40)


async def test_unknown_kinds_stay_queued_for_a_newer_worker(rig: Rig) -> None:
    answer = await rig.submit(ANN, version=2)
    assert answer.job_id is not None
    assert (await rig.start(answer.job_id)).code == "unknown_kind"
    assert (await rig.row(answer.job_id))["state"] == "queued"
    await rig.set(answer.job_id, "due_at = clock_timestamp()")
    assert ("due", answer.job_id) in await rig.sweep()
    assert (await rig.start(answer.job_id, kinds=["text.improve:2"])).code == "ok"


async def test_retry_waits_counts_and_ends(rig: Rig) -> None:
    answer = await rig.submit(ANN, max_tries=2)
    assert answer.job_id is not None
    started = await rig.start(answer.job_id)
    code, wakes = await rig.jobs.retry(started.job_id, 1, delay_s=30, code="provider_unavailable")
    assert (code, wakes) == ("ok", ())
    assert (await rig.jobs.retry(started.job_id, 1, delay_s=30, code="provider_unavailable"))[
        0
    ] == "ok"
    assert (await rig.start(answer.job_id)).code == "not_due"
    assert await rig.wallet(ANN) == (600_000, 10_000)
    await rig.set(answer.job_id, "due_at = clock_timestamp(), run_at = clock_timestamp()")
    assert ("due", answer.job_id) in await rig.sweep()
    started = await rig.start(answer.job_id)
    assert (started.attempt, started.tries) == (2, 1)
    assert (await rig.jobs.retry(started.job_id, 2, delay_s=0, code="provider_unavailable"))[
        0
    ] == "failed"
    assert (await rig.row(answer.job_id))["code"] == "provider_unavailable"
    assert await rig.wallet(ANN) == (600_000, 0)


async def test_handing_back_is_not_a_try(rig: Rig) -> None:
    answer = await rig.submit(ANN, max_tries=1)
    assert answer.job_id is not None
    for attempt in (1, 2, 3):
        started = await rig.start(answer.job_id)
        assert started.attempt == attempt
        code, wakes = await rig.jobs.retry(
            answer.job_id, attempt, delay_s=0, code="handed_back", counted=False
        )
        assert (code, [w.job_id for w in wakes]) == ("ok", [answer.job_id])


async def test_park_polls_without_tries_and_ends_after_a_last_look(rig: Rig) -> None:
    answer = await rig.submit(ANN, kind=Kind.VIDEO_GENERATE, price_units=50_000)
    assert answer.job_id is not None
    started = await rig.start(answer.job_id)
    assert (await rig.jobs.park(answer.job_id, 1, delay_s=60, remote_ref="task-1"))[0] == "ok"
    assert (await rig.start(answer.job_id)).code == "not_due"
    await rig.set(answer.job_id, "due_at = clock_timestamp(), run_at = clock_timestamp()")
    assert ("due", answer.job_id) in await rig.sweep()
    started = await rig.start(answer.job_id)
    assert (started.attempt, started.tries, started.remote_ref, started.last_look) == (
        2,
        0,
        "task-1",
        False,
    )
    await rig.jobs.park(answer.job_id, 2, delay_s=60)
    await rig.set(answer.job_id, "due_at = clock_timestamp(), deadline = clock_timestamp()")
    assert ("look", answer.job_id) in await rig.sweep()
    started = await rig.start(answer.job_id)
    assert (started.code, started.last_look) == ("ok", True)
    assert (await rig.jobs.park(answer.job_id, 3, delay_s=60))[0] == "overdue"
    assert (await rig.jobs.fail(answer.job_id, 3, "overdue"))[0] == "ok"
    assert (await rig.jobs.succeed(success(answer.job_id, 3, 50_000)))[0].code == "late"
    row = await rig.row(answer.job_id)
    assert (row["state"], row["result"], row["captured"]) == ("failed", b"result", 0)
    assert await rig.wallet(ANN) == (600_000, 0)


async def test_progress_moves_the_deadline(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.start(answer.job_id)
    await rig.set(answer.job_id, "deadline = clock_timestamp() + interval '1 s'")
    await rig.jobs.park(answer.job_id, 1, delay_s=5, remote_ref="t", extend_s=600)
    left = (await rig.row(answer.job_id))["deadline"] - datetime.now(UTC)
    assert left > timedelta(seconds=500)


async def test_cancel_is_free_until_something_may_have_been_bought(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.start(answer.job_id)
    assert (await rig.jobs.cancel(answer.job_id, 99))[0] == "missing"
    assert (await rig.jobs.cancel(answer.job_id, ANN))[0] == "cancelled"
    assert (await rig.jobs.cancel(answer.job_id, ANN))[0] == "cancelled"
    assert await rig.wallet(ANN) == (600_000, 0)
    assert [r.verdict for r in await rig.jobs.renew([(answer.job_id, 1)], lease_s=9)] == ["lost"]


async def test_cancel_after_an_intent_is_a_request(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.start(answer.job_id)
    journal, call = Calls(rig.db), ProviderCall(uuid4(), "openai", "gpt")
    assert await journal.announce(call, answer.job_id, 1) == "ok"
    other = ProviderCall(uuid4(), "openai", "gpt")
    assert await journal.announce(other, answer.job_id, 9) == "lost"
    assert (await rig.jobs.cancel(answer.job_id, ANN))[0] == "requested"
    assert [r.verdict for r in await rig.jobs.renew([(answer.job_id, 1)], lease_s=9)] == ["cancel"]
    assert await journal.announce(other, answer.job_id, 1) == "cancelled"
    assert await journal.note_task(call.id, answer.job_id, 1, "task-7") == "ok"
    assert await journal.close(
        call.id, answer.job_id, 1, outcome="ok", sold=True, cost_usd_micros=500
    )
    assert (await rig.jobs.succeed(success(answer.job_id, 1)))[0].code == "ok"
    calls = await rig.db.fetch("select * from public.audit_provider_calls")
    assert [(c["attempt"], c["external_ref"], c["outcome"]) for c in calls] == [(1, "task-7", "ok")]


async def test_an_unsold_call_makes_the_wished_cancel_happen(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.start(answer.job_id)
    call = ProviderCall(uuid4(), "openai", "gpt")
    assert await Calls(rig.db).announce(call, answer.job_id, 1) == "ok"
    assert (await rig.jobs.cancel(answer.job_id, ANN))[0] == "requested"
    assert (await rig.jobs.retry(answer.job_id, 1, delay_s=5, code="rate_limited"))[
        0
    ] == "cancelled"
    assert await rig.wallet(ANN) == (600_000, 0)
