"""A real aiogram bot against the sandbox: it is told what people do, and they see what it does."""

from typing import Any

import httpx

from tests.integration.sandbox_telegram import BOT_ID, TOKEN, Play, picture, playing, polling
from tests.support import wait_until


async def last_by_bot(play: Play, person: int, what: str) -> Any:
    """Wait for a message of the bot that holds `what`."""

    async def look() -> Any:
        params = {"bot": BOT_ID, "person": person}
        found = await play.http.get("/_sandbox/telegram/messages", params=params)
        texts = [one for one in found.json() if what in str(one) and one["from"]["is_bot"]]
        return texts[-1] if texts else None

    return await wait_until(look, 10, f"the bot says {what}")


async def test_an_echo_with_buttons_that_edit() -> None:
    async with playing() as play, polling(play):
        person = (await play.do("people", first_name="Ann"))["id"]
        await play.do("say", person=person, bot=BOT_ID, text="/start")
        hello = await last_by_bot(play, person, "Hello, Ann!")
        kinds = {entity["type"] for entity in hello["entities"]}
        assert kinds == {"bold", "italic", "blockquote", "code", "bot_command"}
        assert hello["from"] == {
            "id": BOT_ID, "is_bot": True, "first_name": "Bot 4242", "username": "play_4242_bot",
        }  # fmt: skip

        await play.do("say", person=person, bot=BOT_ID, text="a quiet word")
        echo = await last_by_bot(play, person, "You said: a quiet word")
        assert echo["reply_to_message"]["text"] == "a quiet word"
        pressed = await play.do(
            "press", person=person, bot=BOT_ID, message_id=echo["message_id"], label="Louder",
            wait=True,
        )  # fmt: skip
        assert pressed[0]["answer"] == {"text": "As you wish", "show_alert": False, "url": ""}
        louder = await last_by_bot(play, person, "YOU SAID: A QUIET WORD")
        assert louder["message_id"] == echo["message_id"]
        assert louder["edit_date"] >= louder["date"]


async def test_a_photo_goes_up_comes_back_and_can_be_downloaded() -> None:
    async with playing() as play, polling(play) as bot:
        person = (await play.do("people"))["id"]
        answer = await play.http.post(
            "/_sandbox/telegram/send",
            data={"person": person, "bot": BOT_ID, "caption": "what is it?"},
            files={"files": ("a.png", picture(3000, 1500), "image/png")},
        )
        sizes = [(one["width"], one["height"]) for one in answer.json()[0]["photo"]]
        assert sizes == [(90, 45), (320, 160), (800, 400), (1280, 640), (2560, 1280)]
        seen = await last_by_bot(play, person, "Seen: what is it?")
        file = await bot.get_file(seen["photo"][-1]["file_id"])
        assert file.file_path is not None
        data = await bot.download_file(file.file_path)
        assert data is not None
        assert data.read(3) == b"\xff\xd8\xff", "a photo becomes a JPEG, whatever it was"

        await play.do("say", person=person, bot=BOT_ID, text="/picture")
        painted = await last_by_bot(play, person, "A picture")
        assert painted["photo"][-1]["width"] == 640


async def test_an_album_comes_as_several_updates_with_one_group_id() -> None:
    async with playing() as play:
        person = await play.ann()
        answer = await play.http.post(
            "/_sandbox/telegram/send",
            data={"person": person, "bot": BOT_ID, "caption": "all of them"},
            files=[("files", (f"{n}.png", picture(), "image/png")) for n in range(3)],
        )
        assert answer.status_code == 200, answer.text
        updates = (await play.call("getUpdates"))["result"]
        groups = {one["message"]["media_group_id"] for one in updates}
        assert len(updates) == 3
        assert len(groups) == 1
        assert [one["message"].get("caption") for one in updates] == ["all of them", None, None]


async def test_drafts_are_seen_and_stopped() -> None:
    async with playing() as play:
        person = await play.ann()
        for text in ("It", "It begins"):
            sent = await play.call(
                "sendMessageDraft", chat_id=person, draft_id=9, text=text, can_stop=True
            )
            assert sent["ok"] is True
        assert play.world.drafts[f"{BOT_ID}/{person}", 9]["text"] == "It begins"
        await play.do("stop", person=person, bot=BOT_ID, draft_id=9)
        updates = (await play.call("getUpdates"))["result"]
        stopped = updates[-1]["stopped_message_generation"]
        assert (stopped["chat"]["id"], stopped["draft_id"]) == (person, 9)
        refused = await play.call("sendMessageDraft", chat_id=person, draft_id=0, text="x")
        assert refused["error_code"] == 400


