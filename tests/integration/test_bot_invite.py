"""Inviting in the chat: the link, who came by it, the channel, and the bonus when it is due."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from producers.bot import invite
from tests.integration.bots import Running, labels_of, running, say, text_of
from tests.integration.edge import a_wish, finish_text
from tests.integration.sandbox_telegram import playing
from tests.support import wait_until

BOT = 4242
CHANNEL = "@leyden_news"
BALANCE = "select balance from audit_wallets where user_id = $1 and currency = 'CREDIT'"


@pytest_asyncio.fixture
async def bots(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with (
        playing() as play,
        running(play, dsn, redis_url, tmp_path, bonus_channel=CHANNEL) as found,
    ):
        yield found


async def person(bots: Running, word: str = "/start") -> tuple[int, int]:
    who = int((await bots.play.do("people"))["id"])
    await say(bots, who, word)
    await bots.hears(who, "You have")
    user_id = await bots.desk.users.find("telegram", str(who))
    assert user_id is not None
    return who, user_id


async def press(bots: Running, who: int, message: dict[str, Any], label: str) -> str:
    """What is told over the button."""
    found = next(one for one in labels_of(message) if label in one)
    return str(
        await bots.play.do(
            "press", person=who, bot=BOT, message_id=message["message_id"], label=found, wait=True
        )
    )


async def work(bots: Running, user_id: int, number: int) -> None:
    for n in range(number):
        accepted = await bots.desk.intake.submit(a_wish(user_id, f"helo {n} of {number}"))
        await finish_text(bots.desk, accepted.job_id)


async def swept(bots: Running, user_id: int, units: int) -> None:
    """Several processes look at the same time; the balance is this then, and stays so."""
    for _ in range(2):
        await asyncio.gather(*(invite.keep_due(bots.room) for _ in range(4)))
    await wait_until(lambda: has(bots, user_id, units), 20, f"a balance of {units}")


async def has(bots: Running, user_id: int, units: int) -> bool:
    return bool(await bots.owner.fetchval(BALANCE, user_id) == units)


async def test_a_guest_who_settles_in_brings_a_bonus_to_both(bots: Running) -> None:
    ann, ann_id = await person(bots)
    await say(bots, ann, "/invite")
    shown = text_of(await bots.hears(ann, "Invite somebody"))
    link = next(line for line in shown.splitlines() if line.startswith("https://t.me/"))
    word = f"/start {link.partition('?start=')[2]}"
    assert "For you: 20 credits" in shown
    assert "Guests so far: 0" in shown

    bob, bob_id = await person(bots, word)
    assert "20 credits more are yours" in text_of(await bots.hears(bob, "You were invited"))
    await say(bots, ann, word)
    await bots.hears(ann, "your own link")
    old, old_id = await person(bots)
    await bots.desk.intake.submit(a_wish(old_id))
    await say(bots, old, word)
    await bots.hears(old, "You know us already")

    await work(bots, bob_id, 4)
    await swept(bots, ann_id, 600_000)
    await work(bots, bob_id, 1)
    await swept(bots, ann_id, 800_000)
    await bots.hears(ann, "A guest of yours has settled in: 20 credits")
    await bots.hears(bob, "The bonus of your invitation has come: 20 credits")
    assert await has(bots, bob_id, 600_000 - 50_000 + 200_000)
    await say(bots, ann, "/invite")
    await bots.hears(ann, "Guests so far: 1; bonuses given: 1.")
    assert await bots.owner.fetch("select * from ledger.violations") == []


async def test_joining_the_channel_is_looked_at_and_rewarded_once(bots: Running) -> None:
    boss, _ = await person(bots)
    ann, ann_id = await person(bots)
    chat = await bots.play.do(
        "chats", type="channel", title="News", owner=boss, username=CHANNEL.removeprefix("@")
    )
    await say(bots, ann, "/invite")
    shown = await bots.hears(ann, f"Join {CHANNEL} and get 10 credits")
    assert "cannot see" in await press(bots, ann, shown, "I have joined")
    await bots.play.do("members", chat=chat["id"], account=BOT)
    assert "not in the channel yet" in await press(bots, ann, shown, "I have joined")
    await bots.play.do("members", chat=chat["id"], account=ann, status="member", rights=[])
    await press(bots, ann, shown, "I have joined")
    await bots.hears(ann, "Noted. 10 credits")
    assert "once for each account" in await press(bots, ann, shown, "I have joined")
    await work(bots, ann_id, 2)
    await swept(bots, ann_id, 580_000)
    await work(bots, ann_id, 1)
    await swept(bots, ann_id, 670_000)
    await bots.hears(ann, "The bonus for joining our channel has come: 10 credits")
