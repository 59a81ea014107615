"""Posts in channels: at most once, by whoever may post there, and a question where nobody knows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from ops.base import clock
from schemas.errors import LeydenError, LostLease, Missing
from schemas.money import App
from schemas.payloads import PostPublish
from schemas.targets import ChannelTarget
from storage.channels import Channel, Channels
from storage.posts import Posts
from tests.integration.sandbox_telegram import playing
from tests.postbox import BOT, KINDS, LEASE_S, Person, Postbox, words
from tests.ring import Ring
from workers.delivery.office import PostOffice
from workers.tasks.context import TaskContext

LONG = "\n\n".join("word " * 150 for _ in range(14))


@dataclass
class Scene:
    """A person with a channel in which the bot may post."""

    box: Postbox
    ann: Person
    channel: Channel
    office: PostOffice
    offices: list[PostOffice] = field(default_factory=list)

    @property
    def posts(self) -> Posts:
        return Posts(self.box.ring.db)

    async def start(self, job_id: UUID) -> TaskContext:
        started = await self.box.ring.jobs.start(
            job_id, uuid4(), worker="w", lease_s=LEASE_S, kinds=KINDS
        )
        return _context(job_id, self.ann.user_id, started.jobs[0].attempt)

    async def publish(self, payload: PostPublish, **more: Any) -> tuple[UUID, str]:
        """A job that has run once; its message reference, or the code it failed with."""
        job_id = await self.box.post(self.ann, payload, **more)
        ctx = await self.start(job_id)
        return job_id, await self.run(payload, ctx)

    async def run(self, payload: PostPublish, ctx: TaskContext) -> str:
        try:
            return await self.office.publisher.publish(payload, ctx)
        except LeydenError as error:
            return error.code

    async def shown(self) -> list[dict[str, Any]]:
        return await self.box.messages(self.channel.chat_id)

    def payload(self, text: str = "Hello *all*", **more: Any) -> PostPublish:
        return PostPublish(channel=str(self.channel.id), text=text, **more)

    async def fault(self, name: str, method: str = "send*", times: int = 1) -> None:
        rule = {"match": {"method": method}, "fault": name, "times": times}
        await self.box.play.put("faults", [rule])


@pytest_asyncio.fixture
async def scene(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    ring = await Ring.open(dsn, redis_url, tmp_path)
    async with playing() as play:
        box = Postbox(ring, play)
        ann = await box.person()
        chat = await play.do("chats", type="channel", title="News", owner=ann.chat_id)
        await play.do("members", chat=chat["id"], account=4242)
        channel = await Channels(ring.db).link(
            ann.user_id, BOT, chat["id"], title="News", username="news_of_ann"
        )
        office = box.open_office()
        yield Scene(box, ann, channel, office)
        await office.close()
    await ring.close()


async def test_a_text_is_posted_and_named(scene: Scene) -> None:
    job_id, ref = await scene.publish(scene.payload())
    (message,) = await scene.shown()
    assert message["text"] == "Hello all"
    assert ref == f"{scene.channel.chat_id}:{message['message_id']}"
    row = await scene.box.row(job_id, "tgc%")
    assert (row["state"], row["message_ref"]) == ("sent", ref)


async def test_a_result_is_posted_with_its_files_and_a_caption(scene: Scene) -> None:
    source = await scene.box.ended(scene.ann, await scene.box.image(scene.ann))
    await scene.publish(scene.payload("A *jar*", job=source))
    (message,) = await scene.shown()
    assert message["photo"]
    assert message["caption"] == "A jar"


async def test_a_text_too_long_for_a_caption_follows_its_file(scene: Scene) -> None:
    source = await scene.box.ended(scene.ann, await scene.box.image(scene.ann))
    _, ref = await scene.publish(scene.payload("word " * 400, job=source))
    photo, text = await scene.shown()
    assert photo["photo"]
    assert not photo.get("caption")
    assert text["reply_to_message"]["message_id"] == photo["message_id"]
    assert ref.endswith(f":{photo['message_id']},{text['message_id']}")


async def test_a_result_of_words_is_posted_by_its_name(scene: Scene) -> None:
    source = await scene.box.ended(scene.ann, words("**Written** by a model"))
    await scene.publish(PostPublish(channel="@News_of_Ann", job=source))
    (message,) = await scene.shown()
    assert message["text"] == "Written by a model"


async def test_an_attempt_after_a_post_posts_nothing(scene: Scene) -> None:
    """Crash window 15 of a post: it is there and written down, its job is not ended."""
    job_id, ref = await scene.publish(scene.payload())
    await scene.box.ring.owner.execute(
        "update work.job set lease_until = '-infinity' where id = $1", job_id
    )
    assert await scene.run(scene.payload(), await scene.start(job_id)) == ref
    assert len(await scene.shown()) == 1


@pytest.mark.parametrize("fault", ["reply_lost", "error_after=500", "garbage", "server_error"])
async def test_what_nobody_knows_is_never_sent_again(scene: Scene, fault: str) -> None:
    """Crash windows 16 and 18: perhaps it is there."""
    await scene.fault(fault)
    job_id, code = await scene.publish(scene.payload())
    assert code == "post_uncertain"
    assert (await scene.box.row(job_id, "tgc%"))["state"] == "uncertain"
    assert len(await scene.shown()) <= 1
    await scene.box.ring.owner.execute(
        "update work.job set lease_until = '-infinity' where id = $1", job_id
    )
    assert await scene.run(scene.payload(), await scene.start(job_id)) == "post_uncertain"
    assert len(await scene.shown()) <= 1


async def test_its_owner_is_asked_and_says_it_is_there(scene: Scene) -> None:
    await scene.fault("reply_lost")
    job_id, _ = await scene.publish(scene.payload())
    await scene.box.ring.jobs.fail(job_id, 1, "post_uncertain")
    async with scene.box.office():
        await scene.box.wait_state(job_id)
    (message,) = await scene.box.messages(scene.ann.chat_id)
    yes, no = message["reply_markup"]["inline_keyboard"][0]
    assert yes["callback_data"].startswith("uncertain-yes:")
    assert no["callback_data"].startswith("uncertain-no:")
    ann = scene.ann.user_id
    assert await scene.posts.resolve(job_id, ann + 1, there=True) == "missing"
    assert [await scene.posts.resolve(job_id, ann, there=True) for _ in range(2)] == ["done"] * 2
    assert (await scene.box.row(job_id, "tgc%"))["state"] == "sent"


async def test_its_owner_says_it_is_not_there_and_it_is_posted_by_a_replay(scene: Scene) -> None:
    await scene.fault("server_error")
    job_id, _ = await scene.publish(scene.payload())
    await scene.box.ring.jobs.fail(job_id, 1, "post_uncertain")
    ann = scene.ann.user_id
    assert [await scene.posts.resolve(job_id, ann, there=False) for _ in range(2)] == ["again"] * 2
    _, ref = await scene.publish(scene.payload(), replay_of=job_id)
    assert len(await scene.shown()) == 1
    assert ref.startswith(f"{scene.channel.chat_id}:")


async def test_a_replay_goes_on_behind_what_is_there(scene: Scene) -> None:
    """The second of three messages got no answer, and is there."""
    rule = {"match": {"method": "sendMessage", "nth": 2}, "fault": "reply_lost", "times": 1}
    await scene.box.play.put("faults", [rule])
    job_id, code = await scene.publish(scene.payload(LONG))
    assert code == "post_uncertain"
    assert len(await scene.shown()) == 2
    await scene.box.ring.jobs.fail(job_id, 1, code)
    assert await scene.posts.resolve(job_id, scene.ann.user_id, there=True) == "again"
    await scene.publish(scene.payload(LONG), replay_of=job_id)
    assert len(await scene.shown()) == 3


async def test_a_refusal_for_now_is_no_question(scene: Scene) -> None:
    await scene.fault("rate_limited=3")
    job_id, code = await scene.publish(scene.payload())
    assert code == "rate_limited"
    assert (await scene.box.row(job_id, "tgc%"))["state"] == "pending"
    assert await scene.shown() == []
    assert await scene.box.too_early() == []


async def test_a_bot_without_the_right_posts_nothing_and_the_link_ends(scene: Scene) -> None:
    chat = scene.channel.chat_id
    await scene.box.play.do("members", chat=chat, account=4242, status="administrator", rights=[])
    _, code = await scene.publish(scene.payload())
    assert code == "channel_no_rights"
    (channel,) = await Channels(scene.box.ring.db).list(scene.ann.user_id)
    assert (channel.linked, channel.reason) == (False, "bot_no_rights")
    assert (await scene.publish(scene.payload()))[1] == "channel_not_linked"


async def test_an_owner_who_may_not_post_any_more_posts_nothing(scene: Scene) -> None:
    bob = await scene.box.person()
    channels = Channels(scene.box.ring.db)
    chat = scene.channel.chat_id
    theirs = await channels.link(bob.user_id, BOT, chat, title="News", username=None)
    scene.ann, scene.channel = bob, theirs
    assert (await scene.publish(scene.payload()))[1] == "channel_no_rights"
    assert await scene.shown() == []
    assert not (await channels.list(bob.user_id))[0].linked


async def test_another_persons_channel_project_and_job_are_missing(scene: Scene) -> None:
    bob = await scene.box.person()
    source = await scene.box.ended(bob, words("secret"))
    assert (await scene.publish(scene.payload("", job=source)))[1] == "not_found"
    with pytest.raises(Missing):
        await Channels(scene.box.ring.db).of(bob.user_id, str(scene.channel.id))


async def test_what_a_post_names_is_judged_too(scene: Scene) -> None:
    source = await scene.box.ended(scene.ann, words("how to build a pipe bomb at home"))
    job_id, code = await scene.publish(scene.payload("", job=source))
    assert code == "content_blocked"
    assert await scene.shown() == []
    assert await scene.posts.settle(job_id) is None


async def test_a_sender_that_was_thought_dead_is_believed(scene: Scene) -> None:
    """It froze before its send; meanwhile another attempt found the row and asked."""
    job_id = await scene.box.post(scene.ann, scene.payload())
    first = await scene.start(job_id)
    target = ChannelTarget(BOT, scene.channel.chat_id)
    post = await scene.posts.begin(job_id, first.attempt, target, total=1)
    assert (post.code, post.id is not None) == ("ok", True)
    await scene.box.ring.owner.execute(
        "update work.job set lease_until = '-infinity' where id = $1", job_id
    )
    second = await scene.start(job_id)
    assert (await scene.posts.begin(job_id, second.attempt, target, total=1)).code == "uncertain"
    assert (await scene.posts.begin(job_id, first.attempt, target, total=1)).code == "lost"
    assert post.id is not None
    assert await scene.posts.note(post.id, first.attempt, 7, "c:7")
    assert (await scene.box.row(job_id, "tgc%"))["state"] == "sent"
    with pytest.raises(LostLease):
        await scene.office.publisher.publish(scene.payload(), first)


async def test_a_job_that_ends_in_the_middle_leaves_a_question(scene: Scene) -> None:
    job_id = await scene.box.post(scene.ann, scene.payload())
    ctx = await scene.start(job_id)
    target = ChannelTarget(BOT, scene.channel.chat_id)
    await scene.posts.begin(job_id, ctx.attempt, target, total=1)
    assert await scene.posts.settle_all() == 0
    await scene.box.ring.jobs.fail(job_id, ctx.attempt, "overdue")
    assert await scene.posts.settle_all() == 1
    state = await scene.posts.settle(job_id)
    assert state is not None
    assert state.state == "uncertain"


def _context(job_id: UUID, user_id: int, attempt: int) -> TaskContext:
    async def never(*_args: Any, **_more: Any) -> Any:
        raise AssertionError

    return TaskContext(
        job_id=job_id,
        user_id=user_id,
        app=App.VIAIZER,
        attempt=attempt,
        last_look=False,
        deadline_s=clock.monotonic_s() + 60,
        providers=never,  # type: ignore[arg-type]
        load_file=never,
        store_artifact=never,
        report=never,  # type: ignore[arg-type]
    )
