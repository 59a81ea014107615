"""Limits and faults, from the side of a bot that uses aiogram."""

from typing import Any

import httpx
import pytest
from aiogram.exceptions import (
    ClientDecodeError,
    RestartingTelegram,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)

from tests.integration.sandbox_telegram import BOT_ID, TOKEN, Play, playing


async def dial(play: Play, fault: str, **rule: Any) -> None:
    await play.put("faults", [{"fault": fault} | rule])


async def said(play: Play, person: int) -> list[str]:
    params = {"bot": BOT_ID, "person": person}
    found = await play.http.get("/_sandbox/telegram/messages", params=params)
    return [one["text"] for one in found.json() if one["from"]["is_bot"]]


BEFORE = [
    ("server_error", 502, TelegramServerError),
    ("restarting", None, RestartingTelegram),
    ("rate_limited", 7, TelegramRetryAfter),
    ("blocked", None, TelegramForbiddenError),
    ("parse_error", None, TelegramBadRequest),
    ("reset", None, TelegramNetworkError),
]


@pytest.mark.parametrize(("fault", "value", "error"), BEFORE)
async def test_before_it_is_done(fault: str, value: Any, error: type[Exception]) -> None:
    async with playing() as play:
        person, bot = await play.ann(), play.bot()
        await dial(play, fault, value=value, match={"method": "sendMessage"}, times=1)
        with pytest.raises(error) as raised:
            await bot.send_message(person, "hello")
        if isinstance(raised.value, TelegramRetryAfter):
            assert raised.value.retry_after == 7
        assert await said(play, person) == []
        await bot.send_message(person, "hello")
        assert await said(play, person) == ["hello"], "once only"
        await bot.session.close()


AFTER = [
    ("reply_lost", TelegramNetworkError),
    ("garbage", ClientDecodeError),
    ("truncated_json", ClientDecodeError),
    ("error_after", TelegramServerError),
]


@pytest.mark.parametrize(("fault", "error"), AFTER)
async def test_it_is_done_and_the_bot_does_not_hear_so(fault: str, error: type[Exception]) -> None:
    async with playing() as play:
        person, bot = await play.ann(), play.bot()
        await dial(play, fault, match={"text": "lost"}, times=1)
        with pytest.raises(error):
            await bot.send_message(person, "lost")
        assert await said(play, person) == ["lost"]
        call = (await play.http.get("/_sandbox/telegram/calls")).json()[-1]
        assert (call["applied"], call["message_ids"]) == ([fault], [2])
        await bot.session.close()


async def test_no_answer_ever() -> None:
    async with playing() as play:
        person = await play.ann()
        await dial(play, "hang", value="after")
        with pytest.raises(httpx.ReadTimeout):
            await play.http.post(
                f"/bot{TOKEN}/sendMessage", json={"chat_id": person, "text": "x"}, timeout=0.3
            )
        assert await said(play, person) == ["x"]


async def test_a_fault_can_be_asked_for_by_header_and_by_luck() -> None:
    async with playing() as play:
        await play.ann()
        answer = await play.http.get(
            f"/bot{TOKEN}/getMe", headers={"X-Sandbox-Fault": "rate_limited=5"}
        )
        assert answer.status_code == 429
        assert answer.json()["parameters"] == {"retry_after": 5}
        wrong = await play.http.get(f"/bot{TOKEN}/getMe", headers={"X-Sandbox-Fault": "rain"})
        assert "there is no fault 'rain'" in wrong.json()["description"]

        async def drawn() -> list[bool]:
            await dial(play, "server_error", probability=0.5, seed=11)
            return [(await play.call("getMe"))["ok"] for _ in range(20)]

        first = await drawn()
        assert 3 < sum(first) < 17
        assert await drawn() == first, "the same seed, the same luck"


