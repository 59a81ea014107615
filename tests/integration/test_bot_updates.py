"""Updates: each handled once, in its person's order, whatever comes and however often."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from ops.base.telegram import webhook_secret
from producers.api.app import build_app
from producers.updates import SECRET_HEADER, read
from schemas.errors import Missing
from tests.integration.bots import BOTH, VIAIZER, labels_of, running
from tests.integration.edge import MASTER_KEY, desk_on
from tests.integration.sandbox_telegram import Play, playing
from tests.support import wait_until

BOT = 4242
EACH = 10
"""Updates of one person, who may have so many jobs a day."""


@pytest_asyncio.fixture
async def play() -> AsyncIterator[Play]:
    async with playing() as found:
        await found.put("limits", {"enabled": False})
        await found.call("getMe", VIAIZER)
        yield found


async def people(play: Play, count: int) -> list[int]:
    """Persons whose chat with the bot is open."""
    found = [int((await play.do("people"))["id"]) for _ in range(count)]
    for person in found:
        await play.do("say", person=person, bot=BOT, text="/new")
    play.world.updates.forget(BOT)
    return found


def a_text(person: int, number: int, text: str) -> dict[str, Any]:
    """An update without its number, as Telegram tells of a message in a private chat."""
    return {
        "message": {
            "message_id": 5_000 + number,
            "date": 1,
            "text": text,
            "chat": {"id": person, "type": "private", "first_name": "Ann"},
            "from": {"id": person, "is_bot": False, "first_name": "Ann", "language_code": "en"},
        }
    }


@pytest.mark.timeout(900)
async def test_every_update_delivered_three_times_is_one_job(
    play: Play, dsn: str, redis_url: str, tmp_path: Path, long_form: bool, seed: int
) -> None:
    """By polling, twice more at the same time by webhook, and again after a restart."""
    count = 10_000 if long_form else 1_000
    crowd = await people(play, count // EACH)
    bodies = []
    for number in range(count):
        told = a_text(crowd[number % len(crowd)], number, f"question {number}")
        update_id = play.world.updates.add(BOT, "raw", told)
        bodies.append(json.dumps({"update_id": update_id, **told}).encode())
    twice = bodies * 2
    random.Random(seed).shuffle(twice)
    options: dict[str, Any] = {"processes": 2}
    async with running(play, dsn, redis_url, tmp_path, **options) as bots:
        for start in range(0, len(twice), 100):
            part = twice[start : start + 100]
            await asyncio.gather(*(bots.desk.door.receive(BOT, body) for body in part))
        await bots.wait_jobs(count, timeout_s=count / 5)
        await bots.idle(count / 5)
    async with running(play, dsn, redis_url, tmp_path, **options) as bots:
        await asyncio.gather(*(bots.desk.door.receive(BOT, body) for body in bodies[:200]))
        await bots.idle()
        assert len(await bots.jobs()) == count
        said = [(await bots.payload(job["id"]))["prompt"] for job in await bots.jobs()]
        assert len(set(said)) == count
        left = await bots.owner.fetchval("select sum(octet_length(body)) from app.inbox")
        assert left == 0, "a handled update keeps no body"


async def test_what_cannot_be_decoded_is_set_aside_and_the_rest_are_handled(
    play: Play, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    (ann,) = await people(play, 1)
    await play.do("say", person=ann, bot=BOT, text="before")
    await play.do("updates", bot=BOT, body={"message": {"date": "yesterday"}})
    await play.do("updates", bot=BOT, body={"message": 7})
    await play.do("updates", bot=BOT, body={"a_kind_of_tomorrow": {"from": {"id": ann}}})
    await play.do("say", person=ann, bot=BOT, text="after")
    async with running(play, dsn, redis_url, tmp_path) as bots:
        await bots.wait_jobs(2)
        await bots.idle()
        lines = await bots.desk.updates.aside()
        assert len(lines) == 3
        assert {line.outcome.split(":")[0] for line in lines} == {"set_aside"}
        assert await bots.desk.updates.replay([lines[0].id]) == [lines[0].id]
        await bots.idle()
        assert len(await bots.desk.updates.aside()) == 3, "the same code reads the same bytes"
        with pytest.raises(Missing):
            await bots.desk.updates.replay([10_000])
        assert len(await bots.jobs()) == 2


async def test_the_order_of_a_person_is_kept_over_two_processes(
    play: Play, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    crowd = await people(play, 3)
    for number in range(8):
        for person in crowd:
            await play.do("say", person=person, bot=BOT, text=f"{number}")
    async with running(play, dsn, redis_url, tmp_path, processes=2) as bots:
        jobs = await bots.wait_jobs(24, timeout_s=60)
        said: dict[int, list[str]] = {}
        for job in jobs:
            told = await bots.payload(job["id"])
            said.setdefault(job["user_id"], []).append(told["prompt"])
        assert list(said.values()) == [[f"{number}" for number in range(8)]] * 3


async def test_a_failed_answer_of_telegram_is_waited_out_and_makes_no_second_job(
    play: Play, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    """The outcome of the card's send is unknown: the update is handled again, under the same key."""
    (ann,) = await people(play, 1)
    async with running(play, dsn, redis_url, tmp_path) as bots:
        await play.do("say", person=ann, bot=BOT, text="/start")
        await bots.hears(ann, "You have")
        fault = {"match": {"method": "sendMessage"}, "fault": "server_error", "times": 2}
        await play.put("faults", [fault])
        await play.do("say", person=ann, bot=BOT, text="/image a boat")
        await wait_until(bots.jobs, 20, "the request has become a job")
        await bots.idle()
        assert len(await bots.jobs()) == 1


