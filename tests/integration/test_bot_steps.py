"""What takes several steps: albums, questions before them, what follows by itself. Once, and to its end."""

import asyncio
from typing import Any
from uuid import UUID

from producers.bot import flow
from producers.bot.guests import guest_of
from producers.bot.keeper import Follower
from producers.bot.wants import Wanted
from schemas.buttons import AGAIN, Press, pack, ref_of
from schemas.jobs import Kind
from schemas.money import App
from schemas.plans import PlanName, plans
from storage.jobs import Jobs
from tests.integration.bots import (
    BOT,
    Running,
    labels_of,
    person,
    press_and_wait,
    quiet,
    say,
    text_of,
)
from tests.integration.edge import finish_picture, finish_text
from tests.integration.sandbox_telegram import picture
from tests.integration.test_bot_wishes import buy, has
from tests.rig import job
from tests.support import wait_until

DESCRIBED = "kind = 'image.analyze'"
IMPROVED = "kind = 'text.improve'"
CARD = {"match": {"method": "sendMessage", "text": "Cancel"}, "fault": "server_error", "times": 1}
"""One card that Telegram does not take."""


async def send(bots: Running, who: int, count: int, caption: str = "") -> None:
    files = [("files", (f"{n}.png", picture(320 + n, 240), "image/png")) for n in range(count)]
    form = {"person": str(who), "bot": str(BOT), "caption": caption}
    answer = await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    assert answer.status_code == 200, answer.text


async def offered(bots: Running, who: int, count: int) -> dict[str, Any]:
    """The choices for an album of so many."""
    await send(bots, who, count)
    what = "this picture" if count == 1 else f"these {count} pictures"
    return await bots.hears(who, f"What shall I do with {what}?")


async def heard(bots: Running, who: int, words: str) -> list[dict[str, Any]]:
    return [one for one in await bots.said(who) if words in text_of(one)]


async def followers(bots: Running) -> int:
    where = "select count(*) from app.wish where why = 'after' and dropped_at is null"
    return int(await bots.owner.fetchval(where))


async def cards(bots: Running) -> int:
    return int(await bots.owner.fetchval("select count(*) from app.card"))


async def test_a_tap_that_is_handled_again_goes_on_and_a_second_tap_is_told(
    bots: Running,
) -> None:
    """Telegram fails once while the first card is sent."""
    who, _ = await person(bots)
    asked = await offered(bots, who, 4)
    await bots.play.put("faults", [CARD])
    assert "Already" not in str(await press_and_wait(bots, who, asked, "Describe"))
    assert len(await bots.wait_jobs(4)) == 4
    assert await cards(bots) == 4
    assert "Already done" in str(await press_and_wait(bots, who, asked, "Describe"))

    asked = await offered(bots, who, 2)
    await bots.play.put("faults", [CARD])
    assert "Already" not in str(await press_and_wait(bots, who, asked, "for a post"))
    await bots.wait_jobs(6)
    assert await followers(bots) == 1, "the text that is to be made of them is not forgotten"
    assert "Already done" in str(await press_and_wait(bots, who, asked, "for a post"))
    assert await followers(bots) == 1

    who, _ = await person(bots)
    await say(bots, who, "/image a boat")
    (drawn,) = await bots.wait_jobs(1, "kind = 'image.generate'")
    card = await bots.hears(who, "picture")
    await finish_picture(bots.desk, drawn["id"], picture(64, 64))
    await bots.play.put("faults", [CARD])
    again = {"person": who, "bot": BOT, "message_id": card["message_id"], "sure": True}
    again |= {"data": pack(Press(AGAIN, ref_of(drawn["id"]))), "wait": True}
    assert "Already" not in str(await bots.play.do("press", **again))
    _, second = await bots.wait_jobs(2, "kind = 'image.generate'")
    assert await bots.room.cards.of_job(second["id"]) is not None
    assert "Already done" in str(await bots.play.do("press", **again))
    assert len(await bots.jobs("kind = 'image.generate'")) == 2


