"""A model that does not answer is said before the click, with what can be done instead."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from ops.base import clock
from storage.provider_board import PREFIX, account_of, key_mark
from tests.integration.bots import Running, labels_of, quiet, running, say
from tests.integration.sandbox_telegram import playing
from tests.integration.test_bot_steps import followers, offered
from tests.support import wait_until

BOT = 4242
KEY = "a-key-of-the-tests"
ACCOUNT = f"{PREFIX}:{account_of('openrouter', key_mark(KEY))}"
MODEL = "mistral-small-3.2"
TITLE = "Mistral Small 3.2"


@pytest_asyncio.fixture
async def bots(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with (
        playing() as play,
        running(play, dsn, redis_url, tmp_path, openrouter_api_key=KEY) as found,
    ):
        yield found


async def person(bots: Running) -> tuple[int, int]:
    who = int((await bots.play.do("people"))["id"])
    await say(bots, who, "/start")
    user_id = await wait_until(lambda: bots.desk.users.find("telegram", str(who)), 20, "an account")
    assert user_id is not None
    await bots.hears(who, "You have")
    return who, user_id


async def press(bots: Running, who: int, message_id: int, label: str) -> None:
    await bots.play.do("press", person=who, bot=BOT, message_id=message_id, label=label, wait=True)


async def open_breaker(bots: Running, *names: str, for_s: float = 300) -> None:
    until_ms = int((clock.now().timestamp() + for_s) * 1000)
    pipe = bots.desk.queue.pipeline(transaction=False)
    for name in names:
        pipe.hset(f"{ACCOUNT}:breaker:{name}", "until", str(until_ms))
    await pipe.execute()


async def test_another_model_is_offered_with_its_price(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.room.preferences.change(user_id, models={"text": MODEL})
    await open_breaker(bots, MODEL)
    await say(bots, who, "How are you?")
    asked = await bots.hears(who, f"{TITLE} does not answer right now")
    usual, same, never = labels_of(asked)
    assert (usual, never) == ("↩️ With the usual model · 1 credit", "✖️ Never mind")
    assert same.startswith("⏳ Ask all the same · ")
    assert await bots.jobs() == []
    await press(bots, who, asked["message_id"], usual)
    (job,) = await bots.wait_jobs(1)
    assert (await bots.payload(job["id"]))["model"] == "text.default"


async def test_one_that_goes_on_to_the_next_by_itself_is_not_talked_about(bots: Running) -> None:
    who, _ = await person(bots)
    await open_breaker(bots, MODEL)
    await say(bots, who, "How are you?")
    await bots.wait_jobs(1)


async def test_when_nobody_answers_it_can_be_asked_for_all_the_same(bots: Running) -> None:
    who, _ = await person(bots)
    await bots.desk.queue.set(f"{ACCOUNT}:stop", "quota_exhausted", px=600_000)
    await say(bots, who, "How are you?")
    asked = await bots.hears(who, "No model answers for this right now")
    assert labels_of(asked) == ["⏳ Ask all the same · 1 credit", "✖️ Never mind"]
    assert await bots.jobs() == []
    await press(bots, who, asked["message_id"], "⏳ Ask all the same · 1 credit")
    (job,) = await bots.wait_jobs(1)
    assert job["key"].startswith(f"tg-{BOT}-"), "one request is one job, whichever button is tapped"


async def test_what_was_to_follow_is_kept_when_it_is_asked_for_all_the_same(bots: Running) -> None:
    who, _ = await person(bots)
    await bots.desk.queue.set(f"{ACCOUNT}:stop", "quota_exhausted", px=600_000)
    asked = await offered(bots, who, 2)
    label = next(one for one in labels_of(asked) if "for a post" in one)
    await press(bots, who, asked["message_id"], label)
    told = await bots.hears(who, "No model answers for this right now")
    same, _ = labels_of(told)
    assert same.split(" · ")[1] == label.split(" · ")[1], "all steps of it"
    assert await bots.jobs() == []
    await press(bots, who, told["message_id"], same)
    assert [job["kind"] for job in await bots.wait_jobs(2)] == ["image.analyze"] * 2
    await quiet(bots)
    assert await followers(bots) == 1


async def test_the_list_of_models_marks_it(bots: Running) -> None:
    who, _ = await person(bots)
    await open_breaker(bots, MODEL)
    await say(bots, who, "/settings")
    page = (await bots.hears(who, "Settings"))["message_id"]
    await press(bots, who, page, "Models")
    await press(bots, who, page, "Texts")
    shown = await bots.hears(who, "marks a model that does not answer")
    marked = [label for label in labels_of(shown) if label.startswith("⚠️")]
    assert marked == [f"⚠️ {TITLE}"]


async def test_a_breaker_that_has_closed_again_is_not_talked_about(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.room.preferences.change(user_id, models={"text": MODEL})
    await open_breaker(bots, MODEL, for_s=-1)
    await say(bots, who, "How are you?")
    await bots.wait_jobs(1)


async def inline(
    bots: Running, who: int, *, choose: str | None = None
) -> dict[str, dict[str, str]]:
    """What is offered for a few words, by the id of the result."""
    told = await bots.play.do("inline", person=who, bot=BOT, query="helo", choose=choose)
    return {one["id"]: one for one in told["results"]}


async def test_inline_says_it_in_the_result_and_answers_by_another_model(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.room.preferences.change(user_id, models={"text": MODEL})
    dear = (await inline(bots, who))["generate"]
    assert (dear["description"], dear["title"].startswith("💬 Answer · ")) == ("helo", True)
    await inline(bots, who, choose="generate")
    (job,) = await bots.wait_jobs(1)
    assert (await bots.payload(job["id"]))["model"] == MODEL
    assert dear["title"] == f"💬 Answer · {job['price'] / 10_000:g} credits"

    await open_breaker(bots, MODEL)
    (offered,) = (await inline(bots, who)).values()
    assert (offered["id"], offered["title"]) == ("generate:text.default", "⚠️ 💬 Answer · 1 credit")
    said = f"⚠️ {TITLE} does not answer right now: this is by the usual model."
    assert offered["description"] == said
    await inline(bots, who, choose="generate:text.default")
    _, job = await bots.wait_jobs(2)
    assert ((await bots.payload(job["id"]))["model"], job["price"]) == ("text.default", 10_000)

    await bots.desk.queue.set(f"{ACCOUNT}:stop", "quota_exhausted", px=600_000)
    (offered,) = (await inline(bots, who)).values()
    assert offered["id"] == "generate"
    assert offered["description"].startswith("⚠️ No model answers right now")


async def test_a_prompt_that_nobody_improves_now_can_go_as_it_was_typed(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.room.preferences.change(
        user_id, improve_prompts=True, models={"text": MODEL, "image": "local-art"}
    )
    await open_breaker(bots, MODEL)
    await say(bots, who, "/image a boat")
    asked = await bots.hears(who, f"{TITLE} does not answer right now")
    typed, same, never = labels_of(asked)
    assert (typed, never) == ("✏️ As I wrote it · 2 credits", "✖️ Never mind")
    assert same.startswith("⏳ Ask all the same · ")
    assert await bots.jobs() == []
    await press(bots, who, asked["message_id"], typed)
    (job,) = await bots.wait_jobs(1)
    assert (job["kind"], (await bots.payload(job["id"]))["prompt"]) == ("image.generate", "a boat")
