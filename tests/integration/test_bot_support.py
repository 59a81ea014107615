"""Help with payments: asked for nothing in reply to a message, answered by the house in the chat."""

import json
from pathlib import Path

from producers.bot import support
from storage.support import OPEN_MAX, Support
from tests.integration.bots import BOT, Running, cli, person, quiet
from tests.support import wait_until

WORDS = "I paid on 3 May <and> nothing came"


async def say(bots: Running, who: int, text: str, **more: object) -> None:
    await bots.play.do("say", person=who, bot=BOT, text=text, **more)


async def test_a_reply_is_read_by_a_person_and_costs_nothing(bots: Running, tmp_path: Path) -> None:
    ann, ann_id = await person(bots)
    await say(bots, ann, "/paysupport")
    asked = (await bots.hears(ann, "Help with payments"))["message_id"]
    await bots.play.put(
        "faults", [{"match": {"method": "sendMessage"}, "fault": "server_error", "times": 1}]
    )
    await say(bots, ann, WORDS, reply_to=asked)
    noted = await bots.hears(ann, "a person of us reads this")
    await say(bots, ann, "/language ru", reply_to=asked)  # a command is a command
    await bots.hears(ann, "language")
    await say(bots, ann, "/paysupport It was 50 Stars")
    await quiet(bots)
    assert await bots.jobs() == []
    kept = await Support(bots.desk.db, bots.desk.keys).open()
    assert [(one.user_id, one.words) for one in kept] == [
        (ann_id, WORDS), (ann_id, "It was 50 Stars"),
    ]  # fmt: skip
    sealed = await bots.owner.fetchval("select words from app.support_question limit 1")
    assert b"3 May" not in bytes(sealed)

    seen = await cli(bots, tmp_path, "support", "list", "--json")
    assert seen.returncode == 0, seen.stderr
    first, second = json.loads(seen.stdout)
    assert (first["words"], second["words"]) == (WORDS, "It was 50 Stars")
    answer = ("answer", first["id"], "It is here now. <Sorry!>")
    assert (await cli(bots, tmp_path, "support", *answer)).returncode == 0
    assert (await cli(bots, tmp_path, "support", *answer)).returncode == 1
    await support.tell_answered(bots.room)
    told = await bots.hears(ann, "It is here now. <Sorry!>")

    async def is_told() -> bool:
        row = "select count(*) from app.support_question where told_at is not null"
        return bool(await bots.owner.fetchval(row) == 1)

    await wait_until(is_told, 20, "the row says so")
    assert await support.tell_answered(bots.room) == 0
    for message, words in ((told, "Thank you"), (noted, "One more thing")):
        await say(bots, ann, words, reply_to=message["message_id"])
    await quiet(bots)
    left = await Support(bots.desk.db, bots.desk.keys).open()
    assert [one.words for one in left] == ["It was 50 Stars", "Thank you", "One more thing"]
    assert await bots.jobs() == []


async def test_a_question_is_bounded_and_other_replies_are_words_to_the_model(
    bots: Running,
) -> None:
    ann, ann_id = await person(bots)
    await say(bots, ann, "/paysupport")
    asked = (await bots.hears(ann, "Help with payments"))["message_id"]
    for number in range(OPEN_MAX + 1):
        await say(bots, ann, f"question {number}", reply_to=asked)
    await bots.hears(ann, f"{OPEN_MAX} questions of yours wait")
    await say(bots, ann, "/terms")
    terms = (await bots.hears(ann, "Answers, pictures and videos"))["message_id"]
    await say(bots, ann, "What does this mean?", reply_to=terms)
    (job,) = await bots.wait_jobs(1)
    assert (await bots.payload(job["id"]))["prompt"] == "What does this mean?"
    assert len(await Support(bots.desk.db, bots.desk.keys).of(ann_id)) == OPEN_MAX
