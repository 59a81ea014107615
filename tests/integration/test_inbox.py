"""Outside events once, bad ones aside; and what is forgotten of jobs, calls and events."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest_asyncio

from producers.desk import Desk
from storage.blobs import Blobs
from storage.calls import Calls
from storage.gauges import updates_open
from storage.inbox import Inbox
from storage.pool import Database
from storage.retention import Retention
from tests.integration.edge import a_wish, desk_on, finish_text

AGE_JOBS = "update work.job set finished_at = now() - interval '91 days' where id = any ($1)"
AGE_EVENTS = "update app.inbox set received_at = now() - interval '31 days'"
OLD_CALL = """
insert into work.provider_call (id, job_id, attempt, provider, model, intent_at, outcome)
values (gen_random_uuid(), $1, 1, 'p', 'm', now() - make_interval(days => $2), $3)
"""


@pytest_asyncio.fixture
async def owner(dsn: str) -> AsyncIterator[Database]:
    opened = await Database.open(dsn, size=1, role=None)
    yield opened
    await opened.close()


async def test_an_event_that_comes_twice_is_one_event(db: Database) -> None:
    inbox = Inbox(db)
    added = await asyncio.gather(*(inbox.add("telegram", "1", b"body") for _ in range(10)))
    assert len([one for one in added if one is not None]) == 1
    assert await inbox.add("kie", "1", b"body") is not None
    assert [event.external_id for event in await inbox.open()] == ["1", "1"]


async def test_what_nobody_has_handled_is_counted_with_its_age(
    db: Database, owner: Database
) -> None:
    """Updates of bots only: callbacks are heard by somebody else."""
    inbox = Inbox(db)
    assert await updates_open(db) == (0, 0.0)
    first = await inbox.add("tg:4242", "1", b"body")
    assert first is not None
    await owner.execute("update app.inbox set received_at = now() - interval '2 minutes'")
    await inbox.add("tg:4343", "2", b"body")
    await inbox.add("kie", "3", b"body")
    number, oldest_s = await updates_open(db)
    assert number == 2
    assert 120 <= oldest_s < 600
    await inbox.handled(first, "ok")
    number, oldest_s = await updates_open(db)
    assert number == 1
    assert oldest_s < 120


async def test_an_event_is_handled_once(db: Database) -> None:
    inbox = Inbox(db)
    event_id = await inbox.add("telegram", "1", b"body")
    assert event_id is not None
    done = await asyncio.gather(*(inbox.handled(event_id, "ok") for _ in range(5)))
    assert sorted(done) == [False] * 4 + [True]
    assert await inbox.open() == []


async def test_a_bad_event_is_set_aside_and_the_rest_goes_on(db: Database) -> None:
    inbox = Inbox(db, tries_max=3)
    bad, good = await inbox.add("telegram", "1", b"\xff"), await inbox.add("telegram", "2", b"ok")
    assert bad is not None
    assert [await inbox.failed(bad, "unreadable") for _ in range(3)] == [False, False, True]
    assert [event.id for event in await inbox.open()] == [good]
    assert await inbox.open(older_than_s=60) == []


async def test_what_ended_long_ago_is_forgotten_and_what_was_saved_stays(
    dsn: str, redis_url: str, tmp_path: Path, owner: Database
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        user_id = (await desk.users.ensure("dev", "ann")).user_id
        jobs = [(await desk.intake.submit(a_wish(user_id, f"t{n}"))).job_id for n in range(4)]
        codes = [(await finish_text(desk, job, f"r{job}")).project_code for job in jobs[:3]]
        await owner.execute(AGE_JOBS, [jobs[0], jobs[1]])
        await forget(desk)
        assert await whole(owner) == {jobs[2], jobs[3]}
        view = await desk.results.get(user_id, jobs[0])
        assert (view.state, view.result, view.captured_units) == ("succeeded", None, 10_000)
        assert (await desk.projects.content(user_id, codes[0] or ""))[1]
        assert (await desk.receipts.of_job(jobs[0])).captured_units == 10_000

        await owner.execute(AGE_JOBS, [jobs[2]])
        await forget(desk)
        assert await whole(owner) == {jobs[3]}
        assert await owner.fetch("select * from ledger.violations") == []


async def test_old_blocks_are_forgotten_like_what_they_were_about(
    db: Database, owner: Database, tmp_path: Path
) -> None:
    old, new = UUID(int=1), UUID(int=2)
    for job_id in (old, new):
        await Calls(db).note_block(job_id, class_="violence", score=0.9, judge="rules")
    await owner.execute(
        "update work.moderation set at = at - interval '91 days' where job_id = $1", old
    )
    forgotten = await Retention(db, Blobs.open(tmp_path.as_uri())).run()
    assert forgotten.blocks == 1
    assert [row["job_id"] for row in await db.fetch("select * from work.moderation")] == [new]


async def test_old_events_and_calls_are_forgotten_unless_they_are_open(
    db: Database, owner: Database, tmp_path: Path
) -> None:
    inbox = Inbox(db)
    handled, waiting = (
        await inbox.add("telegram", "1", b"x"),
        await inbox.add("telegram", "2", b"x"),
    )
    assert handled is not None
    await inbox.handled(handled, "ok")
    await owner.execute(AGE_EVENTS)
    for days, outcome in ((400, "ok"), (400, None), (10, "ok")):
        await owner.execute(OLD_CALL, UUID(int=1), days, outcome)
    forgotten = await Retention(db, Blobs.open(tmp_path.as_uri())).run()
    assert (forgotten.inbox, forgotten.provider_calls) == (1, 1)
    assert [event.id for event in await inbox.open()] == [waiting]
    assert await owner.fetchval("select count(*) from work.provider_call") == 2


async def forget(desk: Desk) -> None:
    await Retention(desk.db, Blobs.open(desk.settings.blob_url)).run()


async def whole(owner: Database) -> set[UUID]:
    rows = await owner.fetch("select id from work.job where payload is not null")
    return {row["id"] for row in rows}
