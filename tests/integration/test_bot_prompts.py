"""A prompt that is improved before its picture or video: two jobs, told together, each paid for itself."""

import asyncio
from typing import Any
from uuid import UUID

from producers.bot import flow
from producers.bot.guest import Guest
from producers.bot.guests import guest_of
from producers.bot.keeper import Follower
from schemas.buttons import RETRY, Press, pack, ref_of
from schemas.jobs import Kind
from schemas.money import App
from storage.jobs import Jobs
from tests.integration.bots import Running, labels_of, person, press, press_and_wait, say, text_of
from tests.integration.edge import end_text, finish_text, started
from tests.integration.test_bot_text_posts import post_office
from tests.support import wait_until

BOT = 4242
STEP = "kind = 'text.improve'"
PICTURE = "kind = 'image.generate'"
FULLER = "A lighthouse in a storm, lit from behind, seen from the sea."


async def switched_on(bots: Running, **more: Any) -> tuple[int, int]:
    who, user_id = await person(bots)
    await bots.idle()
    await bots.room.preferences.change(user_id, improve_prompts=True, **more)
    return who, user_id


async def left(bots: Running, user_id: int, units: int) -> None:
    """So much in the first wallet and nothing in the others."""
    await bots.desk.wallets.first_use(user_id, App.VIAIZER)
    emptied = "update ledger.account set balance = 0, bonus = 0 where owner = $1"
    await bots.owner.execute(emptied, user_id)
    filled = "update ledger.account set balance = $2 where owner = $1 and cur = 1"
    await bots.owner.execute(filled, user_id, units)


async def guest(bots: Running, user_id: int, key: str) -> Guest:
    found = await guest_of(bots.room, user_id, bot_id=BOT, key=key)
    assert found is not None
    return found


async def fail(bots: Running, job_id: UUID, code: str) -> None:
    running_job = await started(bots.desk, job_id)
    await Jobs(bots.desk.db).fail(job_id, running_job.attempt, code)


async def settled(bots: Running) -> None:
    """Nothing waits to follow any more."""

    waits = """
    select count(*) from app.wish w join work.job j on j.id = w.after_job
     where w.job_id is null and w.dropped_at is null and j.due_at is null
    """

    async def none_left() -> bool:
        return bool(await bots.owner.fetchval(waits) == 0)

    await wait_until(none_left, 20, "what follows has followed")


async def test_it_is_off_until_it_is_switched_on_and_then_the_prompt_comes_first(
    bots: Running,
) -> None:
    who, user_id = await person(bots)
    await say(bots, who, "/settings")
    page = await bots.hears(who, "Prompts of pictures and videos: as you write them")
    await press_and_wait(bots, who, page, "Improve prompts")
    page = await bots.hears(who, "Improve my prompts before pictures and videos")
    assert labels_of(page) == ["improve my prompts", "✓ take them as I write them", "Back"]
    await press_and_wait(bots, who, page, "improve my prompts")
    page = await bots.hears(who, "Improve my prompts before pictures and videos")
    assert "✓ improve my prompts" in labels_of(page)
    assert (await bots.room.preferences.of(user_id)).improve_prompts

    await say(bots, who, "/image a lighthouse in a storm")
    plan = await bots.hears(who, "Two steps")
    assert "your prompt is improved (1), then comes the picture (2). Together 3 credits" in text_of(
        plan
    )
    (first,) = await bots.wait_jobs(1)
    told = await bots.payload(first["id"])
    assert (first["kind"], first["price"], first["save"]) == ("text.improve", 10_000, False)
    assert (told["version"], told["style"]) == (3, "prompt")
    assert told["text"] == "a lighthouse in a storm"
    async with post_office(bots):
        await finish_text(bots.desk, first["id"], FULLER, prompt=True)
        shown = await bots.hears(who, "Your prompt, improved")
        assert FULLER in text_of(shown)
        assert labels_of(shown) == []
        (second,) = await bots.wait_jobs(1, PICTURE)
    assert (await bots.payload(second["id"]))["prompt"] == FULLER
    assert (second["price"], second["save"]) == (20_000, True)
    assert second["id"] != first["id"]

    await say(bots, who, "/video a boat at sea")
    _, third = await bots.wait_jobs(2, STEP)
    await finish_text(bots.desk, third["id"], "A boat at sea, slowly passing.", prompt=True)
    (film,) = await bots.wait_jobs(1, "kind = 'video.generate'")
    assert (await bots.payload(film["id"]))["prompt"] == "A boat at sea, slowly passing."
    await say(bots, who, "how are you?")
    (answer,) = await bots.wait_jobs(1, "kind = 'text.generate'")
    assert (await bots.payload(answer["id"]))["prompt"] == "how are you?"


