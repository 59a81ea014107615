"""Habits that people know from other bots; docs/conventions.md says which test shows which."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from ledger.subscriptions import Subscriptions
from producers.bot import card
from schemas.buttons import RETRY, VARY, Press, pack, ref_of
from schemas.ids import new_id
from schemas.jobs import Kind, Lane, State
from schemas.money import App, Currency
from schemas.plans import PlanName, plans
from storage.jobs import Jobs
from storage.places import Place
from tests.integration.bots import Running, labels_of, quiet, running, text_of
from tests.integration.edge import KINDS, a_wish, finish_picture
from tests.integration.sandbox_telegram import picture, playing
from tests.rig import job

BOT = 4242


@pytest_asyncio.fixture
async def bots(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with playing() as play:
        await play.put("limits", {"enabled": False})
        async with running(
            play, dsn, redis_url, tmp_path, openrouter_api_key="a-key-of-the-tests"
        ) as found:
            yield found


async def ann(bots: Running, **facts: object) -> tuple[int, int]:
    """A person who has begun: the Telegram id and ours."""
    who = int((await bots.play.do("people", **facts))["id"])
    await say(bots, who, "/start")
    await bots.hears(who, "You have")
    await bots.idle()
    user_id = await bots.desk.users.find("telegram", str(who))
    assert user_id is not None
    return who, user_id


async def say(bots: Running, who: int, text: str, **more: object) -> int:
    return int((await bots.play.do("say", person=who, bot=BOT, text=text, **more))["message_id"])


async def send(bots: Running, who: int, **where: object) -> int:
    files = [("files", ("a.png", picture(320, 240), "image/png"))]
    form = {"person": str(who), **{name: str(value) for name, value in where.items()}}
    answer = await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    assert answer.status_code == 200, answer.text
    return int(answer.json()[0]["message_id"])


async def press(bots: Running, who: int, message: dict[str, Any], label: str) -> str:
    """What the bot says over the button."""
    found = next(one for one in labels_of(message) if label in one)
    told = await bots.play.do(
        "press", person=who, bot=BOT, message_id=message["message_id"], label=found, wait=True
    )
    return str(told)


async def tap(bots: Running, who: int, action: str, job_id: UUID, **more: Any) -> str:
    """A button of a result, on whatever message of the bot's is at hand."""
    message = (await bots.said(who))[-1]
    told = await bots.play.do(
        "press", person=who, bot=BOT, message_id=message["message_id"],
        data=pack(Press(action, ref_of(job_id))), sure=True, wait=True, **more,
    )  # fmt: skip
    return str(told)


@pytest.mark.parametrize(
    ("state", "ahead", "slots", "words"),
    [
        (State.QUEUED, 0, 4, ("Next in the queue", "Ready in about 5–20 seconds")),
        (State.QUEUED, 2, 4, ("at place 3, 2 jobs before yours", "Ready in about")),
        (State.QUEUED, 90, 1, ("at place 91, 90 jobs before yours", "minutes")),
        (State.QUEUED, 2, 0, ("nobody works here right now",)),
        (State.WAITING, 0, 4, ("Waits for one of your own jobs",)),
    ],
)
def test_a_card_says_state_place_time_price_and_rule(
    state: State, ahead: int, slots: int, words: tuple[str, ...]
) -> None:
    place = Place(new_id(), 1, state, Kind.IMAGE_GENERATE, Lane.IMAGE, 20_000, ahead, ahead * 10.0)
    said = card.refreshed(place, {Lane.IMAGE: slots}, "en")
    for one in (*words, "2 credits", "Cancel is free until it starts"):
        assert one in said, said


async def test_the_command_cancels_the_newest_job_and_gives_everything_back(bots: Running) -> None:
    who, _ = await ann(bots)
    await say(bots, who, "/cancel")
    await bots.hears(who, "There is nothing to cancel")
    for words in ("/image an older one", "/image a newer one"):
        await say(bots, who, words)
    await bots.wait_jobs(2)
    await say(bots, who, "/cancel")
    told = await bots.hears(who, "Nothing was charged, your credits are back")
    assert "a newer one" in text_of(told), "which one is said"
    assert [one["state"] for one in await bots.jobs()] == ["queued", "cancelled"]


