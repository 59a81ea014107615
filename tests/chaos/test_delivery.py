"""A real worker process dies exactly at a boundary of a delivery or of a post; another one goes on.

The numbers are those of the comments `Crash window n` in the code.
"""

import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from schemas.jobs import Kind, Lane
from schemas.payloads import PostPublish
from schemas.targets import TelegramTarget
from storage.channels import Channels
from storage.posts import Posts
from tests.integration.sandbox_telegram import TOKEN, playing
from tests.postbox import BOT, Person, Postbox, words
from tests.ring import Ring, Worker
from tests.support import wait_until

KILLED = -signal.SIGKILL
LONG = "\n\n".join("word " * 150 for _ in range(14))


@dataclass
class Stage:
    box: Postbox
    ann: Person

    async def worker(
        self, die_at: str = "", lanes: tuple[Lane, ...] = (Lane.TEXT, Lane.POST)
    ) -> Worker:
        bots = {"telegram_bots": f"{BOT}:{TOKEN}", "telegram_base_url": self.box.play.url}
        return await Worker.start(self.box.ring, lanes=lanes, die_at=die_at, told_settings=bots)

    async def die_then_recover(
        self, job_id: UUID, die_at: str, state: str = "sent"
    ) -> dict[str, Any]:
        assert await (await self.worker(die_at)).ended() == KILLED
        healthy = await self.worker()
        row = await self.box.wait_state(job_id, state, timeout_s=30)
        assert await healthy.end() == 0
        return row


@pytest_asyncio.fixture
async def stage(ring: Ring) -> AsyncIterator[Stage]:
    async with playing() as play:
        box = Postbox(ring, play)
        yield Stage(box, await box.person())


async def test_the_ring_of_two_processes(stage: Stage) -> None:
    """One makes the result and rings, the other one delivers it; nobody dies."""
    box, ann = stage.box, stage.ann
    reply = TelegramTarget(BOT, ann.chat_id).encode()
    job_id = await box.submit(ann, kind=Kind.TEXT_IMPROVE, reply=reply)
    await box.card(job_id, ann.chat_id)
    workers = [await stage.worker(lanes=(lane,)) for lane in (Lane.TEXT, Lane.POST)]
    await box.ring.wait_state(job_id, "succeeded")
    await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["text"].startswith("done")
    assert [await worker.end() for worker in workers] == [0, 0]


@pytest.mark.parametrize(("die_at", "shown"), [("letter.before", {1}), ("letter.during", {1, 2})])
async def test_16_the_answer_is_on_its_way(stage: Stage, die_at: str, shown: set[int]) -> None:
    """Nobody knows whether it has arrived: it is sent again, and the row says so."""
    job_id = await stage.box.ended(stage.ann, words("here"))
    row = await stage.die_then_recover(job_id, die_at)
    assert len(await stage.box.messages(stage.ann.chat_id)) in shown
    assert row["doubtful"] == 1


async def test_17_telegram_has_refused_and_nobody_wrote_it_down(stage: Stage) -> None:
    rule = {"match": {"method": "sendMessage"}, "fault": "rate_limited=6", "times": 1}
    await stage.box.play.put("faults", [rule])
    job_id = await stage.box.ended(stage.ann, words("here"))
    await stage.die_then_recover(job_id, "delay.before")
    assert len(await stage.box.messages(stage.ann.chat_id)) == 1
    assert await stage.box.too_early() == []


async def test_17_who_has_blocked_the_bot_is_given_up_by_the_next_worker(stage: Stage) -> None:
    await stage.box.play.do("block", person=stage.ann.chat_id, bot=4242)
    job_id = await stage.box.ended(stage.ann, words("here"))
    row = await stage.die_then_recover(job_id, "end.before", "undeliverable")
    assert row["reason"]
    assert await stage.box.messages(stage.ann.chat_id) == []


async def test_18_the_answer_is_there_and_not_written_down(stage: Stage) -> None:
    job_id = await stage.box.ended(stage.ann, words("here"))
    row = await stage.die_then_recover(job_id, "letter.after")
    assert len(await stage.box.messages(stage.ann.chat_id)) == 2
    assert row["doubtful"] == 1


async def test_18_only_what_is_not_written_down_is_sent_again(stage: Stage) -> None:
    job_id = await stage.box.ended(stage.ann, words(LONG))
    row = await stage.die_then_recover(job_id, "part.noted")
    assert len(await stage.box.messages(stage.ann.chat_id)) == len(row["parts"]) == 3


async def test_18_what_is_all_written_down_is_not_sent_again(stage: Stage) -> None:
    job_id = await stage.box.ended(stage.ann, words("here"))
    row = await stage.die_then_recover(job_id, "end.before")
    assert len(await stage.box.messages(stage.ann.chat_id)) == len(row["parts"]) == 1


async def test_18_an_edit_is_done_again_without_a_trace(stage: Stage) -> None:
    job_id = await stage.box.ended(stage.ann, words("here"), card=True)
    await stage.die_then_recover(job_id, "edit.after")
    (message,) = await stage.box.messages(stage.ann.chat_id)
    assert message["text"].startswith("here")


@pytest.mark.parametrize("die_at", ["letter.before", "letter.during", "letter.after"])
async def test_16_and_18_a_post_appears_at_most_once(stage: Stage, die_at: str) -> None:
    """Its owner is asked, says what he sees, and ends up with exactly one post."""
    box, ann = stage.box, stage.ann
    chat = await box.play.do("chats", type="channel", title="News", owner=ann.chat_id)
    await box.play.do("members", chat=chat["id"], account=4242)
    channel = await Channels(box.ring.db).link(
        ann.user_id, BOT, chat["id"], title="News", username=None
    )
    payload = PostPublish(channel=str(channel.id), text="News!")
    job_id = await box.post(ann, payload)
    assert await (await stage.worker(die_at)).ended() == KILLED
    healthy = await stage.worker()
    await box.ring.wait_state(job_id, "failed", timeout_s=30)
    await wait_until(lambda: asked(box, job_id), 20, "the owner is asked")
    there = await box.messages(chat["id"])
    assert len(there) <= 1
    assert (await box.row(job_id, "tgc%"))["state"] == "uncertain"
    said = await Posts(box.ring.db).resolve(job_id, ann.user_id, there=bool(there))
    if said == "again":
        replay = await box.post(ann, payload, replay_of=job_id)
        await box.ring.wait_state(replay, "succeeded", timeout_s=30)
    assert await healthy.end() == 0
    assert len(await box.messages(chat["id"])) == 1


async def asked(box: Postbox, job_id: UUID) -> bool:
    rows = await box.ring.owner.fetch(
        "select 1 from work.delivery where job_id = $1 and target like 'tg:%' and state = 'sent'",
        job_id,
    )
    return bool(rows)
