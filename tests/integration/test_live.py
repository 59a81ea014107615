"""A running job in its chat: drafts that grow, cards that move, and nothing that a job would wait for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import SecretStr

from ops.base import metrics
from ops.base.nursery import Nursery
from ops.stack import StackHandle
from schemas.buttons import CANCEL
from schemas.jobs import Kind, Lane, Priority, stream_number
from schemas.payloads import TextImprove
from schemas.results import TextImproved
from schemas.targets import draft_id_of
from storage.cards import Cards
from storage.jobs import Started
from storage.streams import Entry
from tests.integration.sandbox_telegram import BOT_ID, TOKEN, Play, playing
from tests.ring import MASTER_KEY, Ring
from tests.support import wait_until
from workers.app import WorkerApp
from workers.delivery.live import Live, Pace
from workers.delivery.wire import Wire
from workers.providers.journal import Parked
from workers.runtime.hand import Held
from workers.tasks.context import TaskContext
from workers.tasks.registry import Task
from workers.watching import UNWATCHED

KINDS = ("text.improve:1",)
STREAM = stream_number(Lane.TEXT, Priority.NORMAL)
QUICK = Pace(first_s=0.0, draft_every_s=0.05, edit_every_s=0.05, card_pauses_s=(0.05, 0.1, 0.2))


@dataclass
class Scene:
    """Ann, her chat with the bot, and the group she is in."""

    play: Play
    ring: Ring
    wire: Wire
    live: Live
    ann: int
    chat_id: int
    group_id: int

    async def running(self) -> tuple[Held, Started]:
        job_id = await self.ring.submit(self.ann, "a text")
        held = Held(Entry(STREAM, b"1-1", job_id, "text.improve", ""))
        answer = await self.ring.jobs.start(job_id, held.token, worker="w", lease_s=60, kinds=KINDS)
        assert answer.jobs[0].code == "ok"
        return held, answer.jobs[0]

    async def card(self, job_id: UUID, chat_id: int, language: str = "en") -> int:
        sent = await self.play.call("sendMessage", chat_id=chat_id, text="Accepted")
        message_id = int(sent["result"]["message_id"])
        cards = Cards(self.ring.db)
        draft_id = draft_id_of(job_id)
        assert await cards.add(job_id, "viaizer", chat_id, message_id, language, draft_id)
        return message_id

    async def drafted(self, job_id: UUID) -> bool:
        card = await Cards(self.ring.db).of_job(job_id)
        assert card is not None
        return card.drafted

    async def calls(self, method: str) -> list[dict[str, Any]]:
        return await self.play.calls(method=method)

    async def said(self, method: str) -> list[str]:
        return [str(call["params"].get("text") or "") for call in await self.calls(method)]

    async def wait_said(self, method: str, what: str) -> None:
        async def said() -> bool:
            return any(what in text for text in await self.said(method))

        await wait_until(said, 20, f"{method} says {what!r}")


@pytest_asyncio.fixture
async def scene(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    ring = await Ring.open(dsn, redis_url, tmp_path)
    async with playing() as play:
        told = {
            "telegram_bots": SecretStr(f"viaizer:{TOKEN}"),
            "telegram_base_url": play.url,
        }
        ring.settings = ring.settings.model_copy(update=told)
        person = await play.ann()
        group = await play.do("chats", title="Friends", owner=person)
        await play.do("members", chat=group["id"], account=BOT_ID, status="member")
        wire = Wire.open(ring.settings, ring.queue)
        live = Live(wire, Cards(ring.db), pace=QUICK)
        yield Scene(play, ring, wire, live, await ring.person(), person, int(group["id"]))
        await live.close()
        await wire.close()
    await ring.close()


async def test_a_text_grows_in_a_draft_that_can_be_stopped(scene: Scene) -> None:
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    await wait_until(lambda: scene.calls("sendMessageDraft"), 20, "thinking is shown")
    assert await scene.said("sendMessageDraft") == [""]
    show.partial("Tides **are")
    await scene.wait_said("sendMessageDraft", "Tides **are")
    show.partial("Tides **are** high")
    await scene.wait_said("sendMessageDraft", "Tides <b>are</b> high")
    await show.leave()
    calls = await scene.calls("sendMessageDraft")
    assert {call["params"]["draft_id"] for call in calls} == {str(draft_id_of(started.job_id))}
    assert all(call["params"]["can_stop"] == "true" for call in calls)
    assert await scene.drafted(started.job_id)
    assert await scene.calls("editMessageText") == []


async def test_a_group_sees_the_card_change_and_keeps_its_cancel_button(scene: Scene) -> None:
    _, started = await scene.running()
    message_id = await scene.card(started.job_id, scene.group_id, "ru")
    show = scene.live.watch(started, Kind.TEXT_IMPROVE)
    show.partial("1 < 2 *as is*")
    await scene.wait_said("editMessageText", "1 &lt; 2 *as is*")
    await show.leave()
    assert await scene.calls("sendMessageDraft") == []
    assert not await scene.drafted(started.job_id)
    (call,) = await scene.calls("editMessageText")
    assert call["params"]["message_id"] == str(message_id)
    assert "1 кредит" in call["params"]["text"]
    keyboard = call["params"]["reply_markup"]
    assert CANCEL in str(keyboard)


async def test_a_picture_moves_a_bar_and_says_nothing_twice(scene: Scene) -> None:
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    show = scene.live.watch(started, Kind.IMAGE_GENERATE)
    show.report(0.3)
    await scene.wait_said("editMessageText", "30%")
    show.report(0.301)
    show.report(0.2)
    show.report(0.7)
    await scene.wait_said("editMessageText", "70%")
    await show.leave()
    said = await scene.said("editMessageText")
    assert [text for text in said if "20%" in text] == []
    assert len(said) == len(set(said))


async def test_the_card_may_come_after_the_job_has_begun(scene: Scene) -> None:
    _, started = await scene.running()
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    show.partial("early words")
    await scene.card(started.job_id, scene.chat_id)
    await scene.wait_said("sendMessageDraft", "early words")
    await show.leave()


async def test_without_a_card_nobody_looks_on(scene: Scene) -> None:
    _, started = await scene.running()
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    show.partial("words")
    await wait_until(show.task.done, 20, "it has given up")
    assert show.task.exception() is None
    await show.leave()
    assert await scene.calls("sendMessageDraft") == []


async def test_nothing_is_shown_after_the_job_has_left(scene: Scene) -> None:
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    await wait_until(lambda: scene.calls("sendMessageDraft"), 20, "thinking is shown")
    await show.leave()
    show.partial("too late")
    await wait_until(show.task.done, 20, "it has ended")
    assert "too late" not in await scene.said("sendMessageDraft")


async def test_a_call_that_hangs_does_not_keep_the_job(scene: Scene) -> None:
    await scene.play.put(
        "faults", [{"match": {"method": "sendMessageDraft"}, "fault": "hang", "value": "before"}]
    )
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    await wait_until(lambda: show._calling, 20, "a call is on its way")
    await show.leave()
    await wait_until(show.task.done, 20, "the call was given up")
    assert show.task.cancelled()


async def test_a_flood_is_obeyed_and_the_next_look_shows_the_latest(scene: Scene) -> None:
    rule = {
        "match": {"method": "sendMessageDraft"},
        "fault": "rate_limited",
        "value": 1,
        "times": 1,
    }
    await scene.play.put("faults", [rule])
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    for number in range(5):
        show.partial(f"words {number}")
    await scene.wait_said("sendMessageDraft", "words 4")
    await wait_until(lambda: shown_well(scene), 20, "a draft was taken")
    await show.leave()
    assert not any(call["too_early"] for call in await scene.calls("sendMessageDraft"))


async def test_who_has_blocked_the_bot_is_left_alone(scene: Scene) -> None:
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    await scene.play.do("block", person=scene.chat_id, bot=BOT_ID)
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    await wait_until(show.task.done, 20, "it has given up")
    assert show.task.exception() is None
    assert len(await scene.calls("sendMessageDraft")) == 1


async def test_a_lost_redis_stops_the_show_and_not_the_job(
    scene: Scene, stack: StackHandle
) -> None:
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    show = scene.live.watch(started, Kind.TEXT_GENERATE)
    await wait_until(lambda: scene.calls("sendMessageDraft"), 20, "thinking is shown")
    skipped = metrics.live_updates.labels(outcome="skipped")
    before = skipped._value.get()
    stack.servers.valkey.kill()
    show.partial("unseen")
    await wait_until(lambda: skipped._value.get() > before, 20, "an update was skipped")
    await show.leave()
    assert "unseen" not in await scene.said("sendMessageDraft")


async def test_a_worker_shows_what_its_task_has_written(scene: Scene) -> None:
    """The whole way: the task's words, the pipeline, the chat; and silence once the job has ended."""
    go_on = asyncio.Event()

    async def write(payload: TextImprove, ctx: TaskContext) -> TextImproved:
        assert ctx.partial is not None
        assert ctx.call(ctx.providers.text(payload.model).model).on_text is not None
        ctx.partial("half of it")
        await go_on.wait()
        return TextImproved(provider="local", model="local-text", made_by="us", text="all of it")

    tasks = {Kind.TEXT_IMPROVE: Task(Kind.TEXT_IMPROVE, write)}
    app = await WorkerApp.open(scene.ring.settings, master_key=MASTER_KEY, tasks=tasks)
    held, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    async with Nursery("test") as nursery:
        run = nursery.start_task(app.pipeline.run(held, started), name="run")
        await scene.wait_said("sendMessageDraft", "half of it")
        go_on.set()
        await run
    assert await scene.ring.state(started.job_id) == "succeeded"
    shown = len(await scene.calls("sendMessageDraft"))
    await app.close()
    assert len(await scene.calls("sendMessageDraft")) == shown


