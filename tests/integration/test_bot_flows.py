"""What a person sees: first steps, a job with its card, choices, buttons, groups, memory."""

from producers.bot.keeper import CardKeeper
from schemas.buttons import RETRY, Press, pack, ref_of
from schemas.ids import new_id
from schemas.money import App
from storage.jobs import Jobs
from tests.integration.bots import Running, labels_of, text_of
from tests.integration.edge import finish_text, started
from tests.integration.sandbox_telegram import Play, picture
from tests.support import wait_until


async def person(play: Play, **facts: object) -> int:
    return int((await play.do("people", **facts))["id"])


async def say(bots: Running, who: int, text: str, *, bot: int = 4242, **more: object) -> int:
    return int((await bots.play.do("say", person=who, bot=bot, text=text, **more))["message_id"])


async def test_a_newcomer_is_told_that_it_is_ai_and_sees_three_messages(bots: Running) -> None:
    ann = await person(bots.play)
    await say(bots, ann, "/start")
    await bots.hears(ann, "You have")
    tour = await bots.said(ann)
    assert len(tour) == 3
    assert "AI" in text_of(tour[0])
    assert labels_of(tour[2]) == ["💬 Chat", "🎨 Picture", "🎬 Video"]
    await say(bots, ann, "/start")
    await bots.hears(ann, "Welcome back")


async def test_words_become_a_job_whose_card_shows_the_price_and_can_be_cancelled(
    bots: Running,
) -> None:
    ann = await person(bots.play)
    await say(bots, ann, "/image a lighthouse in a storm")
    card = await bots.hears(ann, "picture")
    assert "2 credits" in text_of(card)
    assert "Cancel is free" in text_of(card)
    (job,) = await bots.wait_jobs(1)
    assert (job["kind"], job["price"], job["state"]) == ("image.generate", 20_000, "queued")
    assert job["reply"].startswith(f"tg:viaizer:{ann}:")
    answer = await bots.play.do(
        "press", person=ann, bot=4242, message_id=card["message_id"], label="✖️ Cancel", wait=True
    )
    assert "Nothing was charged" in str(answer)
    assert (await bots.jobs())[0]["state"] == "cancelled"


async def test_a_conversation_is_remembered_until_new(bots: Running) -> None:
    ann = await person(bots.play)
    await say(bots, ann, "My cat is called Mila.")
    (first,) = await bots.wait_jobs(1)
    await finish_text(bots.desk, first["id"], "What a nice name!")
    await say(bots, ann, "What is her name?")
    second = (await bots.wait_jobs(2))[1]
    told = await bots.payload(second["id"])
    assert [turn["text"] for turn in told["history"]] == [
        "My cat is called Mila.",
        "What a nice name!",
    ]
    assert (told["version"], told["chat"]) == (2, True)
    await say(bots, ann, "/new")
    await say(bots, ann, "And now?")
    third = (await bots.wait_jobs(3))[2]
    assert (await bots.payload(third["id"]))["history"] == []


async def test_a_photo_with_words_is_edited_and_a_photo_alone_is_a_choice(bots: Running) -> None:
    ann = await person(bots.play)
    await send(bots, ann, caption="black and white, please")
    (job,) = await bots.wait_jobs(1)
    told = await bots.payload(job["id"])
    assert told["operations"] == [
        {"op": "tone", "brightness": 1.0, "contrast": 1.0, "saturation": 0.0}
    ]
    await send(bots, ann)
    asked = await bots.hears(ann, "What shall I do with this picture?")
    assert [label.split(" · ")[1] for label in labels_of(asked)] == [
        "1 credit", "3 credits", "2 credits", "5 credits",
    ]  # fmt: skip
    for _ in range(2):
        await bots.play.do(
            "press", person=ann, bot=4242, message_id=asked["message_id"],
            label="🎬 Animate · 5 credits", wait=True,
        )  # fmt: skip
    await bots.idle()
    jobs = await bots.jobs("kind = 'video.generate'")
    assert len(jobs) == 1, "two taps are one job"


async def test_an_album_is_gathered_before_its_jobs_start(bots: Running) -> None:
    ann = await person(bots.play)
    await send(bots, ann, caption="brighter", count=3)
    await bots.wait_jobs(3)
    await bots.idle()
    assert len(await bots.jobs("kind = 'image.edit'")) == 3
    keys = {job["key"] for job in await bots.jobs()}
    assert len({key.rsplit("-", 1)[0] for key in keys if key.count("-") == 3}) == 1