async def test_whatever_comes_twice_is_one_job_of_each(bots: Running) -> None:
    who, user_id = await switched_on(bots)
    same = await guest(bots, user_id, "tg-4242-77")
    told = {"prompt": "a boat"}
    asked = [flow.ask(bots.room, same, Kind.IMAGE_GENERATE, told, improve=True) for _ in range(3)]
    assert len(set(await asyncio.gather(*asked))) == 1
    (first,) = await bots.jobs()
    await finish_text(bots.desk, first["id"], FULLER, prompt=True)
    rounds = [Follower(bots.room).round() for _ in range(3)]
    await asyncio.gather(*rounds)
    await settled(bots)
    assert await flow.ask(bots.room, same, Kind.IMAGE_GENERATE, told, improve=True) == first["id"]
    assert [job["kind"] for job in await bots.jobs()] == ["text.improve", "image.generate"]

    await bots.room.preferences.change(user_id, confirm_above_units=25_000)
    await say(bots, who, "/image a castle")
    question = await bots.hears(who, "both steps together")
    assert labels_of(question)[0] == "▶️ Generate · 3 credits"
    assert len(await bots.jobs()) == 2
    await press(bots, who, question, "Generate", times=2, sure=True)
    await bots.wait_jobs(2, STEP)
    await bots.idle()
    assert len(await bots.jobs()) == 3


async def test_a_first_step_that_fails_ends_it_and_can_be_tried_again_whole(bots: Running) -> None:
    who, user_id = await switched_on(bots)
    before = await bots.desk.wallets.available_units(user_id, App.VIAIZER)
    await say(bots, who, "/image a boat")
    (first,) = await bots.wait_jobs(1)
    async with post_office(bots):
        await fail(bots, first["id"], "provider_unavailable")
        card = await bots.hears(who, "Credits returned: 1")
    told = await bots.hears(who, "Your prompt could not be improved, so no picture was begun")
    assert await bots.desk.wallets.available_units(user_id, App.VIAIZER) == before
    await settled(bots)
    assert len(await bots.jobs()) == 1

    await press(bots, who, told, "As I wrote it · 2 credits", times=2, sure=True)
    (plain,) = await bots.wait_jobs(1, PICTURE)
    assert (await bots.payload(plain["id"]))["prompt"] == "a boat"
    data = pack(Press(RETRY, ref_of(first["id"])))
    for _ in range(2):
        await bots.play.do(
            "press", person=who, bot=BOT, message_id=card["message_id"], data=data, sure=True,
            wait=True,
        )  # fmt: skip
    _, again = await bots.wait_jobs(2, STEP)
    assert again["replay_of"] == first["id"]
    await finish_text(bots.desk, again["id"], FULLER, prompt=True)
    _, picture = await bots.wait_jobs(2, PICTURE)
    assert (await bots.payload(picture["id"]))["prompt"] == FULLER

    await say(bots, who, "/image something wicked")
    wicked = (await bots.wait_jobs(3, STEP))[2]
    await bots.owner.execute(
        "insert into work.moderation (job_id, class, score, judge) values ($1, 'other', 1, 'rules')",
        wicked["id"],
    )
    await fail(bots, wicked["id"], "content_blocked")
    await say(bots, who, "/image a stopped one")
    stopped = (await bots.wait_jobs(4, STEP))[3]
    running_job = await started(bots.desk, stopped["id"])
    bought = "update work.job set intent_at = clock_timestamp() where id = $1"
    await bots.owner.execute(bought, stopped["id"])
    assert await bots.desk.intake.cancel(user_id, stopped["id"]) == "requested"
    assert (await end_text(bots.desk, running_job, "Half of", prompt=True)).code == "ok"
    await settled(bots)
    assert len(await bots.jobs(PICTURE)) == 2, "what is not wanted any more is not drawn"
    offered = [one for one in await bots.said(who) if "could not be improved" in text_of(one)]
    assert len(offered) == 1, "what is not allowed is not offered as it was typed"


async def test_what_cannot_be_paid_is_kept_with_both_steps_or_the_one_that_is_left(
    bots: Running,
) -> None:
    who, user_id = await switched_on(bots)
    await left(bots, user_id, 20_000)
    await say(bots, who, "/image a castle")
    told = await bots.hears(who, "Not enough credits")
    assert "This needs 3 credits; you can spend 2" in text_of(told)
    assert labels_of(told) == ["⭐ Buy credits", "✏️ As I wrote it · 2 credits", "✖️ Never mind"]
    assert await bots.jobs() == []
    *_, wish = await bots.room.wishes.unpaid(user_id)
    assert (wish.kind, wish.input["improve"]) == ("image.generate", True)

    await left(bots, user_id, 30_000)
    buyer = await guest(bots, user_id, "paid-1")
    first = await flow.run_wish(bots.room, buyer, wish.id)
    assert first is not None
    assert [job["kind"] for job in await bots.jobs()] == ["text.improve"]
    await finish_text(bots.desk, first, FULLER, prompt=True)
    await left(bots, user_id, 5_000)
    told = await bots.hears(who, "This needs 2 credits; you can spend 0.5")
    await settled(bots)
    *_, wish = await bots.room.wishes.unpaid(user_id)
    assert (wish.input["input"]["prompt"], wish.input["improve"]) == (FULLER, False)
    await left(bots, user_id, 20_000)
    assert await flow.run_wish(bots.room, buyer, wish.id) is not None
    assert [job["kind"] for job in await bots.jobs()] == ["text.improve", "image.generate"]
