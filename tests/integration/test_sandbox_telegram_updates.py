"""How bots are told: long polling, webhooks, and both of them after a restart."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.base.nursery import Nursery
from ops.sandbox.telegram import TelegramWorld
from schemas.errors import ConfigError
from tests.integration.sandbox_telegram import BOT_ID, TOKEN, Play, playing
from tests.support import wait_until


async def say(play: Play, person: int, *texts: str) -> None:
    for text in texts:
        await play.do("say", person=person, bot=BOT_ID, text=text)


async def test_an_update_is_confirmed_by_the_next_offset_only() -> None:
    async with playing() as play:
        person = await play.ann()
        await say(play, person, "a", "b", "c")
        first = (await play.call("getUpdates", limit=2))["result"]
        assert [one["message"]["text"] for one in first] == ["a", "b"]
        assert (await play.call("getUpdates", limit=2))["result"] == first, "nothing was confirmed"
        rest = (await play.call("getUpdates", offset=first[0]["update_id"] + 1))["result"]
        assert [one["message"]["text"] for one in rest] == ["b", "c"]
        last = (await play.call("getUpdates", offset=-1))["result"]
        assert [one["message"]["text"] for one in last] == ["c"]
        assert len((await play.call("getUpdates"))["result"]) == 1, "the older ones are forgotten"


async def test_a_long_poll_ends_with_the_first_update() -> None:
    async with playing() as play, Nursery("tests") as nursery:
        person = await play.ann()
        poll = nursery.start_task(play.call("getUpdates", timeout=20), name="poll")
        await wait_until(lambda: play.world.updates.is_polled(BOT_ID), 5, "the poll has begun")
        await say(play, person, "now")
        updates = (await asyncio.wait_for(poll, 5))["result"]
        assert updates[0]["message"]["text"] == "now"


async def test_a_second_poll_ends_the_first_and_a_webhook_ends_both() -> None:
    async with playing() as play, Nursery("tests") as nursery:
        await play.ann()
        first = nursery.start_task(play.call("getUpdates", timeout=20), name="first")
        await wait_until(lambda: play.world.updates.is_polled(BOT_ID), 5, "the first has begun")
        second = nursery.start_task(play.call("getUpdates", timeout=20), name="second")
        ended = await asyncio.wait_for(first, 5)
        assert ended["error_code"] == 409
        assert "make sure that only one bot instance is running" in ended["description"]
        await play.call("setWebhook", url="http://127.0.0.1:1/hook")
        assert (await asyncio.wait_for(second, 5))["description"] == (
            "Conflict: terminated by setWebhook request"
        )
        assert "can't use getUpdates" in (await play.call("getUpdates"))["description"]
        await play.call("deleteWebhook", drop_pending_updates=True)
        assert (await play.call("getUpdates"))["ok"] is True


async def test_only_wanted_kinds_are_kept() -> None:
    async with playing() as play:
        person = await play.ann()
        await play.call("getUpdates", allowed_updates=["callback_query"])
        await say(play, person, "not wanted")
        assert (await play.call("getUpdates"))["result"] == []
        await play.call("getUpdates", allowed_updates=[])
        await say(play, person, "wanted")
        assert len((await play.call("getUpdates"))["result"]) == 1


@asynccontextmanager
async def hook(status: Callable[[], int]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A bot's server: its address, and what has been posted to it (body and secret)."""
    got: list[dict[str, Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        got.append({"body": body, "secret": headers.get("x-telegram-bot-api-secret-token")})
        writer.write(
            f"HTTP/1.1 {status()} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}/hook", got


async def test_a_webhook_gets_each_update_until_it_says_yes() -> None:
    answers = iter([500, 502])
    async with playing() as play, hook(lambda: next(answers, 200)) as (url, got):
        person = await play.ann()
        await play.call("setWebhook", url=url, secret_token="s3cret", max_connections=1)
        await say(play, person, "stubborn")
        await wait_until(lambda: len(got) == 3, 20, "two refusals and a yes")
        assert {one["secret"] for one in got} == {"s3cret"}
        assert {one["body"]["message"]["text"] for one in got} == {"stubborn"}
        assert len({one["body"]["update_id"] for one in got}) == 1

        async def none_left() -> bool:
            info = (await play.call("getWebhookInfo"))["result"]
            return bool(info["pending_update_count"] == 0)

        await wait_until(none_left, 5, "it is confirmed")
        info = (await play.call("getWebhookInfo"))["result"]
        assert info["last_error_message"] == "Wrong response from the webhook: 502 X"
        assert (info["url"], info["max_connections"]) == (url, 1)


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        person = await play.ann(first_name="Ann")
        await play.call("sendMessage", chat_id=person, text="before")
        await say(play, person, "not confirmed yet")
        link = await play.call(
            "createInvoiceLink", title="t", description="d", payload="p", currency="XTR",
            prices=[{"label": "x", "amount": 5}],
        )  # fmt: skip
        assert link["ok"] is True
    with (tmp_path / "telegram.jsonl").open("ab") as log:
        log.write(b'{"shelf": "messages", "put": {"chat": "4')  # killed within a write
    async with playing(tmp_path) as play:
        updates = (await play.call("getUpdates"))["result"]
        assert [one["message"]["text"] for one in updates] == ["not confirmed yet"]
        params = {"bot": BOT_ID, "person": person}
        found = (await play.http.get("/_sandbox/telegram/messages", params=params)).json()
        assert [one["text"] for one in found] == ["/start", "before", "not confirmed yet"]
        edited = await play.call("editMessageText", chat_id=person, message_id=2, text="after")
        assert edited["result"]["text"] == "after"
        assert (await play.do("pay", person=person, slug=link["result"], timeout_s=0.1))[
            "outcome"
        ] == "timeout"
        fresh = (await play.call("getUpdates"))["result"][-1]["update_id"]
        assert fresh > updates[-1]["update_id"], "ids go on rising"


async def test_a_log_has_one_owner(tmp_path: Path) -> None:
    async with playing(tmp_path), Nursery("tests") as nursery:
        with pytest.raises(ConfigError):
            TelegramWorld(nursery, folder=tmp_path)


async def test_a_reset_leaves_nothing() -> None:
    async with playing() as play:
        await play.ann()
        await play.do("reset")
        assert (await play.http.get("/_sandbox/telegram/chats")).json() == []
        assert (await play.call("getUpdates", TOKEN))["result"] == []


async def test_a_reset_ends_what_bots_are_asking_for() -> None:
    """A late call writes nothing after it, and nobody waits for updates of before."""
    async with playing() as play:
        ann = await play.ann()
        rule = {"match": {"method": "sendMessage"}, "fault": "latency", "value": 0.3}
        await play.put("faults", [rule])
        asked = asyncio.gather(
            play.call("sendMessage", TOKEN, chat_id=ann, text="Late"),
            play.call("getUpdates", TOKEN, timeout=50),
            return_exceptions=True,
        )
        await wait_until(lambda: play.world.updates.is_polled(BOT_ID), 10, "the bot waits")
        await wait_until(lambda: play.world.dial.shown()[0]["fired"], 10, "the call is late")
        await play.do("reset")
        assert [type(answer) for answer in await asked] == [httpx.ReadError, httpx.ReadError]
        assert list(play.world.messages) == []
        assert not play.world.updates.is_polled(BOT_ID)