async def test_a_film_at_its_provider_shows_how_far_it_is_at_each_poll(scene: Scene) -> None:
    """Its attempts are over in a moment; nothing waits, and the card tells."""
    _, started = await scene.running()
    await scene.card(started.job_id, scene.chat_id)
    for share in (0.25, 0.5):

        async def seen(share: float = share) -> bool:
            """A look is skipped when answers need the room; then the next poll is shown."""
            with pytest.raises(Parked):
                await polled(scene, started, share)
            await wait_until(lambda: not len(scene.live.nursery), 20, "the look is over")
            said = await scene.said("editMessageText")
            return any(f"{share * 100:.0f}%" in text for text in said)

        await wait_until(seen, 20, f"the card says {share:.0%}")
    async with scene.live.watch(started, Kind.VIDEO_GENERATE) as watch:
        watch.report(0.9)
    await wait_until(lambda: not len(scene.live.nursery), 20, "nobody looks on")
    assert [text for text in await scene.said("editMessageText") if "90%" in text] == []


async def test_without_bots_nobody_watches(scene: Scene) -> None:
    ring = scene.ring
    app = await WorkerApp.open(
        ring.settings.model_copy(update={"telegram_bots": None}), master_key=MASTER_KEY
    )
    assert app.mail.watcher() is UNWATCHED
    await app.close()


async def polled(scene: Scene, started: Started, share: float) -> None:
    async with scene.live.watch(started, Kind.VIDEO_GENERATE) as watch:
        watch.report(share)
        raise Parked(5)


async def shown_well(scene: Scene) -> bool:
    return any(call["status"] == 200 for call in await scene.calls("sendMessageDraft"))
