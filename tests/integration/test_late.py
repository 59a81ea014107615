"""What was bought for a job that the house has ended since: looked for, kept, given free, told; in order
and for no longer than a day.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from ops.base import metrics
from ops.sandbox import Sandbox
from schemas.errors import Retryable
from schemas.events import JobEvent, channel_of
from schemas.ids import new_id
from schemas.jobs import Kind, State
from schemas.payloads import TextImprove
from schemas.results import TextImproved, VideoGenerated, artifacts_of
from storage.blobs import Blobs
from storage.calls import Calls, ProviderCall
from storage.gifts import TRIES_MAX, Gift, Gifts
from storage.projects import Projects
from storage.results import Results
from storage.streams import Entry
from tests.chaos.market import FILM, Market
from tests.ring import MASTER_KEY, Ring
from tests.support import wait_until
from workers.app import WorkerApp
from workers.runtime.hand import Held
from workers.tasks.context import TaskContext
from workers.tasks.registry import Task

KINDS = ("video.generate:1", "text.improve:1")


@dataclass
class Scene:
    """A worker that reads nothing: only its late looks are called."""

    market: Market
    app: WorkerApp
    ann: int

    @property
    def ring(self) -> Ring:
        return self.market.ring

    async def order(self, *, callback_url: str | None = None) -> str:
        """A film, ordered at the provider as a worker would; answers the id of its task."""
        body: dict[str, Any] = {
            "model": "kling-3.0/video",
            "input": {"prompt": "a night city", "duration": "4", "aspect_ratio": "16:9"},
        }
        if callback_url:
            body["callBackUrl"] = callback_url
        url = f"{self.market.sandbox.kie_url}/api/v1/jobs/createTask"
        async with httpx.AsyncClient(trust_env=False) as client:
            said = await client.post(url, json=body, headers={"Authorization": "Bearer any"})
        return str(said.json()["data"]["taskId"])

    async def ended(self, ref: str | None, *, code: str = "overdue", **more: Any) -> UUID:
        """A job whose film is ordered, and which the house has ended since."""
        job_id = await self.market.submit(self.ann, FILM, **more)
        token = uuid4()
        answer = await self.ring.jobs.start(job_id, token, worker="w", lease_s=60, kinds=KINDS)
        assert answer.jobs[0].code == "ok"
        call, calls = ProviderCall(new_id(), "kie", "kling-3.0"), Calls(self.ring.db)
        assert await calls.announce(call, job_id, 1) == "ok"
        if ref is not None:
            assert await calls.note_task(call.id, job_id, 1, ref) == "ok"
        assert (await self.ring.jobs.fail(job_id, 1, code))[0] == "ok"
        return job_id

    async def call(self, job_id: UUID) -> dict[str, Any]:
        (row,) = await self.market.calls(job_id)
        return row

    async def look(self, job_id: UUID) -> int:
        """One round, now, whatever the pause is."""
        await self.ring.owner.execute(
            "update work.provider_call set late_at = clock_timestamp()"
            " where job_id = $1 and late_at is not null",
            job_id,
        )
        return await self.app.late.round(within_s=60)

    async def given(self, job_id: UUID) -> bool:
        count = await self.ring.owner.fetchval(
            "select count(*) from work.gift where job_id = $1", job_id
        )
        return bool(count)

    def results(self) -> Results:
        ring = self.ring
        return Results(ring.db, ring.keys, Blobs.open(str(ring.settings.blob_url)))


@pytest_asyncio.fixture
async def scene(dsn: str, redis_url: str, tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Scene]:
    ring = await Ring.open(dsn, redis_url, tmp_path)
    market = Market.open(ring, sandbox, public_url="https://leyden.example")
    app = await WorkerApp.open(ring.settings, master_key=MASTER_KEY)
    yield Scene(market, app, await ring.person())
    try:
        assert await ring.violations() == []
        assert await ring.captures() == 0
        assert await ring.open_holds() == 0
    finally:
        await app.close()
        await ring.close()


async def test_a_film_that_came_too_late_is_its_users_and_free(scene: Scene) -> None:
    job_id = await scene.ended(await scene.order())
    assert (await scene.call(job_id))["outcome"] == "abandoned"
    assert await scene.app.late.round(within_s=60) == 0  # not within the first half minute
    heard: list[JobEvent] = []
    async with scene.ring.queue.pubsub() as ear:
        await ear.subscribe(channel_of(scene.ann))

        async def listen() -> bool:
            message = await ear.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message is not None:
                heard.append(JobEvent.model_validate_json(message["data"]))
            return bool(heard)

        assert await scene.look(job_id) == 1  # it runs
        assert not await scene.given(job_id)
        assert await scene.look(job_id) == 1
        await wait_until(listen, 10, "the event")
    assert [(event.job_id, event.what) for event in heard] == [(job_id, "given")]
    view = await scene.results().get(scene.ann, job_id)
    assert (view.state, view.captured_units) == (State.FAILED, 0)
    assert isinstance(view.result, VideoGenerated)
    (artifact,) = artifacts_of(view.result)
    _, film = await scene.results().artifact(scene.ann, job_id, 0)
    assert len(film) == artifact.size_bytes > 1_000
    assert view.project is not None
    project = await Projects(scene.ring.db, scene.ring.keys).get(scene.ann, view.project)
    assert (project.job_id, project.type) == (job_id, "video")
    call = await scene.call(job_id)
    assert (call["outcome"], call["sold"], call["late_at"]) == ("late", True, None)
    assert call["cost_usd_micros"] > 0
    assert len(await scene.market.orders()) == 1
    assert await scene.market.deliveries(job_id) == 2  # the end, and the gift


async def test_a_gift_is_counted(scene: Scene) -> None:
    before = metrics.late_results._value.get()
    job_id = await scene.ended(await scene.order())
    await scene.look(job_id)
    assert metrics.late_results._value.get() == before
    await scene.look(job_id)
    assert metrics.late_results._value.get() == before + 1


async def test_it_is_given_once_however_often_it_is_looked_at(scene: Scene) -> None:
    job_id = await scene.ended(await scene.order())
    await scene.look(job_id)
    await scene.look(job_id)
    assert await scene.given(job_id)
    await scene.ring.owner.execute(
        "update work.provider_call set late_at = clock_timestamp() where job_id = $1", job_id
    )
    assert await scene.app.late.round(within_s=60) == 1
    assert await scene.market.deliveries(job_id) == 2
    projects = "select count(*) from app.project where job_id = $1"
    assert await scene.ring.owner.fetchval(projects, job_id) == 1


async def test_a_died_look_is_found_by_the_next_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the manifest and the commit: the files are there, the provider is not asked again."""
    job_id = await scene.ended(await scene.order())
    await scene.look(job_id)

    async def dies(_gifts: Gifts, _gift: Gift) -> Any:
        raise asyncio.CancelledError

    with monkeypatch.context() as dying:
        dying.setattr(Gifts, "give", dies)
        with pytest.raises(asyncio.CancelledError):
            await scene.look(job_id)
    call = await scene.call(job_id)
    assert call["late_at"] is not None  # claimed, and so looked at again
    polls = len(scene.market.sandbox.calls(operation="poll"))
    await scene.look(job_id)
    assert await scene.given(job_id)
    assert len(scene.market.sandbox.calls(operation="poll")) == polls


