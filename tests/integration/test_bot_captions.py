"""Pictures with words: a command as their caption, an album that is edited, a mode that ends by itself."""

from dataclasses import replace

import pytest
from aiogram.types import Chat, Message

from ops.base import clock
from producers.bot import chat as chat_handlers
from producers.bot.guests import guest_of
from producers.bot.media import Sent, fetch
from schemas.errors import Unavailable
from tests.integration.bots import BOT, Running, person, press_and_wait, quiet, say
from tests.integration.test_bot_steps import heard, offered, send
from tests.integration.test_bot_wishes import has

MODE = "select mode from app.talk where user_id = $1"


async def test_a_command_as_the_caption_is_obeyed(bots: Running) -> None:
    """`/improve` in a bot that is both."""
    who, _ = await person(bots)
    await send(bots, who, 1, caption="/video make the waves move")
    (film,) = await bots.wait_jobs(1)
    told = await bots.payload(film["id"])
    assert (film["kind"], told["prompt"]) == ("video.generate", "make the waves move")
    assert told["file"]
    await send(bots, who, 2, caption="/image brighter")
    edits = await bots.wait_jobs(2, "kind = 'image.edit'")
    assert len({(await bots.payload(job["id"]))["file"] for job in edits}) == 2
    await send(bots, who, 1, caption="/image")
    await bots.hears(who, "What shall I do with this picture?")
    await send(bots, who, 2, caption="/improve teh sea")
    asked = await bots.hears(who, "In which style?")
    await press_and_wait(bots, who, asked, "Correct")
    (text,) = await bots.wait_jobs(1, "kind = 'text.improve'")
    told = await bots.payload(text["id"])
    assert (told["text"], bool(told["file"]), len(told["more_files"])) == ("teh sea", True, 1)
    await send(bots, who, 1, caption="/balance")
    await bots.hears(who, "60 credits")
    await send(bots, who, 1, caption="/nonsense at all")
    await bots.hears(who, "I do not know this command")
    await quiet(bots)
    assert len(await bots.jobs()) == 4

    sent = await bots.play.messages(bot=BOT, person=who)
    one, two = [message for message in sent if message.get("media_group_id")][-2:]
    one = {name: value for name, value in one.items() if not name.startswith("caption")}
    entity = {"type": "bot_command", "offset": 0, "length": 6}
    two |= {"caption": "/video a storm", "caption_entities": [entity]}
    for message in (one, two):
        told = {"message": message | {"media_group_id": "the-second-has-the-words"}}
        await bots.play.do("updates", bot=BOT, body=told)
    films = await bots.wait_jobs(3, "kind = 'video.generate'")
    assert [(await bots.payload(job["id"]))["prompt"] for job in films[1:]] == ["a storm"] * 2


async def test_edit_under_an_album_edits_all_of_it_and_the_mode_ends(bots: Running) -> None:
    who, user_id = await person(bots)
    asked = await offered(bots, who, 3)
    await press_and_wait(bots, who, asked, "Edit · 9 credits")
    await bots.hears(who, "what to change in all 3 pictures")
    await say(bots, who, "and now for something else")
    await bots.hears(who, "/chat goes back to talking")
    assert str(await bots.owner.fetchval(MODE, user_id)).startswith("edit:")
    await say(bots, who, "brighter")
    jobs = await bots.wait_jobs(3)
    assert len({(await bots.payload(job["id"]))["file"] for job in jobs}) == 3
    await bots.idle()
    assert await bots.owner.fetchval(MODE, user_id) == ""

    gone = "update app.file set expires_at = clock_timestamp()"
    await press_and_wait(bots, who, asked, "Edit")
    await bots.owner.execute(gone)
    await say(bots, who, "darker")
    await bots.hears(who, "it has expired")
    await quiet(bots)
    assert await bots.owner.fetchval(MODE, user_id) == "", "what is gone is not asked about again"

    asked = await offered(bots, who, 2)
    await press_and_wait(bots, who, asked, "Edit · 6 credits")
    await has(bots, user_id, 0)
    await say(bots, who, "sharper")
    await bots.hears(who, "This needs 6 credits")
    await quiet(bots)
    assert await bots.owner.fetchval(MODE, user_id) == ""
    assert len(await heard(bots, who, "Not enough credits")) == 1
    assert len(await bots.jobs()) == 3


async def test_words_that_are_handled_again_mean_what_they_meant(bots: Running) -> None:
    """The process has died behind them, before their update was closed: the mode is over by then."""
    who, user_id = await person(bots)
    asked = await offered(bots, who, 2)
    await press_and_wait(bots, who, asked, "Edit · 6 credits")
    await has(bots, user_id, 20_000)
    here = await guest_of(bots.room, user_id, bot_id=BOT, key="tg-4242-77")
    assert here is not None
    chat = Chat(id=who, type="private")
    message = Message(message_id=1, date=clock.now(), chat=chat, text="sharper")
    for _ in range(2):
        await chat_handlers.on_text(message, bots.room, here, "sharper")
    assert await bots.jobs() == [], "a credit for an answer that nobody asked for"
    (wish,) = await bots.room.wishes.unpaid(user_id)
    assert wish.kind == "image.edit"
    later = replace(here, key="tg-4242-78")
    await chat_handlers.on_text(message, bots.room, later, "sharper")
    assert [job["kind"] for job in await bots.jobs()] == ["text.generate"]


async def test_nothing_of_a_prompt_is_left_out_unasked(bots: Running) -> None:
    who, _ = await person(bots)
    for words in ("/image " + "a sea " * 680, "and a sea " * 408):
        await say(bots, who, words.strip())
        await quiet(bots)
    assert len(await heard(bots, who, "too long for one message")) == 2
    assert await bots.jobs() == []


async def test_a_file_that_cannot_be_fetched_now_is_waited_for(bots: Running) -> None:
    who, user_id = await person(bots)
    await offered(bots, who, 1)
    sent = await bots.play.messages(bot=BOT, person=who)
    shown = next(one["photo"][-1] for one in sent if one.get("photo"))
    here = await guest_of(bots.room, user_id, bot_id=BOT, key="tg-1")
    assert here is not None
    files = bots.play.world.files
    file = files.get(shown["file_id"])
    assert file is not None
    files.place(file).unlink()
    with pytest.raises(Unavailable, match="telegram"):
        await fetch(bots.room, here, Sent(shown["file_id"], 0, picture=True))