async def test_updates_twice_and_updates_that_nobody_can_read() -> None:
    async with playing() as play:
        person = await play.ann()
        await dial(play, "duplicate_update", value=2, match={"text": "twice"})
        await play.do("say", person=person, bot=BOT_ID, text="twice")
        first = (await play.call("getUpdates"))["result"]
        again = (await play.call("getUpdates", offset=first[0]["update_id"] + 1))["result"]
        assert again == first
        assert (await play.call("getUpdates", offset=first[0]["update_id"] + 1))["result"] == []

        await dial(play, "malformed_update", times=1)
        await play.do("say", person=person, bot=BOT_ID, text="broken")
        await play.do("say", person=person, bot=BOT_ID, text="whole")
        bot = play.bot()
        with pytest.raises(ClientDecodeError):
            await bot.get_updates()
        await bot.session.close()
        raw = (await play.call("getUpdates"))["result"]
        assert [one["message"].get("text") for one in raw] == [None, "whole"]

        await play.do("updates", bot=BOT_ID, body={"no_such_kind": {"x": 1}})
        await play.do("updates", bot=BOT_ID, again=raw[1])
        last = raw[1]["update_id"]
        later = (await play.call("getUpdates", offset=last + 1))["result"]
        assert [one["update_id"] for one in later] == [last, last + 1]


async def test_one_a_second_for_a_chat_after_a_short_burst() -> None:
    async with playing() as play:
        person, other = await play.ann(), await play.ann(first_name="Bob")
        await play.put("limits", {"chat_burst": 2, "chat_per_s": 0.1})
        texts = [await play.call("sendMessage", chat_id=person, text=str(n)) for n in range(3)]
        assert [one["ok"] for one in texts] == [True, True, False]
        refused = texts[-1]
        wait_s = refused["parameters"]["retry_after"]
        assert refused["description"] == f"Too Many Requests: retry after {wait_s}"
        assert 15 <= wait_s <= 20
        edit = await play.call("editMessageText", chat_id=person, message_id=2, text="edited")
        assert edit["error_code"] == 429, "edits count as well"
        assert (await play.call("sendMessage", chat_id=other, text="x"))["ok"] is True
        calls = (await play.http.get("/_sandbox/telegram/calls")).json()
        limited = [(one["limit"], one["too_early"]) for one in calls if one["status"] == 429]
        assert limited == [("chat", False), ("chat", True)], "the second came in spite of a pause"
        await play.put("limits", {"enabled": False})
        assert (await play.call("sendMessage", chat_id=person, text="free"))["ok"] is True


async def test_twenty_a_minute_for_a_group_and_albums_count_whole() -> None:
    async with playing() as play:
        owner = await play.ann()
        await play.put("limits", {"chat_burst": 100, "chat_per_s": 100})
        group = (await play.do("chats", title="Friends", owner=owner))["id"]
        await play.do("members", chat=group, account=BOT_ID, status="member")
        sent = [await play.call("sendMessage", chat_id=group, text=str(n)) for n in range(21)]
        assert [one["ok"] for one in sent] == [True] * 20 + [False]
        assert 50 <= sent[-1]["parameters"]["retry_after"] <= 60


async def test_thirty_a_second_for_a_bot() -> None:
    async with playing() as play:
        people = [await play.ann(first_name=f"P{n}") for n in range(5)]
        await play.put("limits", {"bot_per_s": 4})
        sent = [await play.call("sendMessage", chat_id=one, text="x") for one in people]
        assert [one["ok"] for one in sent] == [True] * 4 + [False]
        assert sent[-1]["parameters"]["retry_after"] == 1
        drafts = await play.call("sendMessageDraft", chat_id=people[0], draft_id=1, text="x")
        assert drafts["error_code"] == 429


async def test_the_dial_refuses_what_it_does_not_know() -> None:
    async with playing() as play:
        for rule in ({"fault": "rain"}, {"fault": "latency", "value": "long"}):
            answer = await play.http.put("/_sandbox/telegram/faults", json=[rule])
            assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        known = (await play.http.get("/_sandbox/telegram/faults")).json()["known"]
        assert {"reply_lost", "duplicate_update", "garbage"} <= known.keys()