async def test_a_task_that_goes_on_is_asked_after_more_and_more_rarely_and_not_for_ever(
    scene: Scene,
) -> None:
    scene.market.sandbox.set_faults({"match": {"operation": "task"}, "fault": "task_forever"})
    job_id = await scene.ended(await scene.order())
    pauses: list[float] = []
    for _ in range(TRIES_MAX + 3):
        await scene.look(job_id)
        wait = "select extract(epoch from late_at - clock_timestamp()) from work.provider_call"
        left_s = await scene.ring.owner.fetchval(f"{wait} where job_id = $1", job_id)
        pauses.append(0.0 if left_s is None else float(left_s))
    assert pauses[0] < pauses[3] < pauses[5]
    assert max(pauses) <= 7_200
    assert sum(pauses) < 2 * 86_400
    assert pauses[TRIES_MAX - 1 :] == [0.0] * 4
    call = await scene.call(job_id)
    assert (call["outcome"], call["late_tries"]) == ("abandoned", TRIES_MAX)
    assert not await scene.given(job_id)


async def test_after_a_day_one_look_is_the_last(scene: Scene) -> None:
    scene.market.sandbox.set_faults({"match": {"operation": "task"}, "fault": "task_forever"})
    job_id = await scene.ended(await scene.order())
    await scene.ring.owner.execute(
        "update work.job set finished_at = finished_at - interval '25 h' where id = $1", job_id
    )
    assert await scene.look(job_id) == 1
    assert (await scene.call(job_id))["late_at"] is None


async def test_a_task_that_failed_is_closed_and_forgotten(scene: Scene) -> None:
    scene.market.sandbox.set_faults({"match": {"operation": "task"}, "fault": "task_failed"})
    job_id = await scene.ended(await scene.order())
    for _ in range(3):
        await scene.look(job_id)
    call = await scene.call(job_id)
    assert (call["outcome"], call["sold"], call["late_at"]) == ("failed", False, None)
    assert not await scene.given(job_id)


