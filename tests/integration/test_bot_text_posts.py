"""A text and its picture, from the person's message to one post in a channel."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from ops.base import clock
from ops.base.nursery import Nursery
from schemas.catalogue import catalogue
from schemas.money import App
from schemas.payloads import PAYLOADS, PostPublish
from storage.blobs import Blobs
from tests.integration.bots import Running, labels_of
from tests.integration.edge import finish_text, started
from tests.integration.sandbox_telegram import picture
from tests.support import wait_until
from workers.delivery.office import PostOffice
from workers.providers.registry import Providers
from workers.runtime.rounds import Stop
from workers.tasks.context import TaskContext

BOT = 4343
LONG = "A long story. " * 100


async def person_with_channel(bots: Running) -> tuple[int, int]:
    """Somebody who talks to Text AI, and the channel that they have linked."""
    who = int((await bots.play.do("people"))["id"])
    await bots.play.do("say", person=who, bot=BOT, text="/start")
    await bots.hears(who, "You have", bot=BOT)
    chat = int((await bots.play.do("chats", type="channel", title="News", owner=who))["id"])
    await bots.play.do(
        "members", chat=chat, account=BOT, status="administrator", rights=["can_post_messages"],
        actor=who,
    )  # fmt: skip
    await bots.hears(who, "is linked", bot=BOT)
    return who, chat


async def send(bots: Running, who: int, caption: str = "") -> None:
    form = {"person": str(who), "bot": str(BOT), "caption": caption}
    files = [("files", ("photo.png", picture(320, 240), "image/png"))]
    answer = await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    assert answer.status_code == 200, answer.text


async def press(bots: Running, who: int, message: dict[str, Any], label: str) -> None:
    found = next(one for one in labels_of(message) if label in one)
    await bots.play.do(
        "press", person=who, bot=BOT, message_id=message["message_id"], label=found, wait=True
    )


@asynccontextmanager
async def post_office(bots: Running) -> AsyncIterator[PostOffice]:
    """What a worker has of it: answers are delivered until the block ends."""
    desk = bots.desk
    office = PostOffice.open(
        desk.settings,
        db=desk.db,
        queue=desk.queue,
        keys=desk.keys,
        blobs=Blobs.open(str(desk.settings.blob_url)),
        providers=Providers(catalogue(), {}),
    )
    stop = Stop()
    async with Nursery("tests") as nursery:
        task = nursery.start_task(office.courier.run(stop), name="courier")
        try:
            yield office
        finally:
            stop.set()
            await asyncio.wait({task}, timeout=20)
            await office.close()


async def publish(bots: Running, office: PostOffice, job_id: UUID) -> None:
    """Play the worker of a post."""
    payload = PAYLOADS.validate_python(await bots.payload(job_id))
    assert isinstance(payload, PostPublish)
    running_job = await started(bots.desk, job_id)
    ctx = _context(job_id, running_job.user_id, running_job.attempt)
    await office.publisher.publish(payload, ctx)


async def in_channel(bots: Running, chat: int) -> list[dict[str, Any]]:
    return await bots.play.messages(chat=chat, by_bots=True)


@pytest.mark.parametrize("improved", ["The lighthouse at dusk.", LONG])
async def test_a_text_and_its_picture_are_posted_together(bots: Running, improved: str) -> None:
    who, chat = await person_with_channel(bots)
    await send(bots, who, caption="teh ligthouse at dusk")
    asked = await bots.hears(who, "In which style?", bot=BOT)
    await press(bots, who, asked, "Correct")
    (job,) = await bots.wait_jobs(1)
    told = await bots.payload(job["id"])
    assert (told["version"], told["text"]) == (2, "teh ligthouse at dusk")
    await finish_text(bots.desk, job["id"], improved)
    async with post_office(bots) as office:
        await press(bots, who, await bots.hears(who, improved[:13], bot=BOT), "Post")
        await press(bots, who, await bots.hears(who, "Which channel", bot=BOT), "News")
        await press(bots, who, await bots.hears(who, "Post it in", bot=BOT), "Post now")
        (post,) = await bots.wait_jobs(1, "kind = 'post.publish'")
        assert (await bots.payload(post["id"]))["file"] == told["file"]
        await publish(bots, office, post["id"])
    first, *rest = await in_channel(bots, chat)
    assert first["photo"]
    if improved is not LONG:
        assert (first["caption"], rest) == (improved, [])
        return
    (text,) = rest
    assert not first.get("caption")
    assert text["text"] == LONG.strip()
    assert text["reply_to_message"]["message_id"] == first["message_id"]


async def test_a_picture_that_is_gone_is_said_before_the_post(bots: Running) -> None:
    who, _ = await person_with_channel(bots)
    await send(bots, who, caption="teh ligthouse")
    await press(bots, who, await bots.hears(who, "In which style?", bot=BOT), "Correct")
    (job,) = await bots.wait_jobs(1)
    await finish_text(bots.desk, job["id"], "The lighthouse.")
    await bots.owner.execute("update app.file set expires_at = clock_timestamp()")
    async with post_office(bots):
        await press(bots, who, await bots.hears(who, "The lighthouse.", bot=BOT), "Post")
        await bots.hears(who, "no longer kept", bot=BOT)
        await bots.hears(who, "Which channel", bot=BOT)


async def test_from_a_photo_to_the_question_which_channel(bots: Running) -> None:
    """Described, improved, told; then, and only then, asked where it shall be posted."""
    who, _ = await person_with_channel(bots)
    await send(bots, who)
    await press(bots, who, await bots.hears(who, "What shall I do", bot=BOT), "for a post")
    (first,) = await bots.wait_jobs(1)
    await finish_text(bots.desk, first["id"], "A lighthouse at dusk.")
    second = (await bots.wait_jobs(2))[1]
    told = await bots.payload(second["id"])
    assert told["file"] == (await bots.payload(first["id"]))["file"]

    async def follows() -> bool:
        where = "select count(*) from app.wish where kind = 'post.publish' and why = 'after'"
        return bool(await bots.owner.fetchval(where))

    await wait_until(follows, 20, "the question is to come")
    await finish_text(bots.desk, second["id"], "What a lighthouse!")
    ripe = [one.wish.kind for one in await bots.room.wishes.ripe(["text_ai"])]
    assert "post.publish" not in ripe, "its text has not been told"
    async with post_office(bots) as office:
        await press(bots, who, await bots.hears(who, "Which channel", bot=BOT), "News")
        await press(bots, who, await bots.hears(who, "Post it in", bot=BOT), "Post now")
        (post,) = await bots.wait_jobs(1, "kind = 'post.publish'")
        await publish(bots, office, post["id"])
    said = [one.get("text") or "" for one in await bots.said(who, BOT)]
    assert any("What a lighthouse!" in one for one in said)


def _context(job_id: UUID, user_id: int, attempt: int) -> TaskContext:
    async def never(*_args: Any, **_more: Any) -> Any:
        raise AssertionError

    return TaskContext(
        job_id=job_id,
        user_id=user_id,
        app=App.TEXT_AI,
        attempt=attempt,
        last_look=False,
        deadline_s=clock.monotonic_s() + 60,
        providers=never,  # type: ignore[arg-type]
        load_file=never,
        store_artifact=never,
        report=never,  # type: ignore[arg-type]
    )
