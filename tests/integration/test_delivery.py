"""Answers of ended jobs, delivered to a real Bot API server on a socket."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio

from ops.base.nursery import Nursery
from schemas.jobs import Lane
from storage.calls import Calls
from storage.deliveries import Due
from storage.posts import Posts
from tests.integration.sandbox_telegram import picture, playing
from tests.postbox import BOT, LEASE_S, Postbox, words
from tests.ring import Ring
from tests.support import wait_until
from workers.delivery.courier import IN_HAND_MAX, Courier
from workers.runtime.rounds import Stop


@pytest_asyncio.fixture
async def box(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Postbox]:
    ring = await Ring.open(dsn, redis_url, tmp_path)
    async with playing() as play:
        yield Postbox(ring, play)
    assert await ring.violations() == []
    await ring.close()


async def test_the_card_becomes_the_answer(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, words("**Bold** & plain"), card=True)
    async with box.office():
        row = await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["text"].startswith("Bold & plain\n\n1 credit")
    assert {"type": "bold", "offset": 0, "length": 4} in message["entities"]
    assert "reply_markup" in message
    assert row["message_ref"] == f"{ann.chat_id}:{message['message_id']}"
    assert await box.cards.of_job(job_id) is None


async def test_a_live_text_gives_way_to_a_new_message_and_the_card_goes(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, words("all of it"), card=True)
    card = await box.cards.of_job(job_id)
    assert card is not None
    await box.cards.note_draft(job_id)
    drafted = await box.play.call(
        "sendMessageDraft", chat_id=ann.chat_id, draft_id=card.draft_id, text="half of"
    )
    assert drafted["ok"]
    assert box.play.world.drafts
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["text"].startswith("all of it")
    assert message["message_id"] != card.message_id
    assert not box.play.world.drafts
    assert await box.cards.of_job(job_id) is None


async def test_each_button_of_a_result_says_what_it_costs(box: Postbox) -> None:
    ann = await box.person()
    jobs = [await box.ended(ann, await box.image(ann)), await box.ended(ann, words("a text"))]
    async with box.office():
        for job_id in jobs:
            await box.wait_state(job_id)
    labels = {
        key["text"]
        for message in await box.messages(ann.chat_id)
        for row in message["reply_markup"]["inline_keyboard"]
        for key in row
    }
    assert {label for label in labels if "·" in label} == {
        "🔁 Again · 1 credit",
        "🎲 Variation · 1 credit",
        "🔍 Upscale · 3 credits",
        "✏️ Edit · 3 credits",
        "✏️ Edit · 1 credit",
        "🎬 Animate · 5 credits",
    }


async def test_without_a_card_it_is_an_answer_to_the_question(box: Postbox) -> None:
    ann = await box.person()
    asked = await box.play.do("say", person=ann.chat_id, bot=4242, text="please")
    job_id = await box.ended(ann, words("here"), reply_to=asked["message_id"])
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["reply_to_message"]["message_id"] == asked["message_id"]


async def test_a_question_that_is_gone_is_answered_all_the_same(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, words("here"), reply_to=77_777)
    async with box.office():
        await box.wait_state(job_id)
    assert len(await box.messages(ann.chat_id)) == 1


async def test_a_long_text_is_several_messages_and_the_card_goes(box: Postbox) -> None:
    ann = await box.person()
    text = "\n\n".join(f"Paragraph {n} " + "word " * 100 for n in range(20))
    job_id = await box.ended(ann, words(text), card=True)
    async with box.office():
        row = await box.wait_state(job_id)
    messages = await box.messages(ann.chat_id)
    assert len(messages) == len(row["parts"]) == 3
    shown = "".join(message["text"] for message in messages)
    assert all(f"Paragraph {n} " in shown for n in range(20))
    assert [bool(m.get("reply_markup")) for m in messages] == [False, False, True]


async def test_a_card_that_cannot_be_edited_is_replaced(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, words("here"), card=True)
    card = await box.cards.of_job(job_id)
    assert card is not None
    await box.play.call("deleteMessage", chat_id=ann.chat_id, message_id=card.message_id)
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["message_id"] != card.message_id


async def test_a_picture_comes_with_buttons_and_the_card_goes(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, await box.image(ann), card=True)
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["photo"]
    assert message["caption"].startswith("a jar\n1 credit")
    assert message["reply_markup"]


async def test_several_pictures_are_an_album_with_a_word_behind_it(box: Postbox) -> None:
    ann = await box.person()
    result = await box.image(ann, picture(64, 64), picture(65, 64), picture(66, 64))
    job_id = await box.ended(ann, result)
    async with box.office():
        await box.wait_state(job_id)
    *album, last = await box.messages(ann.chat_id)
    assert len({message["media_group_id"] for message in album}) == 1
    assert len(album) == 3
    assert last["text"] == "Done: 3 files."
    assert last["reply_markup"]


async def test_a_picture_of_odd_shape_is_a_document(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, await box.image(ann, picture(2_100, 100)))
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["document"]["file_name"] == "picture.png"


async def test_what_was_blocked_names_its_class_and_can_be_appealed_against(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, "content_blocked", card=True)
    calls = Calls(box.ring.db)
    await calls.note_block(job_id, class_="violence", score=0.9, judge="rules")
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert "shows or praises violence" in message["text"]
    assert "Credits returned: 1." in message["text"]
    ((button,),) = message["reply_markup"]["inline_keyboard"]
    assert button["callback_data"].startswith("appeal:")


async def test_a_failure_says_why_and_what_became_of_the_credits(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, "content_blocked", card=True)
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert "Credits returned: 1." in message["text"]
    ((button,),) = message["reply_markup"]["inline_keyboard"]
    assert button["callback_data"].startswith("retry:")


async def test_who_has_blocked_the_bot_cannot_be_told(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, words("here"))
    await box.play.do("block", person=ann.chat_id, bot=4242)
    async with box.office():
        row = await box.wait_state(job_id, "undeliverable")
    assert "blocked" in row["reason"]


async def test_a_group_that_has_moved_is_followed(box: Postbox) -> None:
    ann = await box.person()
    group = await box.play.do("chats", type="group", title="G", owner=ann.chat_id)
    await box.play.do("members", chat=group["id"], account=4242, status="member")
    moved = await box.play.do("migrate", person=ann.chat_id, chat=group["id"])
    jobs = [await box.ended(ann, words("here"), chat_id=group["id"]) for _ in range(2)]
    async with box.office():
        for job_id in jobs:
            await box.wait_state(job_id)
    new_id = await box.deliveries.chat_now(group["id"])
    assert new_id != group["id"]
    assert new_id in (moved.get("id"), moved.get("migrate_to_chat_id"), new_id)
    assert len(await box.messages(new_id)) == 2


async def test_a_lost_reply_costs_one_duplicate_and_is_counted(box: Postbox) -> None:
    ann = await box.person()
    await box.play.put(
        "faults", [{"match": {"method": "sendMessage"}, "fault": "reply_lost", "times": 1}]
    )
    job_id = await box.ended(ann, words("here"))
    async with box.office():
        row = await box.wait_state(job_id)
    assert len(await box.messages(ann.chat_id)) == 2
    assert row["doubtful"] == 1


async def test_a_lost_reply_to_an_edit_costs_nothing(box: Postbox) -> None:
    ann = await box.person()
    rule = {"match": {"method": "editMessageText"}, "fault": "reply_lost", "times": 1}
    await box.play.put("faults", [rule])
    job_id = await box.ended(ann, words("here"), card=True)
    async with box.office():
        row = await box.wait_state(job_id)
    assert len(await box.messages(ann.chat_id)) == 1
    assert row["doubtful"] == 0


@pytest.mark.parametrize("fault", ["server_error", "reset", "garbage", "truncated_json"])
async def test_every_fault_ends_in_an_answer(box: Postbox, fault: str) -> None:
    ann = await box.person()
    await box.play.put("faults", [{"match": {"method": "send*"}, "fault": fault, "times": 2}])
    job_id = await box.ended(ann, words("here"))
    async with box.office():
        row = await box.wait_state(job_id)
    assert 1 <= len(await box.messages(ann.chat_id)) <= 1 + row["doubtful"]


async def test_a_pause_that_was_asked_for_is_kept_whole(box: Postbox) -> None:
    ann = await box.person()
    rule = {"match": {"method": "sendMessage"}, "fault": "rate_limited=3", "times": 1}
    await box.play.put("faults", [rule])
    jobs = [await box.ended(ann, words(f"here {n}")) for n in range(2)]
    async with box.office():
        for job_id in jobs:
            await box.wait_state(job_id)
    assert await box.too_early() == []
    assert len(await box.messages(ann.chat_id)) == 2


async def test_what_cannot_be_parsed_is_sent_plain(box: Postbox) -> None:
    ann = await box.person()
    rule = {"match": {"method": "sendMessage"}, "fault": "parse_error", "times": 1}
    await box.play.put("faults", [rule])
    job_id = await box.ended(ann, words("**a** < b"))
    async with box.office():
        await box.wait_state(job_id)
    (message,) = await box.messages(ann.chat_id)
    assert message["text"].startswith("a < b")
    assert not message.get("entities")


async def test_a_delivery_goes_on_behind_the_parts_that_are_there(box: Postbox) -> None:
    """Its sender died after the first of three messages."""
    ann = await box.person()
    job_id = await box.ended(ann, words("\n\n".join("word " * 150 for _ in range(14))))
    (due,) = await box.deliveries.take([BOT], limit=5, lease_s=0.0)
    assert await box.deliveries.note_part(due, 41)
    async with box.office():
        row = await box.wait_state(job_id)
    assert row["parts"][0] == 41
    assert len(await box.messages(ann.chat_id)) == len(row["parts"]) - 1 == 2
    assert row["doubtful"] == 1
    assert not await box.deliveries.note_part(due, 42)
    assert not await box.deliveries.end(due, "undeliverable")


async def test_a_quick_answer_waits_for_its_card(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, words("here"))
    await box.ring.owner.execute(
        "update work.job set created_at = clock_timestamp() where id = $1", job_id
    )
    assert await box.deliveries.take([BOT], limit=5, lease_s=9) == []
    await box.card(job_id, ann.chat_id)
    assert [due.job_id for due in await box.deliveries.take([BOT], limit=5, lease_s=9)] == [job_id]
    assert not await box.cards.add(job_id, BOT, ann.chat_id, 5, "en", 7)


async def test_what_is_due_in_a_chat_waits_behind_what_was_told_to_wait(box: Postbox) -> None:
    ann, bob = await box.person(), await box.person()
    many = [await box.ended(ann, words("here"), reply_to=number) for number in range(1, 5)]
    others = await box.ended(bob, words("here"))
    (due,) = await box.deliveries.take([BOT], limit=1, lease_s=9)
    assert due.job_id == many[0]
    assert await box.deliveries.delay_chat(due, 100, each_s=10) == 3
    rows = [await box.row(job_id) for job_id in many[1:]]
    steps = [later["due_at"] - sooner["due_at"] for sooner, later in pairwise(rows)]
    assert [round(step.total_seconds()) for step in steps] == [10, 10]
    assert [d.job_id for d in await box.deliveries.take([BOT], limit=9, lease_s=9)] == [others]


async def test_who_has_many_answers_due_takes_nobody_elses_turn(box: Postbox) -> None:
    """Most of them are not even tried before they may be shown."""
    ann = await box.person()
    for _ in range(IN_HAND_MAX + 16):
        await box.ended(ann, words("here"))
    untried = "select count(*) from work.delivery where fence = 0 and due_at > clock_timestamp()"
    async with box.office():
        await wait_until(lambda: box.ring.owner.fetchval(untried), 10, "some wait untried")
        job_id = await box.ended(await box.person(), words("here"))
        await box.wait_state(job_id)
        assert await box.ring.owner.fetchval(untried) > 0


async def test_two_offices_deliver_each_answer_once(box: Postbox) -> None:
    people = [await box.person() for _ in range(6)]
    jobs = [await box.ended(person, words("here")) for person in people for _ in range(2)]
    async with box.office(), box.office():
        for job_id in jobs:
            await box.wait_state(job_id)
    for person in people:
        assert len(await box.messages(person.chat_id)) == 2


async def test_answers_of_bots_we_do_not_have_are_left(box: Postbox) -> None:
    ann = await box.person()
    job_id = await box.ended(ann, words("here"))
    assert await box.deliveries.take(["text_ai"], limit=5, lease_s=9) == []
    assert (await box.row(job_id))["state"] == "pending"


async def test_a_paused_lane_delivers_nothing(box: Postbox) -> None:
    ann = await box.person()
    await box.ring.queue.pause(Lane.POST)
    job_id = await box.ended(ann, words("here"))
    async with box.office() as office:
        await wait_until(lambda: office.courier._paused, 10, "the pause is seen")
        assert (await box.row(job_id))["fence"] == 0
        await box.ring.queue.resume(Lane.POST)
        await box.wait_state(job_id)


async def test_what_comes_again_while_it_is_in_hand_is_kept_in_hand(box: Postbox) -> None:
    """Its lease had ended for a moment; the first of the two that hold it now goes before the other."""
    held: dict[int, asyncio.Event] = {}

    class Holding:
        """Delivers nothing, and lets go of what it has when it is told so."""

        wire = SimpleNamespace(names=(BOT,))

        async def deliver(self, due: Due) -> None:
            held[due.fence] = asyncio.Event()
            await held[due.fence].wait()

    job_id = await box.ended(await box.person(), words("here"))
    courier = Courier(
        Holding(),  # type: ignore[arg-type]
        deliveries=box.deliveries,
        posts=Posts(box.ring.db),
        queue=box.ring.queue,
        lease_s=LEASE_S,
        grace_s=1,
    )
    over = "update work.delivery set due_at = clock_timestamp() where job_id = $1"
    stop = Stop()
    async with Nursery("tests") as nursery:
        task = nursery.start_task(courier.run(stop), name="courier")
        await wait_until(lambda: 1 in held, 10, "it is in hand")
        await box.ring.owner.execute(over, job_id)
        await wait_until(lambda: 2 in held, 10, "it is in hand again")
        held[1].set()
        await wait_until(lambda: len(courier._in_hand) == 1, 10, "one of the two has gone")
        before = (await box.row(job_id))["due_at"]
        await courier._renew()
        assert (await box.row(job_id))["due_at"] > before
        held[2].set()
        stop.set()
        await asyncio.wait({task}, timeout=20)
