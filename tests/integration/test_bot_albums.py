"""An album and its text, from the person's message to one post in a channel that shows all of it."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from producers.bot.keeper import Follower
from schemas.payloads import PAYLOADS, AnyPayload, PostPublish
from storage.jobs import Jobs
from tests.integration.bots import Running, labels_of
from tests.integration.edge import finish_text, started
from tests.integration.sandbox_telegram import picture
from tests.integration.test_bot_text_posts import (
    BOT,
    LONG,
    in_channel,
    person_with_channel,
    post_office,
    press,
    publish,
)
from workers.delivery.office import PostOffice

POST = "kind = 'post.publish'"


@dataclass
class Seen:
    """In place of the gate: lets everything pass, and remembers what it was shown."""

    asked: list[AnyPayload] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)

    async def check(self, _job_id: UUID, payload: Any, *, load_picture: Any, **_more: Any) -> None:
        self.asked.append(payload)
        if payload.file is not None:
            self.pictures.append(await load_picture(payload.file))


async def send(bots: Running, who: int, count: int, caption: str = "") -> None:
    files = [("files", (f"{n}.png", picture(320 + n, 240), "image/png")) for n in range(count)]
    form = {"person": str(who), "bot": str(BOT), "caption": caption}
    answer = await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    assert answer.status_code == 200, answer.text


async def post(bots: Running, who: int, words: str, *, number: int) -> dict[str, Any]:
    """Through the buttons under the text with these words, to the post's job."""
    await press(bots, who, await bots.hears(who, words, bot=BOT), "Post")
    await press(bots, who, await bots.hears(who, "Which channel", bot=BOT), "News")
    await press(bots, who, await bots.hears(who, "Post it in", bot=BOT), "Post now")
    return (await bots.wait_jobs(number, POST))[-1]


async def publish_seen(bots: Running, office: PostOffice, job_id: UUID) -> Seen:
    seen = Seen()
    publisher = replace(office.publisher, gate=seen)  # type: ignore[arg-type]
    await publish(bots, replace(office, publisher=publisher), job_id)
    return seen


async def test_an_album_with_a_text_is_posted_as_an_album(bots: Running) -> None:
    who, chat = await person_with_channel(bots)
    await send(bots, who, 3, caption="teh ligthouse at dusk")
    await press(bots, who, await bots.hears(who, "In which style?", bot=BOT), "Correct")
    (job,) = await bots.wait_jobs(1)
    told = await bots.payload(job["id"])
    pictures = [told["file"], *told["more_files"]]
    assert (told["version"], told["text"]) == (3, "teh ligthouse at dusk")
    assert len(set(pictures)) == 3
    await finish_text(bots.desk, job["id"], "The lighthouse at dusk.")
    async with post_office(bots) as office:
        first = await post(bots, who, "The lighthouse at dusk.", number=1)
        asked = PAYLOADS.validate_python(await bots.payload(first["id"]))
        assert isinstance(asked, PostPublish)
        assert (asked.version, [str(one) for one in asked.files]) == (3, pictures)
        seen = await publish_seen(bots, office, first["id"])
        assert len(seen.asked) == 3, "the text that was found, and the pictures behind the first"
        assert len(set(seen.pictures)) == 2
        shown = await in_channel(bots, chat)
        assert [bool(one.get("photo")) for one in shown] == [True] * 3
        assert len({one["media_group_id"] for one in shown}) == 1
        assert [one.get("caption") for one in shown] == ["The lighthouse at dusk.", None, None]

        gone = "update app.file set expires_at = clock_timestamp() where id = $1"
        await bots.owner.execute(gone, UUID(pictures[1]))
        second = await post(bots, who, "The lighthouse at dusk.", number=2)
        await bots.hears(who, "One picture of this text is no longer kept", bot=BOT)
        told = await bots.payload(second["id"])
        assert [told["file"], *told["more_files"]] == [pictures[0], pictures[2]]


async def test_one_post_is_written_about_an_album_without_a_text(bots: Running) -> None:
    """Each picture is described, and one text is made of what was said of them; one fails."""
    who, chat = await person_with_channel(bots)
    await send(bots, who, 3)
    asked = await bots.hears(who, "What shall I do with these 3 pictures?", bot=BOT)
    assert "📣 Improve for a post · 4 credits" in labels_of(asked)
    for _ in range(2):
        await press(bots, who, asked, "for a post")
    described = await bots.wait_jobs(3)
    assert {job["kind"] for job in described} == {"image.analyze"}
    await finish_text(bots.desk, described[0]["id"], "A lighthouse.")
    await finish_text(bots.desk, described[2]["id"], f"A boat. {LONG}")
    await Follower(bots.room).round()
    assert await bots.jobs("kind = 'text.improve'") == [], "one of them is not described yet"
    running_job = await started(bots.desk, described[1]["id"])
    await Jobs(bots.desk.db).fail(running_job.job_id, running_job.attempt, "provider_unavailable")
    (text,) = await bots.wait_jobs(1, "kind = 'text.improve'")
    told = await bots.payload(text["id"])
    assert told["text"].startswith("A lighthouse.\n\nA boat. A long story.")
    assert text["price"] == 10_000, "a page, as it was told"
    pictures = [(await bots.payload(job["id"]))["file"] for job in described]
    assert [told["file"], *told["more_files"]] == pictures
    await finish_text(bots.desk, text["id"], LONG)
    async with post_office(bots) as office:
        await press(bots, who, await bots.hears(who, "Which channel", bot=BOT), "News")
        await press(bots, who, await bots.hears(who, "Post it in", bot=BOT), "Post now")
        (job,) = await bots.wait_jobs(1, POST)
        await publish(bots, office, job["id"])
    *album, words = await in_channel(bots, chat)
    assert len(album) == 3
    assert words["text"] == LONG.strip()
    assert words["reply_to_message"]["message_id"] == album[0]["message_id"]
    assert len(await bots.jobs()) == 5