async def test_who_cannot_pay_for_a_dear_model_is_offered_a_cheaper_one(bots: Running) -> None:
    who, user_id = await ann(bots)
    await Subscriptions(bots.desk.db).pay("a", user_id=user_id, plan=PlanName.PRO, stars=500)
    await bots.room.preferences.change(
        user_id, models={"text": "claude-sonnet-5"}, confirm_above_units=None
    )
    await bots.desk.wallets.first_use(user_id, App.VIAIZER)
    await bots.owner.execute(
        "update ledger.account set balance = case cur when $2 then 10000 else 0 end, bonus = 0, "
        "bought = 0 where owner = $1",
        user_id,
        Currency.CREDIT.number,
    )
    await say(bots, who, "a long story, please " * 150)
    told = await bots.hears(who, "Not enough credits")
    await press(bots, who, told, "With a cheaper model · 1 credit")
    (made,) = await bots.wait_jobs(1)
    assert (await bots.payload(made["id"]))["model"] == "text.cheap"


async def test_a_failed_job_is_tried_again_once(bots: Running) -> None:
    who, user_id = await ann(bots)
    await say(bots, who, "/image a lighthouse")
    (failed,) = await bots.wait_jobs(1)
    jobs = Jobs(bots.desk.db)
    begun = await jobs.start(failed["id"], uuid4(), worker="w", lease_s=30, kinds=list(KINDS))
    assert (await jobs.fail(failed["id"], begun.jobs[0].attempt, "provider_refused"))[0] == "ok"
    for _ in range(2):
        await tap(bots, who, RETRY, failed["id"])
    await bots.idle()
    (_, again) = await bots.jobs(f"user_id = {user_id}")
    assert await bots.payload(again["id"]) == await bots.payload(failed["id"])


async def test_help_with_payments_terms_and_privacy_are_one_command_away(bots: Running) -> None:
    who, user_id = await ann(bots)
    for command, words in (
        ("/paysupport", f"Your number here: {user_id}"),
        ("/terms", "A job that fails costs nothing"),
        ("/privacy", "/delete_me"),
    ):
        await say(bots, who, command)
        await bots.hears(who, words)


async def test_when_the_day_is_used_up_a_larger_plan_is_offered(bots: Running) -> None:
    who, user_id = await ann(bots)
    limit = plans().plans[PlanName.FREE].daily_limits[App.VIAIZER]
    spent = [
        job(user_id, price_units=0, app=App.VIAIZER.number, daily_limit=limit) for _ in range(limit)
    ]
    assert {one.code for one in await Jobs(bots.desk.db).submit_many(spent)} == {"ok"}
    await say(bots, who, "/limits")
    assert f"viAIzer: {limit} of {limit}" in text_of(await bots.hears(who, "Limits"))
    await bots.desk.users.set_zone(user_id, "Asia/Tokyo")
    await say(bots, who, "/image one more")
    told = await bots.hears(who, f"{limit} of {limit} requests used today")
    assert "starts again at 09:00" in text_of(told), "on the clock of who is told"
    assert labels_of(told) == ["⭐ Larger plans"]
    await bots.idle()
    assert len(await bots.jobs()) == limit


async def test_the_buttons_of_a_picture_do_what_they_say(bots: Running) -> None:
    """Again and Variation differ by the seed; Upscale and Animate take the picture that was made."""
    who, user_id = await ann(bots)
    wish = a_wish(
        user_id, app=App.VIAIZER, kind="image.generate", input={"prompt": "a jar", "seed": 7}
    )
    first = (await bots.desk.intake.submit(wish)).job_id
    ended = await finish_picture(bots.desk, first, picture(320, 240))
    made = {}
    for action in ("again", "vary", "upscale", "animate"):
        await tap(bots, who, action, first)
        (row,) = await bots.wait_jobs(1, f"key = '{action}-{first}'")
        made[action] = await bots.payload(row["id"])
    assert {made[name]["prompt"] for name in ("again", "vary")} == {"a jar"}
    assert len({7, made["again"]["seed"], made["vary"]["seed"]}) == 3
    assert made["upscale"]["operations"] == [{"op": "upscale", "factor": 2}]
    assert made["upscale"]["file"] == made["animate"]["file"]
    assert ended.project_code
    assert ended.project_code in await tap(bots, who, "save", first)
    await tap(bots, who, "edit", first)
    await bots.hears(who, "Tell me what to change")
    await say(bots, who, "brighter")
    (edit,) = await bots.wait_jobs(1, "kind = 'image.edit' and key like 'tg-%'")
    assert (await bots.payload(edit["id"]))["file"] == made["upscale"]["file"]
    await tap(bots, who, "delete", first)
    kept = await bots.owner.fetchval("select count(*) from app.project where job_id = $1", first)
    assert kept == 0


