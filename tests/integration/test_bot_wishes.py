"""What was asked for without credits: all of it runs after a purchase, and none of it twice or unwanted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from ledger.subscriptions import Subscriptions
from producers.bot.cashier import take, till_of
from schemas.money import App, Currency
from schemas.plans import PlanName
from storage.orders import Paid
from tests.integration.bots import (
    BOT,
    Running,
    labels_of,
    person,
    press_and_wait,
    quiet,
    running,
    say,
    text_of,
)
from tests.integration.sandbox_telegram import picture, playing

TURNS = "select count(*) from app.talk_turn where user_id = $1"
DEAR = "claude-sonnet-5"


@pytest_asyncio.fixture
async def bots(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with (
        playing() as play,
        running(play, dsn, redis_url, tmp_path, openrouter_api_key="a-key-of-the-tests") as found,
    ):
        yield found


async def has(bots: Running, user_id: int, units: int) -> None:
    """Exactly so many units of credits."""
    await bots.desk.wallets.first_use(user_id, App.VIAIZER)
    await bots.owner.execute(
        "update ledger.account set balance = case cur when $2 then $3::bigint else 0 end, "
        "bonus = 0, bought = 0 where owner = $1",
        user_id,
        Currency.CREDIT.number,
        units,
    )


async def buy(bots: Running, who: int, user_id: int, charge: str) -> Paid:
    """50 credits, as if a payment had been told."""
    till = till_of(bots.room)
    article = till.article("package", "spark")
    order = await till.order(user_id, article, bot_id=BOT, app=App.VIAIZER)
    paid = Paid(charge, BOT, who, article.stars, "XTR", str(order.id))
    await take(bots.room, None, paid)
    return paid


async def test_all_that_was_kept_runs_oldest_first_and_what_stays_is_said_once(
    bots: Running,
) -> None:
    who, user_id = await person(bots)
    await bots.room.preferences.change(user_id, confirm_above_units=None)
    await has(bots, user_id, 0)
    await say(bots, who, "How deep is the sea?")
    for number in range(11):
        await say(bots, who, f"/video a sea {number}")
    await quiet(bots)
    refused = [text_of(one) for one in await bots.said(who) if "Not enough" in text_of(one)]
    assert len(refused) == 12
    assert all("kept your request for 24 hours" in one for one in refused)
    assert await bots.jobs() == []
    paid = await buy(bots, who, user_id, "ch-1")
    told = await bots.hears(who, "2 kept requests still wait")
    assert labels_of(told) == ["⭐ Buy credits"]
    jobs = await bots.jobs()
    asked = [(await bots.payload(job["id"]))["prompt"] for job in jobs]
    assert asked == ["How deep is the sea?", *(f"a sea {number}" for number in range(9))]
    assert await bots.owner.fetchval(TURNS, user_id) == 1, "the conversation knows what was asked"
    await asyncio.gather(*(take(bots.room, None, paid) for _ in range(3)))
    assert len(await bots.jobs()) == 10, "the same payment told again runs nothing new"
    await buy(bots, who, user_id, "ch-2")
    assert len(await bots.jobs()) == 12
    await buy(bots, who, user_id, "ch-3")
    assert len(await bots.jobs()) == 12
    assert len([one for one in await bots.said(who) if "still wait" in text_of(one)]) >= 1


async def test_one_request_is_one_job_by_whichever_of_its_buttons(bots: Running) -> None:
    """The dear model does not run behind the back of who took the cheaper one."""
    who, user_id = await person(bots)
    await Subscriptions(bots.desk.db).pay("a", user_id=user_id, plan=PlanName.PRO, stars=500)
    await bots.room.preferences.change(user_id, models={"text": DEAR}, confirm_above_units=None)
    await has(bots, user_id, 10_000)
    await say(bots, who, "a long story, please " * 150)
    told = await bots.hears(who, "Not enough credits")
    (label,) = [one for one in labels_of(told) if "cheaper" in one]
    await press_and_wait(bots, who, told, label)
    (cheap,) = await bots.wait_jobs(1)
    assert (await bots.payload(cheap["id"]))["model"] == "text.cheap"
    assert await bots.owner.fetchval(TURNS, user_id) == 1
    await buy(bots, who, user_id, "ch-1")
    assert len(await bots.jobs()) == 1
    assert await bots.room.wishes.unpaid(user_id) == []

    # And when the cheaper one cannot be paid either, the last choice is what waits.
    await has(bots, user_id, 0)
    await say(bots, who, "another long story, please " * 140)
    told = await bots.hears(who, "you can spend 0")
    (label,) = [one for one in labels_of(told) if "cheaper" in one]
    await press_and_wait(bots, who, told, label)
    (waits,) = await bots.room.wishes.unpaid(user_id)
    assert waits.input["input"]["model"] == "text.cheap"
    await buy(bots, who, user_id, "ch-2")
    assert [(await bots.payload(job["id"]))["model"] for job in await bots.jobs()] == [
        "text.cheap", "text.cheap",
    ]  # fmt: skip


async def test_a_choice_for_pictures_that_could_not_be_paid_runs_once(bots: Running) -> None:
    """Each picture of an album is kept, and the button that was tapped knows that it has run."""
    who, user_id = await person(bots)
    await _send_album(bots, who)
    asked = await bots.hears(who, "What shall I do with these 2 pictures?")
    await has(bots, user_id, 0)
    (label,) = [one for one in labels_of(asked) if "Describe" in one]
    for _ in range(2):
        await press_and_wait(bots, who, asked, label)
    await quiet(bots)
    assert await bots.jobs() == []
    await buy(bots, who, user_id, "ch-1")
    assert len(await bots.jobs("kind = 'image.analyze'")) == 2
    assert "Already done" in str(await press_and_wait(bots, who, asked, label))
    assert len(await bots.jobs()) == 2


async def test_nothing_costs_more_than_its_button_says(bots: Running) -> None:
    """Another model was chosen, or the tariff has changed, between the button and the tap: it is asked."""
    who, user_id = await person(bots)
    await Subscriptions(bots.desk.db).pay("a", user_id=user_id, plan=PlanName.PRO, stars=500)
    await say(bots, who, "/improve " + "teh sea " * 100)
    styles = await bots.hears(who, "In which style? Each costs 1 credit")
    await _send_album(bots, who)
    choices = await bots.hears(who, "What shall I do with these 2 pictures?")
    await bots.room.preferences.change(user_id, models={"text": DEAR})
    (label,) = [one for one in labels_of(styles) if "Concise" in one]
    await press_and_wait(bots, who, styles, label)
    question = await bots.hears(who, "text improvement costs")
    assert await bots.jobs() == []
    await press_and_wait(bots, who, choices, "for a post · 3 credits")
    await bots.hears(who, "a text for a post cost")
    assert await bots.jobs() == []
    await press_and_wait(bots, who, question, "Generate")
    (job,) = await bots.wait_jobs(1)
    assert (await bots.payload(job["id"]))["model"] == DEAR
    assert "Already done" in str(await press_and_wait(bots, who, styles, label))


async def _send_album(bots: Running, who: int) -> None:
    files: list[Any] = [
        ("files", (f"{n}.png", picture(320 + n, 240), "image/png")) for n in range(2)
    ]
    form = {"person": str(who), "bot": str(BOT)}
    answer = await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    assert answer.status_code == 200, answer.text