async def test_what_its_user_has_cancelled_is_not_given(scene: Scene) -> None:
    """A cancel is no end by the house; the few calls that it leaves open are closed with the job."""
    job_id = await scene.market.submit(scene.ann, FILM)
    await scene.ring.jobs.start(job_id, uuid4(), worker="w", lease_s=60, kinds=KINDS)
    call, calls = ProviderCall(new_id(), "kie", "kling-3.0"), Calls(scene.ring.db)
    await calls.announce(call, job_id, 1)
    await calls.note_task(call.id, job_id, 1, await scene.order())
    assert (await scene.ring.jobs.cancel(job_id, scene.ann))[0] == "requested"
    said, _ = await scene.ring.jobs.retry(job_id, 1, delay_s=0, code="cancelled", counted=False)
    assert said == "cancelled"
    assert (await scene.call(job_id))["late_at"] is None
    assert await scene.look(job_id) == 0


async def test_an_erased_person_is_given_nothing(scene: Scene) -> None:
    job_id = await scene.ended(await scene.order())
    await scene.look(job_id)
    await scene.ring.owner.execute(
        "update work.member set closed = 'closed' where user_id = $1", scene.ann
    )
    await scene.look(job_id)
    assert not await scene.given(job_id)
    assert (await scene.call(job_id))["late_at"] is None


@pytest.mark.parametrize("ours", [True, False])
async def test_a_callback_after_the_end_brings_an_id_that_is_read_back_first(
    scene: Scene, ours: bool
) -> None:
    """Window 10, and nobody heard of the task before the deadline. A stranger's task is not taken."""
    scene.market.sandbox.set_timing(callback_s=3_600)
    job_id = await scene.ended(None, code="provider_unknown")
    call = await scene.call(job_id)
    assert call["late_at"] is None
    address = scene.app.late._ports.addresses.of("kie", call["id"])
    ref = await scene.order(callback_url=address if ours else "https://elsewhere.example/x")
    said, wakes = await Calls(scene.ring.db).hear(call["id"], ref)
    assert (said, wakes) == ("ended", ())
    assert (await scene.call(job_id))["late_at"] is not None  # now, not in half a minute
    for _ in range(3):
        await scene.look(job_id)
    assert await scene.given(job_id) is ours
    assert ((await scene.call(job_id))["external_ref"] == ref) is ours


async def test_an_id_that_its_provider_does_not_show_yet_is_looked_for_again(scene: Scene) -> None:
    job_id = await scene.ended(None, code="provider_unknown")
    await Calls(scene.ring.db).hear((await scene.call(job_id))["id"], "not-there-yet")
    assert await scene.look(job_id) == 1
    call = await scene.call(job_id)
    assert (call["external_ref"], call["claimed_refs"]) == (None, ["not-there-yet"])
    assert call["late_at"] is not None


async def test_looks_keep_to_the_limits_of_their_provider(scene: Scene) -> None:
    """The account is told to be quiet: no look reaches it, and each is made later."""
    job_id = await scene.ended(await scene.order())
    model = scene.app.providers.model("kling-3.0")
    assert model is not None
    guard = scene.app.providers._guard

    async def refused() -> None:
        raise Retryable("rate_limited", retry_after_s=60.0)

    with pytest.raises(Exception, match="rate_limited"):
        await guard.call(model, refused, left_s=10, bought=True)
    before = len(scene.market.sandbox.calls(operation="poll"))
    assert await scene.look(job_id) == 1
    assert len(scene.market.sandbox.calls(operation="poll")) == before
    assert (await scene.call(job_id))["late_at"] is not None


async def test_a_result_whose_job_was_ended_under_its_hands_is_given(
    scene: Scene,
) -> None:
    """The house is faster than the commit of the result: `late` is what the commit answers."""
    ring = scene.ring

    async def slow(payload: TextImprove, ctx: TaskContext) -> TextImproved:
        assert (await ring.jobs.fail(ctx.job_id, ctx.attempt, "overdue"))[0] == "ok"
        return TextImproved(provider="local", model="local-text", made_by="us", text=payload.text)

    tasks = {Kind.TEXT_IMPROVE: Task(Kind.TEXT_IMPROVE, slow)}
    app = await WorkerApp.open(ring.settings, master_key=MASTER_KEY, tasks=tasks)
    job_id = await ring.submit(scene.ann, "a text that took long")
    held = Held(Entry(1, b"1-1", job_id, "text.improve", ""))
    answer = await ring.jobs.start(job_id, held.token, worker="w", lease_s=60, kinds=KINDS)
    await app.pipeline.run(held, answer.jobs[0])
    await app.close()
    view = await scene.results().get(scene.ann, job_id)
    assert (view.state, view.code, view.captured_units) == (State.FAILED, "overdue", 0)
    assert isinstance(view.result, TextImproved)
    assert view.project is not None
    assert await scene.given(job_id)
    assert await scene.market.deliveries(job_id) == 2
