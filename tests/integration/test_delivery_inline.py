"""Answers to inline queries: the message that is there turns into them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from ops.base.nursery import Nursery
from schemas.jobs import Kind
from schemas.results import AnyResult
from schemas.targets import InlineTarget
from tests.integration.sandbox_telegram import playing
from tests.postbox import BOT, Person, Postbox, words
from tests.ring import Ring
from tests.support import wait_until

BOT_ID = 4242
WORKING = {"inline_keyboard": [[{"text": "working", "callback_data": "w"}]]}


@pytest_asyncio.fixture
async def box(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Postbox]:
    ring = await Ring.open(dsn, redis_url, tmp_path)
    async with playing() as play:
        yield Postbox(ring, play)
    await ring.close()


async def chosen(box: Postbox, person: int) -> tuple[int, dict[str, Any]]:
    """A group, and the message of ours that this person has left in it."""
    box.play.world.updates.forget(BOT_ID)
    group = await box.play.do("chats", type="group", title="Friends", owner=person)

    async def answer() -> None:
        updates = await box.play.call("getUpdates", timeout=5)
        query = next(u["inline_query"] for u in updates["result"] if "inline_query" in u)
        result = {
            "type": "article",
            "id": "a",
            "title": "Go",
            "reply_markup": WORKING,
            "input_message_content": {"message_text": "one moment"},
        }
        await box.play.call("answerInlineQuery", inline_query_id=query["id"], results=[result])

    async with Nursery("tests") as nursery:
        nursery.start(answer(), name="answer")
        where = {"person": person, "bot": BOT_ID, "chat": group["id"]}
        asked = await box.play.do("inline", **where, query="hi", choose="a")
    return group["id"], asked["message"]


async def delivered(box: Postbox, ann: Person, message: dict[str, Any], result: AnyResult) -> None:
    target = InlineTarget(BOT, message["inline_message_id"])
    job_id = await box.submit(ann, kind=Kind(result.kind), reply=target.encode())
    await box.end(job_id, ann, result)

    async def there() -> bool:
        return bool((await box.row(job_id, "tgi:%"))["state"] == "sent")

    async with box.office():
        await wait_until(there, 20, "the delivery is sent")


async def shown(box: Postbox, group: int) -> dict[str, Any]:
    return (await box.play.messages(chat=group))[-1]


async def test_a_text_takes_the_place_of_the_message(box: Postbox) -> None:
    ann = await box.person()
    group, message = await chosen(box, ann.chat_id)
    await delivered(box, ann, message, words("**done**"))
    assert (await shown(box, group))["text"].startswith("done")


async def test_a_picture_goes_through_the_persons_own_chat(box: Postbox) -> None:
    ann = await box.person()
    group, message = await chosen(box, ann.chat_id)
    await delivered(box, ann, message, await box.image(ann))
    assert (await box.messages(ann.chat_id))[-1]["photo"]
    assert (await shown(box, group))["photo"]


async def test_who_has_no_chat_with_the_bot_is_told_to_start_one(box: Postbox) -> None:
    bob = await box.play.do("people", first_name="Bob")
    await box.play.call("getMe")
    person = await box.known(bob["id"])
    group, message = await chosen(box, bob["id"])
    await delivered(box, person, message, await box.image(person))
    assert "press Start" in (await shown(box, group))["text"]


async def test_a_text_has_no_buttons_and_a_long_one_goes_on_in_private(box: Postbox) -> None:
    """A tap there could not be answered, and an edit holds one message."""
    ann = await box.person()
    group, message = await chosen(box, ann.chat_id)
    await delivered(box, ann, message, words("**done**"))
    assert "reply_markup" not in await shown(box, group)
    group, message = await chosen(box, ann.chat_id)
    long = "\n\n".join(f"Paragraph {n} " + "word " * 100 for n in range(20))
    await delivered(box, ann, message, words(long))
    there = await shown(box, group)
    assert "reply_markup" not in there
    assert there["text"].startswith("Paragraph 0 ")
    assert there["text"].endswith("… the whole text is in our chat.")
    whole = await box.messages(ann.chat_id)
    assert all(f"Paragraph {n} " in "".join(one["text"] for one in whole) for n in range(20))
    assert whole[-1]["reply_markup"]
    bob = await box.play.do("people", first_name="Bob")
    person = await box.known(bob["id"])
    group, message = await chosen(box, bob["id"])
    await delivered(box, person, message, words(long))
    assert "only its beginning" in (await shown(box, group))["text"]