async def test_an_album_is_one_question_with_one_price(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.room.preferences.change(user_id, confirm_above_units=0)
    asked = await offered(bots, who, 3)
    await press_and_wait(bots, who, asked, "Describe · 3 credits")
    await quiet(bots)
    (question,) = await heard(bots, who, "Shall I begin?")
    assert "3 pictures" in text_of(question)
    assert labels_of(question)[0] == "▶️ Generate · 3 credits"
    lost = {"match": {"method": "editMessageReplyMarkup"}, "fault": "server_error", "times": 1}
    await bots.play.put("faults", [CARD, lost])
    told = await press_and_wait(bots, who, question, "Generate")
    assert "Already" not in str(told)
    await quiet(bots)
    assert [job["kind"] for job in await bots.jobs()] == ["image.analyze"] * 3
    assert await cards(bots) == 3
    assert "Already done" in str(await press_and_wait(bots, who, asked, "Describe"))
    assert len(await bots.jobs()) == 3

    await send(bots, who, 3, caption="brighter")
    question = await bots.hears(who, "picture editing")
    assert labels_of(question)[0] == "▶️ Generate · 9 credits"
    await press_and_wait(bots, who, question, "Generate")
    await bots.wait_jobs(3, "kind = 'image.edit'")
    await quiet(bots)
    assert len(await heard(bots, who, "Shall I begin?")) == 2

    await bots.room.preferences.change(user_id, confirm_above_units=None)
    before = len(await bots.jobs())
    await has(bots, user_id, 140_000)  # twelve of them are promised to what waits
    asked = await offered(bots, who, 4)
    await press_and_wait(bots, who, asked, "Describe")
    await quiet(bots)
    (refused,) = await heard(bots, who, "Not enough credits")
    assert "This needs 4 credits; you can spend 2" in text_of(refused)
    assert len(await bots.jobs()) == before, "all of it or nothing"
    assert len(await bots.room.wishes.unpaid(user_id)) == 1
    await buy(bots, who, user_id, "ch-1")
    assert len(await bots.jobs()) == before + 4
    assert await bots.room.wishes.unpaid(user_id) == []


async def test_what_follows_is_kept_wherever_the_first_step_waits(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.room.preferences.change(user_id, confirm_above_units=0)
    asked = await offered(bots, who, 2)
    await press_and_wait(bots, who, asked, "for a post · 3 credits")
    question = await bots.hears(who, "Shall I begin?")
    assert "a text for a post" in text_of(question)
    assert labels_of(question)[0] == "▶️ Generate · 3 credits", "all steps of it"
    await press_and_wait(bots, who, question, "Generate")
    first, second = await bots.wait_jobs(2, DESCRIBED)
    await finish_text(bots.desk, first["id"], "A boat.")
    await finish_text(bots.desk, second["id"], "A lighthouse.")
    (text,) = await bots.wait_jobs(1, IMPROVED)
    assert (await bots.payload(text["id"]))["text"] == "A boat.\n\nA lighthouse."
    await finish_text(bots.desk, text["id"], "A boat and a lighthouse.")
    await delivered(bots, text["id"])
    await bots.hears(who, "link")

    await bots.room.preferences.change(user_id, confirm_above_units=None)
    await has(bots, user_id, 0)
    asked = await offered(bots, who, 1)
    await press_and_wait(bots, who, asked, "for a post · 2 credits")
    refused = await bots.hears(who, "Not enough credits")
    assert "This needs 2 credits" in text_of(refused)
    await buy(bots, who, user_id, "ch-1")
    *_, third = await bots.wait_jobs(3, DESCRIBED)
    await has(bots, user_id, 10_000)
    await finish_text(bots.desk, third["id"], "A castle.")
    await bots.hears(who, "This needs 1 credit; you can spend 0")
    asked_before = len(await heard(bots, who, "link"))
    await buy(bots, who, user_id, "ch-2")
    _, text = await bots.wait_jobs(2, IMPROVED)
    await finish_text(bots.desk, text["id"], "What a castle!")
    await delivered(bots, text["id"])

    async def asked_again() -> bool:
        return len(await heard(bots, who, "link")) > asked_before

    await wait_until(asked_again, 20, "where it shall be posted is asked")


async def delivered(bots: Running, job_id: UUID) -> None:
    """As if its answer had been told."""
    done = "update work.delivery set state = 'sent' where job_id = $1"
    await bots.owner.execute(done, job_id)


async def test_where_the_day_ends_within_an_album_what_has_begun_goes_on(bots: Running) -> None:
    who, user_id = await person(bots)
    limit = plans().plans[PlanName.FREE].daily_limits[App.VIAIZER]
    one: dict[str, Any] = {"price_units": 0, "app": App.VIAIZER.number, "daily_limit": limit}
    spent = [job(user_id, **one) for _ in range(limit - 2)]
    assert {one.code for one in await Jobs(bots.desk.db).submit_many(spent)} == {"ok"}
    asked = await offered(bots, who, 3)
    await press_and_wait(bots, who, asked, "for a post")
    await quiet(bots)
    assert len(await bots.jobs(DESCRIBED)) == 2
    assert len(await heard(bots, who, f"{limit} of {limit} requests used today")) == 1
    (wish,) = await bots.owner.fetch("select id from app.wish where why = 'after'")
    kept = await bots.room.wishes.get(user_id, wish["id"])
    first, second = await bots.jobs(DESCRIBED)
    after = "select after_job from app.wish where id = $1"
    assert kept.input["beside"] == [str(first["id"])]
    assert await bots.owner.fetchval(after, wish["id"]) == second["id"]


async def test_many_followers_ask_once(bots: Running) -> None:
    """Also for one that was in the hand of a process that has died since."""
    who, user_id = await person(bots)
    here = await guest_of(bots.room, user_id, bot_id=BOT, key="tg-1")
    assert here is not None
    for number in range(6):
        await say(bots, who, f"/image a boat {number}")
    for each in await bots.wait_jobs(6):
        await finish_picture(bots.desk, each["id"], picture(64, 64))
    for each in await bots.jobs():
        await flow.then(bots.room, here, Wanted(Kind.POST_PUBLISH, {}), [each["id"]])
    taken = await bots.owner.fetchval("select id from app.wish order by id limit 1")
    assert await bots.room.wishes.take(taken, lease_s=600) is not None
    for each in await bots.jobs():
        await delivered(bots, each["id"])
    await asyncio.gather(*(Follower(bots.room).round() for _ in range(4)))

    async def left(count: int) -> bool:
        return await followers(bots) == count

    await wait_until(lambda: left(1), 20, "every question but one has been asked")
    assert len(await heard(bots, who, "link")) == 5
    await bots.owner.execute("update app.wish set taken_until = now() - interval '1 second'")
    await asyncio.gather(*(Follower(bots.room).round() for _ in range(4)))
    await wait_until(lambda: left(0), 20, "every question has been asked")
    assert len(await heard(bots, who, "link")) == 6


async def test_who_cannot_be_told_keeps_nobody_else_waiting(bots: Running) -> None:
    """A chat that has to be silent for an hour, and a question that Telegram does not take."""
    (silent, one), (refused, two), (last, three) = [await person(bots) for _ in range(3)]
    for who, user_id in ((silent, one), (refused, two), (last, three)):
        await say(bots, who, "/image a boat")
        (drawn,) = await bots.wait_jobs(1, f"user_id = {user_id}")
        await finish_picture(bots.desk, drawn["id"], picture(64, 64))
        here = await guest_of(bots.room, user_id, bot_id=BOT, key="tg-1")
        assert here is not None
        await bots.idle()
        await flow.then(bots.room, here, Wanted(Kind.POST_PUBLISH, {}), [drawn["id"]])
    await bots.room.limiter.pause(BOT, silent, 3_600)
    refuse = {"match": {"chat_id": str(refused)}, "fault": "parse_error", "times": 1}
    await bots.play.put("faults", [refuse])
    for each in await bots.jobs():
        await delivered(bots, each["id"])
    await bots.hears(last, "link")
    assert not await heard(bots, refused, "link")
    await bots.owner.execute("update app.wish set taken_until = now() - interval '1 second'")
    await bots.hears(refused, "link")
    assert await followers(bots) == 1, "who has to be silent is asked later"
