"""The one way in: once and only once, or a clear refusal with nothing written."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from ops import samples
from ops.base.clock import now
from ops.stack import StackHandle
from producers.desk import Desk
from producers.replay import Replays
from producers.request import SubmitRequest, canonical
from schemas.errors import (
    Conflict,
    Insufficient,
    InvalidInput,
    LeydenError,
    Missing,
    NotAllowed,
    TooMuch,
    Unavailable,
)
from schemas.money import App
from storage.jobs import Jobs
from storage.pool import Database
from tests.integration.edge import DOWN, a_wish, commit_durably, desk_on, finish_text, started
from tests.support import wait_until

COUNT = "select count(*) from audit_jobs"


@pytest_asyncio.fixture
async def desk(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_on(dsn, redis_url, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ann(desk: Desk) -> int:
    return (await desk.users.ensure("dev", "ann")).user_id


async def test_an_accepted_job_is_stored_woken_and_priced(
    desk: Desk, ann: int, redis_url: str
) -> None:
    accepted = await desk.intake.submit(a_wish(ann, "x" * 1801))
    assert (accepted.state, accepted.price_units, accepted.currency) == ("queued", 20_000, "CREDIT")
    assert not accepted.replayed
    async with Redis.from_url(redis_url) as redis:
        entries = await redis.xrange("leyden:s:3")
    assert [fields[b"i"] for _, fields in entries] == [accepted.job_id.bytes]
    running = await started(desk, accepted.job_id)
    assert b"xxx" not in running.payload


async def test_the_same_key_is_the_same_job_and_another_body_is_refused(
    desk: Desk, ann: int
) -> None:
    first = await desk.intake.submit(a_wish(ann, key="k"))
    again = await desk.intake.submit(a_wish(ann, key="k"))
    assert (again.job_id, again.replayed) == (first.job_id, True)
    for other in (
        a_wish(ann, "other", key="k"),
        a_wish(ann, key="k", app=App.IMAGEGENE),
        a_wish(ann, key="k", run_at=now() + timedelta(hours=1)),
    ):
        with pytest.raises(Conflict) as caught:
            await desk.intake.submit(other)
        assert caught.value.code == "key_conflict"
    assert await desk.db.fetchval(COUNT) == 1


async def test_without_a_key_each_call_is_a_new_job(desk: Desk, ann: int) -> None:
    made = {(await desk.intake.submit(a_wish(ann))).job_id for _ in range(3)}
    assert len(made) == 3


async def test_a_key_belongs_to_its_user(desk: Desk, ann: int) -> None:
    bob = (await desk.users.ensure("dev", "bob")).user_id
    first = await desk.intake.submit(a_wish(ann, key="k"))
    other = await desk.intake.submit(a_wish(bob, "another body", key="k"))
    assert first.job_id != other.job_id


async def test_a_hundred_calls_at_once_with_one_key_make_one_job(desk: Desk, ann: int) -> None:
    answers = await asyncio.gather(*(desk.intake.submit(a_wish(ann, key="k")) for _ in range(100)))
    assert len({answer.job_id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert await desk.db.fetchval(COUNT) == 1
    assert await desk.db.fetch("select * from work.violations") == []


async def test_a_known_key_is_answered_before_any_refusal(desk: Desk, ann: int) -> None:
    """The file has expired and the wallet is empty: the job of the first time is still there."""
    sent = await desk.receive(ann, samples.pdf())
    wish = a_wish(ann, kind="file.process", input={"file": str(sent.id)}, key="k")
    first = await desk.intake.submit(wish)
    await desk.db.execute("delete from app.file")
    again = await desk.intake.submit(wish)
    assert (again.job_id, again.replayed) == (first.job_id, True)
    with pytest.raises(Missing):
        await desk.intake.submit(replace(wish, key="new"))


BAD: list[tuple[str, dict[str, Any], type[LeydenError], str]] = [
    ("nope", {}, InvalidInput, "unknown_kind"),
    ("text.improve", {}, InvalidInput, "invalid_input"),
    ("text.improve", {"text": "x", "txet": "y"}, InvalidInput, "invalid_input"),
    ("text.improve", {"text": " "}, InvalidInput, "invalid_input"),
    ("text.improve", {"text": "x" * 300_000}, InvalidInput, "payload_too_large"),
    ("text.improve", {"text": "\ud800"}, InvalidInput, "invalid_input"),
    ("text.improve", {"text": "x", "kind": "image.edit"}, InvalidInput, "invalid_input"),
    ("text.improve", {"text": "x", "model": "gpt-9"}, InvalidInput, "unknown_model"),
    ("text.improve", {"text": "x", "model": "image.default"}, InvalidInput, "unknown_model"),
    ("text.generate", {"prompt": "x", "pages": -1}, InvalidInput, "invalid_input"),
    ("text.generate", {"prompt": "x", "pages": 10**30}, InvalidInput, "invalid_input"),
    ("image.generate", {"prompt": "x", "width": 10**6}, InvalidInput, "invalid_input"),
    ("image.edit", {"file": "x", "operations": []}, InvalidInput, "invalid_input"),
    ("image.analyze", {"file": str(uuid4())}, Missing, "file_not_found"),
    ("video.generate", {}, InvalidInput, "invalid_input"),
]


@pytest.mark.parametrize(("kind", "body", "error", "code"), BAD)
async def test_bad_input_is_refused_and_nothing_is_written(
    desk: Desk, ann: int, kind: str, body: dict[str, Any], error: type[LeydenError], code: str
) -> None:
    with pytest.raises(error) as caught:
        await desk.intake.submit(a_wish(ann, kind=kind, input=body))
    assert caught.value.code == code
    assert await desk.db.fetchval(COUNT) == 0
    used = await desk.db.fetchval("select used from work.member where user_id = $1", ann)
    assert used == [0, 0, 0, 0]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "ключ", "a\n"])
async def test_what_is_no_key_is_refused(desk: Desk, ann: int, key: str) -> None:
    with pytest.raises(InvalidInput):
        await desk.intake.submit(a_wish(ann, key=key))


@pytest.mark.parametrize("run_at", [datetime(2026, 1, 1), now() + timedelta(days=400)])
async def test_a_time_without_zone_or_too_far_is_refused(
    desk: Desk, ann: int, run_at: datetime
) -> None:
    with pytest.raises(InvalidInput):
        await desk.intake.submit(a_wish(ann, run_at=run_at))


async def test_a_file_of_the_wrong_type_or_of_somebody_else_is_refused(
    desk: Desk, ann: int
) -> None:
    bob = (await desk.users.ensure("dev", "bob")).user_id
    paper = await desk.receive(ann, samples.pdf())
    with pytest.raises(InvalidInput) as caught:
        await desk.intake.submit(a_wish(ann, kind="image.analyze", input={"file": str(paper.id)}))
    assert caught.value.code == "wrong_file_type"
    with pytest.raises(Missing):
        await desk.intake.submit(a_wish(bob, kind="file.process", input={"file": str(paper.id)}))


async def test_a_file_is_priced_by_its_pages_and_kept_until_its_job_is_due(
    desk: Desk, ann: int
) -> None:
    paper = await desk.receive(ann, samples.pdf())
    due = now() + timedelta(days=20)
    wish = a_wish(ann, kind="file.process", input={"file": str(paper.id)}, run_at=due)
    accepted = await desk.intake.submit(wish)
    assert (accepted.state, accepted.price_units) == ("waiting", 20_000)
    assert (await desk.files.get(ann, paper.id)).expires_at > due


async def test_a_model_by_name_needs_a_plan_that_lists_it(
    desk: Desk, ann: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from schemas.plans import PlanName, plans

    free = plans().plans[PlanName.FREE].model_copy(update={"models": ()})
    monkeypatch.setitem(plans().plans, PlanName.FREE, free)
    with pytest.raises(NotAllowed) as caught:
        await desk.intake.submit(a_wish(ann, input={"text": "x", "model": "local-text"}))
    assert caught.value.code == "model_not_in_plan"
    assert caught.value.facts == {"model": "local-text", "plan": "FREE"}
    alias = await desk.intake.submit(a_wish(ann, input={"text": "x", "model": "text.default"}))
    assert alias.state == "queued"


async def test_insufficient_names_what_is_needed_and_every_wallet(desk: Desk, ann: int) -> None:
    big = {"prompt": "x", "pages": 20}
    for _ in range(3):
        await desk.intake.submit(a_wish(ann, kind="text.generate", input=big))
    with pytest.raises(Insufficient) as caught:
        await desk.intake.submit(a_wish(ann, kind="text.generate", input=big))
    facts = caught.value.facts
    assert (facts["price_units"], facts["available_units"]) == (200_000, 0)
    assert facts["wallets"] == {"CREDIT": "60"}
    assert await desk.db.fetchval(COUNT) == 3


async def test_a_first_use_brings_its_grant_once_and_pays_with_it(desk: Desk, ann: int) -> None:
    first = await desk.intake.submit(a_wish(ann, app=App.VIAIZER))
    await desk.intake.submit(a_wish(ann, app=App.VIAIZER))
    assert first.currency == "BATV"
    held = {w.currency.value: w.balance_units for w in await desk.wallets.balances(ann)}
    assert held == {"CREDIT": 600_000, "BATV": 250_000}


async def test_the_daily_limit_and_the_backlog_are_told_with_numbers(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path, waiting_max=3) as desk:
        user_id = (await desk.users.ensure("dev", "ann")).user_id
        for _ in range(5):
            await desk.intake.submit(a_wish(user_id))
        with pytest.raises(TooMuch) as caught:
            await desk.intake.submit(a_wish(user_id))
        assert (caught.value.code, caught.value.facts) == ("backlog_full", {"waiting": 3})


async def test_the_daily_limit_is_refused_with_its_count(desk: Desk, ann: int, dsn: str) -> None:
    owner = await Database.open(dsn, size=1, role=None)
    await owner.execute(
        "update work.member set used = '{25,0,0,0}', day = (now() at time zone 'UTC')::date"
    )
    await owner.close()
    with pytest.raises(TooMuch) as caught:
        await desk.intake.submit(a_wish(ann, app=App.VIAIZER))
    assert caught.value.code == "daily_limit"
    assert (caught.value.facts["used"], caught.value.facts["limit"]) == (25, 25)


async def test_redis_being_down_refuses_nothing(dsn: str, tmp_path: Path) -> None:
    async with desk_on(dsn, DOWN, tmp_path) as desk:
        user_id = (await desk.users.ensure("dev", "ann")).user_id
        answers = [await desk.intake.submit(a_wish(user_id)) for _ in range(5)]
        assert [answer.state for answer in answers] == ["queued"] * 2 + ["waiting"] * 3


async def test_a_crash_of_postgres_loses_no_accepted_job_and_doubles_none(
    dsn: str, redis_url: str, tmp_path: Path, stack: StackHandle
) -> None:
    """Calls are in flight when the server dies; each is answered in the end, or not accepted."""
    await commit_durably(dsn)
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        user_id = (await desk.users.ensure("dev", "ann")).user_id

        async def submit(number: int) -> Any:
            try:
                return await desk.intake.submit(a_wish(user_id, f"text {number}", key=f"k{number}"))
            except LeydenError as error:
                return error

        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(submit(number)) for number in range(40)]
            await wait_until(lambda: any(call.done() for call in calls), 10, "a first answer")
            await asyncio.to_thread(stack.servers.postgres.crash)
            stack.servers.start()  # in the main thread, whose death would end the servers
        answers = [call.result() for call in calls]
        accepted = {one.job_id for one in answers if not isinstance(one, LeydenError)}
        rows = await once_it_answers(desk, "select id, client_key from audit_jobs")
        assert accepted
        assert accepted <= {row["id"] for row in rows}
        assert len({row["client_key"] for row in rows}) == len(rows)
        assert await desk.db.fetch("select * from work.violations") == []


async def once_it_answers(desk: Desk, sql: str) -> list[Any]:
    """A connection of the pool may belong to the server that died: each is found out once."""

    async def ask() -> list[Any] | None:
        with suppress(Unavailable):
            return list(await desk.db.fetch(sql))
        return None

    rows = await wait_until(ask, 10, "PostgreSQL answers again")
    return rows or []


async def test_cancel_gives_everything_back_and_is_its_owners(desk: Desk, ann: int) -> None:
    bob = (await desk.users.ensure("dev", "bob")).user_id
    job_id = (await desk.intake.submit(a_wish(ann))).job_id
    with pytest.raises(Missing):
        await desk.intake.cancel(bob, job_id)
    assert await desk.intake.cancel(ann, job_id) == "cancelled"
    assert await desk.intake.cancel(ann, job_id) == "cancelled"
    done = (await desk.intake.submit(a_wish(ann))).job_id
    await finish_text(desk, done)
    with pytest.raises(Conflict) as caught:
        await desk.intake.cancel(ann, done)
    assert caught.value.code == "too_late"


async def test_a_dead_job_is_replayed_as_a_new_one_once(desk: Desk, ann: int, dsn: str) -> None:
    dead = (await desk.intake.submit(a_wish(ann, "poison"))).job_id
    answer = await Jobs(desk.db).start(
        dead, uuid4(), worker="test", lease_s=30, kinds=["text.improve:1"], alone=True
    )
    code, _ = await Jobs(desk.db).bury(dead, answer.jobs[0].attempt, deaths_max=1)
    assert code == "dead"
    replays = Replays(desk)
    preview = await replays.preview(())
    assert ([line.id for line in preview.jobs], preview.price_units) == ([dead], 10_000)
    assert preview.user_ids == (ann,)
    first = await replays.run(preview)
    again = await replays.run(preview)
    assert first[0].code == "ok"
    assert first[0].new_id == again[0].new_id != dead
    view = await desk.results.get(ann, first[0].new_id or dead)
    assert (view.state, view.replay_of) == ("queued", dead)
    with pytest.raises(Missing):
        await replays.preview([uuid4()])


def test_the_same_wish_has_the_same_bytes_however_it_was_written() -> None:
    one = SubmitRequest(1, App.PENORA, "text.improve", {"text": "é", "style": "formal"})
    two = SubmitRequest(1, App.PENORA, "text.improve", {"style": "formal", "text": "é"})
    assert canonical(one) == canonical(two)
    assert canonical(one) != canonical(replace(one, input={"text": "é"}))