async def test_in_a_group_only_a_command_a_mention_or_a_reply_is_answered(bots: Running) -> None:
    ann = await person(bots.play)
    me = (await bots.play.call("getMe", "4242:AAE-viaizer-of-the-tests"))["result"]["username"]
    group = (await bots.play.do("chats", type="supergroup", title="Friends", owner=ann))["id"]
    await bots.play.do("members", chat=group, account=4242)
    await bots.play.do("say", person=ann, chat=group, text="just talking among ourselves")
    await bots.play.do("say", person=ann, chat=group, text=f"@{me} how are you?")
    (job,) = await bots.wait_jobs(1)
    assert job["reply"].startswith(f"tg:viaizer:{group}:")
    assert (await bots.payload(job["id"]))["prompt"] == "how are you?"
    await bots.play.do("say", person=ann, chat=group, text="/image a boat")
    await bots.wait_jobs(2)
    await bots.idle()
    assert len(await bots.jobs()) == 2


async def test_who_cannot_pay_keeps_the_request_and_no_job(bots: Running) -> None:
    ann = await person(bots.play)
    await say(bots, ann, "/start")
    await bots.hears(ann, "You have")
    user = await bots.desk.users.find("telegram", str(ann))
    assert user is not None
    await bots.desk.wallets.first_use(user, App.VIAIZER)
    await bots.owner.execute(
        "update ledger.account set balance = 0, bonus = 0 where owner = $1", user
    )
    await say(bots, ann, "/image a castle")
    told = await bots.hears(ann, "Not enough credits")
    assert labels_of(told)[0] == "⭐ Buy credits"
    await bots.idle()
    assert await bots.jobs() == []
    (wish,) = await bots.room.wishes.unpaid(user)
    assert wish.input["input"] == {"prompt": "a castle"}


async def test_what_costs_more_than_the_threshold_is_asked_about_and_runs_once(
    bots: Running,
) -> None:
    ann = await person(bots.play)
    await say(bots, ann, "/start")
    await bots.hears(ann, "You have")
    user = await bots.desk.users.find("telegram", str(ann))
    assert user is not None
    await bots.room.preferences.change(user, confirm_above_units=0)
    await say(bots, ann, "/image a castle")
    asked = await bots.hears(ann, "Shall I begin?")
    assert labels_of(asked)[0] == "▶️ Generate · 2 credits"
    assert await bots.jobs() == []
    await bots.play.do(
        "press", person=ann, bot=4242, message_id=asked["message_id"],
        label="▶️ Generate · 2 credits", times=2, sure=True,
    )  # fmt: skip
    await bots.wait_jobs(1)
    await bots.idle()
    assert len(await bots.jobs()) == 1


async def test_text_ai_improves_a_text_in_the_style_that_is_tapped(bots: Running) -> None:
    ann = await person(bots.play, language="ru")
    await say(bots, ann, "превет как дила", bot=4343)
    asked = await bots.hears(ann, "В каком стиле?", bot=4343)
    await bots.play.do(
        "press", person=ann, bot=4343, message_id=asked["message_id"], label="😊 Дружелюбно",
        wait=True,
    )  # fmt: skip
    (job,) = await bots.wait_jobs(1)
    assert (await bots.payload(job["id"]))["style"] == "friendly"
    assert job["reply"].startswith("tg:text_ai:")


async def test_the_style_that_somebody_prefers_is_the_first_button(bots: Running) -> None:
    ann = await person(bots.play)
    await say(bots, ann, "/start", bot=4343)
    await bots.hears(ann, "You have", bot=4343)
    user = await bots.desk.users.find("telegram", str(ann))
    assert user is not None
    await bots.room.preferences.change(user, style="formal")
    await say(bots, ann, "hi guys", bot=4343)
    asked = await bots.hears(ann, "In which style?", bot=4343)
    first, *others = labels_of(asked)
    assert first == "★ 🎩 Formal · 1 credit"
    assert len(others) == 4
    assert all(label.endswith(" · 1 credit") and "★" not in label for label in others)
    await bots.play.do(
        "press", person=ann, bot=4343, message_id=asked["message_id"], label=first, wait=True
    )
    (job,) = await bots.wait_jobs(1)
    assert (await bots.payload(job["id"]))["style"] == "formal"