async def test_inline_results_are_chosen_and_edited_later() -> None:
    async with playing() as play:
        person = await play.ann()
        group = await play.do("chats", type="group", title="Friends", owner=person)
        await play.do("members", chat=group["id"], account=BOT_ID, status="member")
        play.world.updates.forget(BOT_ID)
        bot = play.bot()

        async def answer() -> None:
            updates = await bot.get_updates(timeout=5)
            query = updates[0].inline_query
            assert query is not None
            markup = {"inline_keyboard": [[{"text": "working", "callback_data": "w"}]]}
            content = {"message_text": f"one moment: {query.query}"}
            result = {
                "type": "article", "id": "a", "title": "Improve", "reply_markup": markup,
                "input_message_content": content,
            }  # fmt: skip
            await play.call("answerInlineQuery", inline_query_id=query.id, results=[result])

        from ops.base.nursery import Nursery

        async with Nursery("tests") as nursery:
            nursery.start(answer(), name="answer")
            asked = await play.do(
                "inline", person=person, bot=BOT_ID, chat=group["id"], query="hi", choose="a"
            )
        message = asked["message"]
        assert message["text"] == "one moment: hi"
        assert message["via_bot"]["id"] == BOT_ID
        edited = await bot.edit_message_text(
            text="done", inline_message_id=message["inline_message_id"]
        )
        assert edited is True
        found = await play.http.get("/_sandbox/telegram/messages", params={"chat": group["id"]})
        assert found.json()[-1]["text"] == "done"
        chosen = (await play.call("getUpdates"))["result"][-1]["chosen_inline_result"]
        assert chosen["inline_message_id"] == message["inline_message_id"]
        await bot.session.close()


async def test_two_bots_do_not_hear_each_others_chats() -> None:
    other = "777:another-token"
    async with playing() as play:
        person = await play.ann()
        await play.call("getMe", other)
        await play.do("say", person=person, bot=777, text="only for you")
        assert (await play.call("getUpdates"))["result"] == []
        assert len((await play.call("getUpdates", other))["result"]) == 1
        wrong = await play.http.get("/bot4242:not-its-token/getMe")
        assert wrong.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_a_group_is_heard_only_when_the_bot_is_meant() -> None:
    async with playing() as play:
        person = await play.ann()
        group = (await play.do("chats", title="Friends", owner=person))["id"]
        await play.do("members", chat=group, account=BOT_ID, status="member")
        joined = (await play.call("getUpdates"))["result"][-1]["my_chat_member"]
        assert joined["new_chat_member"]["status"] == "member"
        play.world.updates.forget(BOT_ID)
        mine = (await play.call("sendMessage", chat_id=group, text="here"))["result"]
        for text in ("just talk", "/help", "hi @play_4242_bot", "/help@somebody_else"):
            await play.do("say", person=person, chat=group, text=text)
        await play.do(
            "say", person=person, chat=group, text="an answer", reply_to=mine["message_id"]
        )
        heard = [one["message"]["text"] for one in (await play.call("getUpdates"))["result"]]
        assert heard == ["/help", "hi @play_4242_bot", "an answer"]


async def test_files_and_calls_of_unknown_bots_are_refused() -> None:
    async with playing() as play:
        assert (await play.call("getMe", "no-token"))["error_code"] == 401
        assert (await play.call("sendSandwich"))["description"] == "Not Found: method not found"
        missing = await play.http.get(f"/file/bot{TOKEN}/photos/file_9.jpg")
        assert missing.status_code == httpx.codes.NOT_FOUND


async def test_visitors_do_not_see_each_other() -> None:
    async with playing() as play:
        person = await play.ann()
        key = f"{BOT_ID}/{person}"
        assert (await play.http.get("/chat/api/state")).status_code == 422
        page = await play.http.get("/chat")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "HttpOnly" in page.headers["set-cookie"]
        foreign = await play.http.get("/chat/api/messages", params={"chat": key})
        assert foreign.json()["code"] == "not_inside"
        body = {"chat": key, "text": "as Ann"}
        assert (await play.http.post("/chat/api/say", json=body)).status_code == 403
        marked = await play.http.post("/chat/api/say", json=body, headers={"X-Play": "1"})
        assert marked.json()["code"] == "not_inside"
        assert (await play.http.get("/chat/static/../page.py")).status_code == 404
        assert (await play.http.get("/chat/static/%2e%2e/page.py")).status_code == 404
        assert TOKEN not in (await play.http.get("/chat/api/state")).text
