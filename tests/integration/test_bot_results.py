"""What can be done with a result in its chat, with the bots and the post office at work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from ops.base.nursery import Nursery
from schemas.buttons import AGAIN, Press, pack, ref_of
from schemas.catalogue import catalogue
from schemas.results import Artifact, ImageGenerated
from storage.blobs import Blobs, artifact_key
from storage.crypto import ARTIFACT, RESULT
from storage.jobs import Jobs, Success
from tests.integration.bots import BOT, Running, labels_of, person, press_and_wait, say, text_of
from tests.integration.edge import finish_text, started
from tests.integration.sandbox_telegram import picture
from tests.support import wait_until
from workers.delivery.office import PostOffice
from workers.providers.registry import Providers
from workers.runtime.rounds import Stop

LONG = "\n\n".join(f"Paragraph {n} " + "word " * 100 for n in range(20))


@asynccontextmanager
async def office(bots: Running) -> AsyncIterator[None]:
    desk, stop = bots.desk, Stop()
    made = PostOffice.open(
        desk.settings,
        db=desk.db,
        queue=desk.queue,
        keys=desk.keys,
        blobs=Blobs.open(desk.settings.blob_url),
        providers=Providers(catalogue(), {}),
    )
    async with Nursery("tests") as nursery:
        nursery.start(made.courier.run(stop), name="courier")
        try:
            yield
        finally:
            stop.set()
    await made.close()


async def finish_album(bots: Running, job_id: UUID, count: int) -> None:
    """Play the worker of a picture job that makes several."""
    running = await started(bots.desk, job_id)
    key = await bots.desk.keys.of(running.user_id)
    blobs, call_id, made = Blobs.open(bots.desk.settings.blob_url), uuid4(), []
    for number in range(count):
        data = picture(64 + number, 64)
        name = artifact_key(running.user_id, call_id, number)
        await blobs.put(name, key.encrypt(data, purpose=ARTIFACT))
        made.append(
            Artifact(
                key=name, name="a.png", media_type="image/png", size_bytes=len(data), sha256="0" * 64,
                width=64 + number, height=64,
            )
        )  # fmt: skip
    result = ImageGenerated(
        provider="local", model="art", made_by="a test", prompt_used="x", artifacts=tuple(made)
    )
    sealed = key.encrypt(result.model_dump_json().encode(), purpose=RESULT)
    done = Success(job_id, running.attempt, sealed, key.version, running.price_units)
    assert (await Jobs(bots.desk.db).succeed(done))[0].code == "ok"


async def test_delete_takes_every_message_of_a_result(bots: Running) -> None:
    ann, _ = await person(bots)
    async with office(bots):
        await say(bots, ann, "/image a lighthouse")
        (job,) = await bots.wait_jobs(1)
        await bots.hears(ann, "picture")
        await finish_album(bots, job["id"], 3)
        word = await bots.hears(ann, "Done: 3 files")
        assert await shown(bots, ann, "photo") == 3
        assert "Deleted" in str(await press_and_wait(bots, ann, word, "Delete"))
        await wait_until(lambda: gone(bots, ann, "photo", "Done: 3"), 20, "the album is gone")
        await say(bots, ann, "/chat")
        await say(bots, ann, "tell me a long story")
        (_, job) = await bots.wait_jobs(2)
        story = job["id"]
        await wait_until(lambda: bots.room.cards.of_job(story), 20, "it has its card")
        await finish_text(bots.desk, story, LONG)
        last = await bots.hears(ann, "Paragraph 19")
        # From the gallery it was deleted before: the messages go all the same.
        await bots.owner.execute("delete from app.project")
        await press_and_wait(bots, ann, last, "Delete")
        await wait_until(lambda: gone(bots, ann, "-", "Paragraph"), 20, "the story is gone")


async def shown(bots: Running, who: int, field: str) -> int:
    return sum(field in one for one in await bots.said(who))


async def gone(bots: Running, who: int, field: str, words: str) -> bool:
    said = await bots.said(who)
    return not any(field in one or words in text_of(one) for one in said)


async def test_what_was_cancelled_can_be_run_again(bots: Running) -> None:
    """Also a second picture of the same: the button that asked for it is done with."""
    ann, _ = await person(bots)
    async with office(bots):
        await say(bots, ann, "/image a lighthouse")
        (first,) = await bots.wait_jobs(1)
        card = await bots.hears(ann, "picture")
        await tap(bots, ann, card, pack(Press(AGAIN, ref_of(first["id"]))))
        (_, again) = await bots.wait_jobs(2)
        await wait_until(lambda: bots.room.cards.of_job(again["id"]), 20, "it has its card")
        newest = (await bots.said(ann))[-1]
        await press_and_wait(bots, ann, newest, "Cancel")
        cancelled = await bots.hears(ann, "Cancelled")
        assert labels_of(cancelled) == ["🔁 Run again · 2 credits"]
        assert "Already done" in str(
            await tap(bots, ann, card, pack(Press(AGAIN, ref_of(first["id"]))))
        )
        for _ in range(2):
            await press_and_wait(bots, ann, cancelled, "Run again")
        third = (await bots.wait_jobs(3))[2]
        await bots.idle()
        assert len(await bots.jobs()) == 3
        assert third["replay_of"] == again["id"]
        assert (await bots.payload(third["id"]))["prompt"] == "a lighthouse"


async def tap(bots: Running, who: int, message: dict[str, Any], data: str) -> Any:
    return await bots.play.do(
        "press",
        person=who,
        bot=BOT,
        message_id=message["message_id"],
        data=data,
        sure=True,
        wait=True,
    )