async def test_words_in_reply_to_a_picture_change_it_and_to_a_text_go_on_from_it(
    bots: Running,
) -> None:
    who, _ = await ann(bots)
    photo = await send(bots, who, bot=BOT)
    await bots.hears(who, "What shall I do with this picture?")
    await say(bots, who, "make it brighter", reply_to=photo)
    (edit,) = await bots.wait_jobs(1)
    told = await bots.payload(edit["id"])
    assert (edit["kind"], told["operations"][0]["brightness"]) == ("image.edit", 1.25)
    await say(bots, who, "/terms")
    quoted = await bots.hears(who, "Answers, pictures and videos")
    await say(bots, who, "What does this mean?", reply_to=quoted["message_id"])
    (answer,) = await bots.wait_jobs(1, "kind = 'text.generate'")
    (turn,) = (await bots.payload(answer["id"]))["history"]
    assert turn["by"] == "model"
    assert "A price is shown before a job" in turn["text"]


async def test_edits_and_what_a_group_shows_to_itself_are_nothing_to_us(bots: Running) -> None:
    who, _ = await ann(bots)
    message_id = await say(bots, who, "/image a boat")
    await bots.wait_jobs(1)
    await bots.play.do("edit", person=who, bot=BOT, message_id=message_id, text="/image a ship")
    group = (await bots.play.do("chats", type="supergroup", title="Friends", owner=who))["id"]
    await bots.play.do("members", chat=group, account=BOT)
    await send(bots, who, chat=group)
    await send(bots, who, chat=group, caption="look at this")
    await say(bots, who, "/help")  # their updates are handled in order
    await bots.hears(who, "What I do")
    assert len(await bots.jobs()) == 1
    assert await bots.play.messages(chat=group, by_bots=True) == []
    told = {"message_id": 7, "date": 1, "text": "/image a ship", "edit_date": 2,
            "chat": {"id": 99, "type": "private", "first_name": "Bob"},
            "from": {"id": 99, "is_bot": False, "first_name": "Bob"}}  # fmt: skip
    await bots.play.do("updates", bot=BOT, body={"edited_message": told})
    await quiet(bots)
    assert await bots.desk.users.find("telegram", "99") is None, "nobody is met by an edit"


async def test_a_mode_by_button_says_what_words_mean_until_it_is_left(bots: Running) -> None:
    who, _ = await ann(bots)
    await press(bots, who, (await bots.said(who))[-1], "Picture")
    await bots.hears(who, "Now every message becomes a picture")
    await say(bots, who, "a boat in a storm")
    await bots.wait_jobs(1, "kind = 'image.generate'")
    await say(bots, who, "/chat")
    await say(bots, who, "what is a boat?")
    await bots.wait_jobs(1, "kind = 'text.generate'")
    assert len(await bots.jobs()) == 2


async def test_an_old_button_says_that_it_is_done(bots: Running) -> None:
    who, user_id = await ann(bots)
    await bots.room.preferences.change(user_id, confirm_above_units=0)
    await say(bots, who, "/image a castle")
    asked = await bots.hears(who, "Shall I begin?")
    rows = asked["reply_markup"]["inline_keyboard"]
    generate, drop = (row[0]["callback_data"] for row in rows)
    await press(bots, who, asked, "Never mind")
    for data in (generate, drop, pack(Press("long-gone", ref_of(new_id())))):
        told = await bots.play.do(
            "press", person=who, bot=BOT, message_id=asked["message_id"], data=data, sure=True,
            wait=True,
        )  # fmt: skip
        assert "Already done" in str(told)
    assert "not yours" in await tap(bots, who, VARY, new_id())
    assert await bots.jobs() == []