async def test_trying_again_names_the_job_that_failed(bots: Running) -> None:
    ann = await person(bots.play)
    await say(bots, ann, "/image a lighthouse")
    card = await bots.hears(ann, "picture")
    (job,) = await bots.wait_jobs(1)
    running_job = await started(bots.desk, job["id"])
    await Jobs(bots.desk.db).fail(job["id"], running_job.attempt, "provider_unavailable")
    data = pack(Press(RETRY, ref_of(job["id"])))
    for _ in range(2):
        await bots.play.do(
            "press", person=ann, bot=4242, message_id=card["message_id"], data=data, sure=True,
            wait=True,
        )  # fmt: skip
    _, again = await bots.wait_jobs(2)
    await bots.idle()
    assert [one["replay_of"] for one in await bots.jobs()] == [None, job["id"]]
    assert await bots.payload(again["id"]) == await bots.payload(job["id"])


async def test_a_chat_that_is_not_there_is_gone_and_no_failure(bots: Running) -> None:
    nobody = {"id": 987_654, "is_bot": False, "first_name": "Nobody"}
    chat = {"id": 987_654, "type": "private", "first_name": "Nobody"}
    message = {"message_id": 5, "date": 1, "text": "/start", "from": nobody, "chat": chat}
    await bots.play.do("updates", bot=4242, body={"message": message})
    where = "select outcome, tries from app.inbox where handled_at is not null"
    row = await wait_until(lambda: bots.owner.fetchrow(where), 20, "the update is handled")
    assert row is not None
    assert row["outcome"] == "gone"


async def send(bots: Running, who: int, *, caption: str = "", count: int = 1) -> None:
    """Photos, as an album when there are several."""
    files = [("files", (f"{n}.png", picture(320 + n, 240), "image/png")) for n in range(count)]
    form = {"person": str(who), "bot": "4242", "caption": caption}
    answer = await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    assert answer.status_code == 200, answer.text


async def test_the_card_of_a_waiting_job_tells_its_place_and_is_left_alone_once_it_runs(
    bots: Running,
) -> None:
    ann = await person(bots.play)
    for number in range(3):
        await say(bots, ann, f"/image picture {number}")
    jobs = await bots.wait_jobs(3)
    await bots.hears(ann, "nobody works here right now")
    await bots.hears(ann, "Waits for one of your own jobs")
    card = await bots.room.cards.of_job(jobs[0]["id"])
    assert card is not None
    keeper = CardKeeper(bots.room, holder=new_id())
    await started(bots.desk, jobs[0]["id"])
    await keeper.round()
    calls = await edits_of(bots, card.message_id)
    await keeper.round()
    assert await edits_of(bots, card.message_id) == calls


async def edits_of(bots: Running, message_id: int) -> int:
    calls = await bots.play.calls(bot=4242, method="editMessageText")
    return sum(str(call["params"].get("message_id")) == str(message_id) for call in calls)


async def test_an_inline_placeholder_becomes_a_job_that_fills_it_in(bots: Running) -> None:
    ann = await person(bots.play)
    answer = await bots.play.do("inline", person=ann, bot=4242, query="a haiku", choose="generate")
    assert "1 credit" in str(answer)
    (job,) = await bots.wait_jobs(1)
    assert job["reply"].startswith("tgi:viaizer:")


async def test_improve_for_a_post_goes_on_by_itself_with_what_was_described(
    bots: Running,
) -> None:
    ann = await person(bots.play)
    await send(bots, ann)
    asked = await bots.hears(ann, "What shall I do")
    label = next(one for one in labels_of(asked) if "for a post" in one)
    await bots.play.do(
        "press", person=ann, bot=4242, message_id=asked["message_id"], label=label, wait=True
    )
    (first,) = await bots.wait_jobs(1)
    assert first["kind"] == "image.analyze"
    await finish_text(bots.desk, first["id"], "A lighthouse at dusk.")
    second = (await bots.wait_jobs(2))[1]
    told = await bots.payload(second["id"])
    assert (second["kind"], told["text"], told["style"]) == (
        "text.improve", "A lighthouse at dusk.", "friendly",
    )  # fmt: skip