async def test_the_numbers_of_updates_may_begin_anew(
    play: Play, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    """After a week of silence Telegram goes on with any number: an offset of old would throw those away."""
    (ann,) = await people(play, 1)
    async with running(play, dsn, redis_url, tmp_path) as bots:
        await play.do("say", person=ann, bot=BOT, text="before")
        await bots.wait_jobs(1)

        def asks_for_all() -> bool:
            calls = play.world.calls.shown(bot=BOT, method="getUpdates")
            asked = ["offset" in call["params"] for call in calls]
            return True in asked and not asked[-1]

        await wait_until(asks_for_all, 20, "nothing is left out that has not been told yet")
        bot = play.world.bots.get(BOT)
        assert bot is not None
        play.world.updates.replay(bot, 5, "raw", a_text(ann, 1, "after"))
        await bots.wait_jobs(2)


async def test_a_payment_is_answered_while_updates_of_the_same_person_wait(
    play: Play, dsn: str, redis_url: str, tmp_path: Path
) -> None:
    (ann,) = await people(play, 1)
    async with running(play, dsn, redis_url, tmp_path) as bots:
        await play.do("say", person=ann, bot=BOT, text="/buy")
        shop = await bots.hears(ann, "Buy credits")
        offer = next(label for label in labels_of(shop) if label.startswith("50 credits"))
        await play.do("press", person=ann, bot=BOT, message_id=shop["message_id"], label=offer)

        async def invoice() -> int:
            found = [m["message_id"] for m in await bots.said(ann) if "invoice" in m]
            return int(found[-1]) if found else 0

        message_id = await wait_until(invoice, 20, "there is an invoice")
        for number in range(100):
            body = a_text(ann, number, f"/image {number}")
            await play.do("updates", bot=BOT, body=body)
        paid = await play.do("pay", person=ann, bot=BOT, message_id=message_id)
        assert paid["outcome"] == "paid", paid
        await bots.hears(ann, "Thank")


async def test_the_webhook_takes_only_what_knows_the_secret(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path, telegram_bots=BOTH) as desk:
        app = build_app(desk, key="k")
        transport = httpx.ASGITransport(app)
        secret = webhook_secret(desk.settings, MASTER_KEY, BOT)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            update = {"update_id": 7, "message": {"from": {"id": 3}}}
            for said, bot in (("", BOT), ("wrong", BOT), ("ж", BOT), (secret, 99), ("", 99)):
                headers = {SECRET_HEADER.encode(): said.encode()}
                refused = await http.post(f"/telegram/{bot}", json=update, headers=headers)
                assert refused.status_code == 401, (said, bot)
            headers = {SECRET_HEADER.encode(): secret.encode()}
            for body in (update, update, {"update_id": 8, "message": {"from": {"id": 3}}}):
                taken = await http.post(f"/telegram/{BOT}", json=body, headers=headers)
                assert taken.status_code == 200
            garbage = await http.post(f"/telegram/{BOT}", content=b"\xff not json", headers=headers)
            assert garbage.status_code == 200
            huge = await http.post(f"/telegram/{BOT}", content=b"x" * 2_000_000, headers=headers)
            assert huge.status_code == 413
        rows = await desk.db.fetch("select external_id, who, number from app.inbox order by id")
        assert [tuple(row) for row in rows[:2]] == [("7", 3, 7), ("8", 3, 8)]
        assert rows[2]["external_id"].startswith("x-")
        assert len(rows) == 3
        stored = await desk.db.fetchval("select body from app.inbox limit 1")
        assert b"update_id" not in stored, "at rest it is sealed"


@pytest.mark.parametrize(
    ("body", "who", "urgent"),
    [
        (b'{"update_id": 1, "message": {"from": {"id": 5}, "chat": {"id": -9}}}', 5, False),
        (b'{"update_id": 1, "channel_post": {"chat": {"id": -9}}}', -9, False),
        (b'{"pre_checkout_query": {"from": {"id": 5}}, "update_id": 1}', 5, True),
        (b'{"update_id": 1, "message": {"from": {"id": true}}}', None, False),
        (b'{"update_id": 1, "message": []}', None, False),
        (b'{"update_id": 1, "message": {"media_group_id": "\\ud800\\u0000"}}', None, False),
        (b'{"update_id": 1}', None, False),
        (b'{"update_id": 99999999999999999999}', None, False),
        (b"[1]", None, False),
        (b"", None, False),
        (b"[" * 100_000, None, False),
    ],
)
def test_reading_an_update_never_fails(body: bytes, who: int | None, urgent: bool) -> None:
    found = read(BOT, body)
    assert (found.who, found.urgent) == (who, urgent)
    assert found.external_id
    assert b"\0" not in (found.album or "").encode(), "what no database takes"
