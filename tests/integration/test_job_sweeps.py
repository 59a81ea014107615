"""The job state machine in SQL: crashes, schedules, sweeps, saving and the set-based forms."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from schemas.jobs import Kind, State
from storage.calls import Calls, ProviderCall
from storage.jobs import Draft, Jobs, Success
from storage.pool import Database
from tests.rig import KINDS, LEASE_S, Rig, job, success
from tests.support import wait_until

ANN = 1
WAITING = """
select count(*) from pg_stat_activity
 where wait_event_type = 'Lock' and datname = current_database()
"""
_READ_WHOLE = """
select schemaname, relname, seq_scan from pg_stat_xact_user_tables
 where schemaname in ('work', 'ledger', 'app') and seq_scan > 0
"""


@pytest_asyncio.fixture
async def rig(dsn: str, db: Database) -> AsyncIterator[Rig]:
    owner = await asyncpg.connect(dsn)
    made = Rig(owner, db)
    await made.person(ANN)
    yield made
    assert await made.violations() == []
    await owner.close()


async def test_the_second_crash_makes_a_suspect_that_runs_alone_and_dies_at_three(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.start(answer.job_id)
    await rig.end_lease(answer.job_id)
    assert (await rig.start(answer.job_id)).code == "ok"
    await rig.end_lease(answer.job_id)
    taken = await rig.start_answer(answer.job_id)
    assert (taken.jobs[0].code, [w.stream for w in taken.wakes]) == ("suspect", [4])
    assert (await rig.start(answer.job_id)).code == "suspect"
    for death in (1, 2, 3):
        alone = await rig.start(answer.job_id, alone=True)
        assert alone.code == "ok"
        code, wakes = await rig.jobs.bury(answer.job_id, alone.attempt, deaths_max=3)
        assert code == ("ok" if death < 3 else "dead")
        assert [w.stream for w in wakes] == ([4] if death < 3 else [])
    row = await rig.row(answer.job_id)
    assert (row["state"], row["code"], row["deaths"]) == ("dead", "poison", 3)
    assert await rig.wallet(ANN) == (600_000, 0)


async def test_old_crashes_are_forgotten(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.start(answer.job_id)
    await rig.end_lease(answer.job_id)
    await rig.start(answer.job_id)
    await rig.end_lease(answer.job_id)
    await rig.set(answer.job_id, "crashed_at = clock_timestamp() - interval '73 hours'")
    started = await rig.start(answer.job_id)
    assert (started.code, started.crashes) == ("ok", 1)


async def test_a_scheduled_job_promises_nothing_until_it_is_due(rig: Rig) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    answer = await rig.submit(ANN, run_at=later, price_units=600_000)
    assert answer.state is State.WAITING
    assert (await rig.member(ANN))["promised"] == 0
    assert (await rig.submit(ANN, price_units=600_000)).code == "ok"
    assert answer.job_id is not None
    await rig.set(answer.job_id, "due_at = clock_timestamp(), run_at = clock_timestamp()")
    assert ("next", answer.job_id) in await rig.sweep()
    assert (await rig.member(ANN))["promised"] == 1_200_000


async def test_a_request_is_given_back_at_every_end_but_success(rig: Rig) -> None:
    ids = [(await rig.submit(ANN, daily_limit=2)).job_id for _ in range(2)]
    assert (await rig.submit(ANN, daily_limit=2)).code == "daily_limit"
    a, b = (i for i in ids if i is not None)
    await rig.succeed(await rig.start(a))
    assert (await rig.submit(ANN, daily_limit=2)).code == "daily_limit"
    await rig.jobs.cancel(b, ANN)
    assert (await rig.submit(ANN, daily_limit=2)).code == "ok"
    assert (await rig.member(ANN))["used"] == [0, 0, 2, 0]


async def test_at_midnight_nobody_is_refused_by_the_turn_of_the_day(rig: Rig) -> None:
    await rig.owner.execute("update work.member set day = current_date - 1, used = '{9,9,9,9}'")
    answers = await asyncio.gather(
        *(rig.submit(ANN, daily_limit=8, price_units=0) for _ in range(8))
    )
    assert {a.code for a in answers} == {"ok"}
    assert (await rig.submit(ANN, daily_limit=8)).code == "daily_limit"


async def test_the_sweeper_leaves_a_backlog_alone_and_repeats_what_is_lost(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.set(answer.job_id, "due_at = clock_timestamp() - interval '1 hour'")
    sweep = "select * from work.sweep(500, array[2::smallint], array[$1::float8], 15, 5)"
    assert await rig.db.fetch(sweep, 4000.0) == []
    assert [r["what"] for r in await rig.db.fetch(sweep, 100.0)] == ["stale"]
    assert await rig.db.fetch(sweep, 100.0) == []


async def test_an_erased_person_pays_nothing_for_what_still_ran(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    started = await rig.start(answer.job_id)
    await rig.owner.execute("update work.member set closed = 'closed' where user_id = $1", ANN)
    assert (await rig.succeed(started))[0] == "ok"
    assert await rig.wallet(ANN) == (600_000, 0)


def draft(content: bytes, size: int) -> Draft:
    return Draft("text", b"title", content, b"{}", content.ljust(32, b"0"), size)


async def test_a_result_is_saved_once_and_within_the_quota(rig: Rig) -> None:
    ben = await rig.person(2, quota=100)
    saved = []
    for content, size in ((b"one", 60), (b"one", 60), (b"two", 60)):
        answer = await rig.submit(ben)
        assert answer.job_id is not None
        started = await rig.start(answer.job_id)
        ended, _ = await rig.jobs.succeed(
            Success(started.job_id, started.attempt, b"r", 1, 10_000, draft(content, size))
        )
        assert ended.code == "ok"
        saved.append(ended.project_code)
    assert [code is not None for code in saved] == [True, True, False]
    assert await rig.owner.fetchval("select used_bytes from app.workspace where user_id = 2") == 60


async def test_batches_answer_as_single_calls_do(rig: Rig) -> None:
    ben = await rig.person(2, cap=1)
    known = job(ANN, key="known")
    await rig.jobs.submit(known)
    asked = [
        job(ANN),
        job(ANN),
        job(ben),
        job(ben),
        job(ANN, key="known"),
        job(ANN, key="known", body_hash=uuid4()),
        job(99),
        job(ben, price_units=10**12),
        job(ben, daily_limit=0),
    ]
    answers = await rig.jobs.submit_many(asked)
    assert [a.code for a in answers] == [
        "ok", "ok", "ok", "ok", "replay", "key_conflict", "no_account", "insufficient", "daily_limit",
    ]  # fmt: skip
    assert [a.state for a in answers[:4]] == [
        State.QUEUED,
        State.WAITING,
        State.QUEUED,
        State.WAITING,
    ]
    ids = [known.id, *(a.id for a in asked[:4])]
    started = await rig.jobs.start_many(
        [(i, uuid4()) for i in ids], worker="w", lease_s=LEASE_S, kinds=KINDS
    )
    by_id = {s.job_id: s for s in started.jobs}
    assert [by_id[i].code for i in ids] == ["ok", "ok", "not_due", "ok", "not_due"]
    ran = [by_id[i] for i in ids if by_id[i].code == "ok"]
    ended, wakes = await rig.jobs.succeed_many([success(s.job_id, s.attempt) for s in ran])
    assert [e.code for e in ended] == ["ok", "ok", "ok"]
    assert {w.job_id for w in wakes} == {asked[1].id, asked[3].id}
    again, _ = await rig.jobs.succeed_many([success(s.job_id, s.attempt) for s in ran])
    assert [e.code for e in again] == ["ok", "ok", "ok"]
    assert await rig.wallet(ANN) == (580_000, 0)


@pytest.mark.parametrize("saved", [None, 2])
@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]])
async def test_each_of_a_set_ends_with_what_is_its_own(
    rig: Rig, order: list[int], saved: int | None
) -> None:
    """In whatever order a set is brought, and whether one of it is saved as a project or none."""
    ben = await rig.person(2, credits_=10, cap=5)
    new = [job(ben) for _ in order]
    await rig.jobs.submit_many([new[n] for n in order])
    draft = Draft("text", b"title", b"content", b"metadata", b"s" * 32, 7)
    tokens = [uuid4() for _ in order]
    started = await rig.jobs.start_many(
        [(new[n].id, tokens[n]) for n in order], worker="w", lease_s=LEASE_S, kinds=KINDS
    )
    assert {s.code for s in started.jobs} == {"ok"}
    ends = [
        Success(
            new[n].id, 1, b"result %d" % n, 1, 1_000 * n, draft if n == saved else None,
            f"model-{n}", f"provider-{n}", 10 + n, 20 + n,
        )
        for n in order
    ]  # fmt: skip
    ended, _ = await rig.jobs.succeed_many(ends)
    assert [(e.code, e.captured_units) for e in ended] == [("ok", 1_000 * n) for n in order]
    assert [e.project_code is not None for e in ended] == [n == saved for n in order]
    for n, each in enumerate(new):
        row = await rig.row(each.id)
        used = await rig.owner.fetchrow("select * from work.usage where job_id = $1", each.id)
        kept = await rig.owner.fetchrow("select * from ledger.hold where id = $1", each.id)
        assert used is not None
        assert kept is not None
        assert (row["result"], row["captured"]) == (b"result %d" % n, 1_000 * n)
        assert (kept["captured"], kept["state"]) == (1_000 * n, "captured" if n else "released")
        assert (used["model"], used["provider"]) == (f"model-{n}", f"provider-{n}")
        assert (used["tokens"], used["units"]) == (10 + n, 20 + n)


async def test_a_set_out_of_order_is_refused_whole(rig: Rig) -> None:
    """Each job would get what belongs to another."""
    none: list[None] = [None, None]
    ids = sorted((uuid4(), uuid4()), reverse=True)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await rig.owner.fetch(
            "select * from work.succeed_many($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)",
            ids, [1, 1], [b"one", b"two"], [1, 1], [0, 0], none, none, none, none, none, none,
            ["", ""], ["", ""], [0, 0], [0, 0],
        )  # fmt: skip
    assert refused.value.sqlstate == "WK001"


async def test_a_set_reads_no_table_from_end_to_end_not_even_an_empty_one(rig: Rig) -> None:
    """A session keeps the plan of a statement, and the table grows under it."""
    new = [job(ANN), job(await rig.person(2)), job(await rig.person(3))]
    async with rig.db.transaction() as connection:
        jobs = Jobs(cast("Database", connection))
        await jobs.submit_many(new)
        started = await jobs.start_many(
            [(each.id, uuid4()) for each in new], worker="w", lease_s=LEASE_S, kinds=KINDS
        )
        ended, _ = await jobs.succeed_many([success(s.job_id, s.attempt) for s in started.jobs])
        read = await connection.fetch(_READ_WHOLE)
    assert [e.code for e in ended] == ["ok", "ok", "ok"]
    assert [tuple(row) for row in read] == []


async def test_nor_does_a_job_that_goes_alone(rig: Rig) -> None:
    """Where it has been noted that the tables are small, whole ones would be the cheaper ones to read."""
    await rig.owner.execute("analyze")
    new = job(ANN)
    async with rig.db.transaction() as connection:
        jobs = Jobs(cast("Database", connection))
        await jobs.submit(new)
        await jobs.start(new.id, uuid4(), worker="w", lease_s=LEASE_S, kinds=KINDS)
        ended, _ = await jobs.succeed(success(new.id, 1))
        read = await connection.fetch(_READ_WHOLE)
    assert ended.code == "ok"
    assert [tuple(row) for row in read] == []


async def test_a_batch_of_starts_fails_what_cannot_be_paid(rig: Rig) -> None:
    ben = await rig.person(2, credits_=1, cap=2)
    first = job(ben)
    await rig.jobs.submit(first)
    await rig.owner.execute("update work.member set promised = 0 where user_id = $1", ben)
    rest = [job(ben), job(ben)]
    await rig.jobs.submit(rest[0])
    await rig.owner.execute("update work.member set promised = 0 where user_id = $1", ben)
    await rig.jobs.submit(rest[1])
    await rig.owner.execute("update work.member set promised = 30000 where user_id = $1", ben)
    answer = await rig.jobs.start_many(
        [(first.id, uuid4()), (rest[0].id, uuid4())], worker="w", lease_s=LEASE_S, kinds=KINDS
    )
    assert sorted(s.code for s in answer.jobs) == ["insufficient", "ok"]
    assert [w.job_id for w in answer.wakes] == [rest[1].id]


async def test_one_sweeper_at_a_time(rig: Rig, dsn: str) -> None:
    other = await asyncpg.connect(dsn)
    async with other.transaction():
        await other.fetch("select * from work.sweep(1, '{}', '{}', 15, 5)")
        assert await rig.sweep() == [("busy", None)]
    assert await rig.sweep() == []
    await other.close()


LONG_AGO = "clock_timestamp() - interval '10 minutes'"


async def bought(rig: Rig, state: str) -> UUID:
    """A video that is paid for, in `state`, ten minutes past its deadline: everything was down."""
    answer = await rig.submit(ANN, kind=Kind.VIDEO_GENERATE, price_units=50_000)
    assert answer.job_id is not None
    job_id = answer.job_id
    await rig.start(job_id)
    call = ProviderCall(uuid4(), "kie", "m")
    assert await Calls(rig.db).announce(call, job_id, 1) == "ok"
    match state:
        case "remote":
            await rig.jobs.park(job_id, 1, delay_s=60, remote_ref="task-1")
        case "running":
            await rig.set(job_id, f"lease_until = {LONG_AGO}")
        case _:
            delay_s = 60 if state == "queued on a timer" else 0
            await rig.jobs.retry(job_id, 1, delay_s=delay_s, code="x", bought=True)
    await rig.set(job_id, f"deadline = {LONG_AGO}, due_at = {LONG_AGO}")
    return job_id


@pytest.mark.parametrize("state", ["remote", "running", "queued", "queued on a timer"])
async def test_the_last_look_after_an_outage_may_bring_the_work_home(rig: Rig, state: str) -> None:
    job_id = await bought(rig, state)
    assert await rig.sweep() == [("look", job_id)]
    # A backlog: whoever has been told comes to it late.
    await rig.set(job_id, "due_at = due_at - interval '1 minute'")
    await rig.set(job_id, "lease_until = lease_until - interval '1 minute'")
    assert await rig.sweep() == [("stale", job_id)]
    await rig.set(job_id, "due_at = due_at - interval '30 s'")
    started = await rig.start(job_id)
    assert (started.code, started.last_look) == ("ok", True)
    assert await rig.sweep() == []
    assert (await rig.succeed(started, 50_000))[0] == "ok"
    assert await rig.wallet(ANN) == (550_000, 0)


@pytest.mark.parametrize("state", ["remote", "running", "queued"])
async def test_a_last_look_lasts_a_lease_however_often_it_is_renewed(rig: Rig, state: str) -> None:
    job_id = await bought(rig, state)
    await rig.sweep()
    started = await rig.start(job_id)
    await rig.set(job_id, "due_at = due_at - interval '16 s'")
    assert await rig.jobs.renew([(job_id, started.attempt)], lease_s=60) == []
    assert await rig.sweep() == [("overdue", job_id)]
    assert (await rig.succeed(started, 50_000))[0] == "late"
    assert await rig.wallet(ANN) == (600_000, 0)


@pytest.mark.parametrize("state", ["remote", "running", "queued"])
async def test_there_is_one_last_look_also_when_its_process_dies(rig: Rig, state: str) -> None:
    job_id = await bought(rig, state)
    await rig.sweep()
    await rig.start(job_id, lease_s=1.0)
    await rig.set(job_id, "due_at = due_at - interval '5 s'")
    await rig.set(job_id, "lease_until = lease_until - interval '5 s'")
    assert (await rig.start(job_id)).code == "overdue"
    assert await rig.sweep() == [("overdue", job_id)]
    assert (await rig.row(job_id))["code"] == "overdue"


async def test_a_batch_of_starts_begins_last_looks_too(rig: Rig) -> None:
    jobs = [await bought(rig, "remote"), await bought(rig, "running")]
    assert {what for what, _ in await rig.sweep()} == {"look"}
    for job_id in jobs:
        await rig.set(job_id, "due_at = due_at - interval '1 minute'")
        await rig.set(job_id, "lease_until = lease_until - interval '1 minute'")
    answer = await rig.jobs.start_many(
        [(i, uuid4()) for i in jobs], worker="w", lease_s=LEASE_S, kinds=KINDS
    )
    assert {(s.code, s.last_look) for s in answer.jobs} == {("ok", True)}
    assert await rig.sweep() == []


async def test_what_has_bought_nothing_is_not_looked_at(rig: Rig) -> None:
    answer = await rig.submit(ANN)
    assert answer.job_id is not None
    await rig.start(answer.job_id)
    await rig.jobs.retry(answer.job_id, 1, delay_s=60, code="x")
    await rig.set(answer.job_id, f"deadline = {LONG_AGO}, due_at = {LONG_AGO}")
    assert await rig.sweep() == [("overdue", answer.job_id)]


async def test_a_job_far_ahead_does_not_keep_what_others_wrote(rig: Rig) -> None:
    """It is passed by, and forgotten in its own time: 90 days after its end, like all."""
    later = datetime.now(UTC) + timedelta(days=366)
    ids = [
        (await rig.submit(ANN, run_at=run_at, price_units=0)).job_id
        for run_at in (later, None, later, None)
    ]
    ahead, short, other, recent = (i for i in ids if i is not None)
    for job_id in (short, recent):
        assert (await rig.succeed(await rig.start(job_id), 0))[0] == "ok"
    old = "clock_timestamp() - interval '100 days'"
    for job_id in (ahead, short, other):
        await rig.set(job_id, f"created_at = {old}")
    await rig.set(short, f"finished_at = {old}")

    async def kept() -> list[bool]:
        for _ in range(3):
            await rig.db.fetchval(
                "select work.forget_jobs($1, 2)", datetime.now(UTC) - timedelta(days=90)
            )
        return [(await rig.row(i))["payload"] is not None for i in (ahead, short, other, recent)]

    assert await kept() == [True, False, True, True]
    await rig.jobs.cancel(ahead, ANN)
    assert await kept() == [True, False, True, True]
    await rig.set(ahead, f"finished_at = {old}")
    await rig.set(recent, f"created_at = {old}, finished_at = {old}")
    assert await kept() == [False, False, True, False]
    assert await rig.owner.fetchval("select array_agg(job_id) from work.unforgotten") == [other]


async def test_forgetting_and_erasing_never_wait_in_a_circle(rig: Rig, dsn: str) -> None:
    """Both touch many jobs: the third by id lies in the middle, and holds the erasing up there."""
    low, high, last = UUID(int=1), UUID(int=2), UUID(int=3)
    long_ago = datetime.now(UTC) - timedelta(days=100)
    for job_id in (low, last, high):
        await rig.submit(ANN, id=job_id)
        await rig.jobs.cancel(job_id, ANN)
        if job_id != last:
            await rig.set(job_id, f"created_at = '{long_ago}', finished_at = '{long_ago}'")
    await rig.owner.execute("insert into work.unforgotten values ($1, now())", low)
    await rig.owner.execute("insert into work.retention_mark values ('jobs', $1)", low)
    assert await rig.owner.fetchval("select app.begin_erasing($1)", ANN)

    async def waiting(count: int) -> bool:
        return bool(await rig.owner.fetchval(WAITING) == count)

    other = await asyncpg.connect(dsn)
    async with other.transaction():
        await other.execute("select from work.job where id = $1 for update", last)
        erased = asyncio.create_task(
            rig.db.fetchval("select code from app.finish_erasing($1)", ANN)
        )
        await wait_until(lambda: waiting(1), 10, "the erasing waits in the middle")
        forget = "select work.forget_jobs($1, 9)"
        forgotten = asyncio.create_task(rig.db.fetchval(forget, long_ago + timedelta(days=1)))
        await wait_until(lambda: waiting(2), 10, "the forgetting waits for the erasing")
    await other.close()
    assert (await erased, await forgotten) == ("ok", 2)
