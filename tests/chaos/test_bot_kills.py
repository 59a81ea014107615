"""Processes of the bot die: at named lines, and by kill -9 under load. No accepted update is lost."""

import json
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.sandbox_telegram import Play, picture, playing
from tests.nest import Hatched
from tests.ring import REPOSITORY, Ring
from tests.support import wait_until

BOT = 4242
TOKEN = "4242:AAE-bot-of-the-chaos-tests"
KILLED = -signal.SIGKILL


@dataclass
class Bots:
    """Bot processes of one ring, on the sandbox's Telegram."""

    ring: Ring
    play: Play
    processes: list[Hatched] = field(default_factory=list)

    def start(self, die_at: str = "") -> Hatched:
        settings = self.ring.settings.model_dump(mode="json", exclude={"master_key"})
        settings |= {"telegram_bots": f"viaizer:{TOKEN}", "telegram_base_url": self.play.url}
        told = json.dumps({"settings": settings, "die_at": die_at})
        log = self.ring.folder / "bot.log"
        process = Hatched.run("tests.chaos.bot", told, cwd=REPOSITORY, log=log, output=log)
        self.processes.append(process)
        return process

    async def person(self) -> int:
        person = int((await self.play.do("people"))["id"])
        await self.play.do("say", person=person, bot=BOT, text="/new")
        return person

    async def ask(self, person: int, text: str) -> None:
        await self.play.do("say", person=person, bot=BOT, text=text)

    async def heard(self, person: int, mark: str) -> dict[str, Any] | None:
        """The newest message of the bot's with this in it."""
        said = await self.play.messages(bot=BOT, person=person, by_bots=True)
        return next((one for one in reversed(said) if mark in json.dumps(one)), None)

    async def open_updates(self) -> int:
        return int(
            await self.ring.owner.fetchval(
                "select count(*) from app.inbox where handled_at is null"
            )
        )

    async def settled(self, jobs: int, timeout_s: float = 60) -> None:
        """So many jobs, and no update is open, here or at Telegram."""

        async def done() -> bool:
            waiting = (await self.play.call("getWebhookInfo", TOKEN))["result"]
            return (
                await self.ring.count("true") >= jobs
                and waiting["pending_update_count"] == 0
                and await self.open_updates() == 0
            )

        await wait_until(done, timeout_s, f"{jobs} jobs and nothing open")
        assert await self.ring.count("true") == jobs


@asynccontextmanager
async def bots_of(ring: Ring) -> AsyncIterator[Bots]:
    async with playing() as play:
        await play.put("limits", {"enabled": False})
        await play.call("getMe", TOKEN)
        bots = Bots(ring, play)
        try:
            yield bots
        finally:
            for process in bots.processes:
                process.kill()
                await process.wait()


@pytest.mark.parametrize(
    ("die_at", "kept", "jobs", "cards"),
    [
        ("update.received", 0, 0, 0),
        ("update.kept", 1, 0, 0),
        ("update.claimed", 1, 0, 0),
        ("wake.before", 1, 1, 0),
        ("card.sent", 1, 1, 0),
        ("update.handled", 1, 1, 1),
    ],
)
async def test_1_2_the_bot_dies_over_an_update_that_is_handled_once(
    ring: Ring, die_at: str, kept: int, jobs: int, cards: int
) -> None:
    """`kept`: updates that are rows and open when it dies."""
    async with bots_of(ring) as bots:
        ann = await bots.person()
        bots.play.world.updates.forget(BOT)
        await bots.ask(ann, "/image a boat in a storm")
        assert await bots.start(die_at).wait() == KILLED
        there = await ring.owner.fetchval("select count(*) from app.card")
        assert (await bots.open_updates(), await ring.count("true"), there) == (kept, jobs, cards)
        bots.start()
        await bots.settled(1)
        assert await ring.owner.fetchval("select count(*) from app.card") == 1


async def test_2_the_bot_dies_between_a_job_and_all_that_belongs_to_it(ring: Ring) -> None:
    """What was said is remembered; of an album every card is sent, and what is to follow is kept."""
    async with bots_of(ring) as bots:
        ann = await bots.person()
        bots.play.world.updates.forget(BOT)
        await bots.ask(ann, "How deep is the sea?")
        turns = "select count(*) from app.talk_turn"
        assert await bots.start("turn.said").wait() == KILLED
        assert (await ring.count("true"), await ring.owner.fetchval(turns)) == (1, 0)
        second = bots.start("jobs.begun")
        await tap(bots, ann, await offered(bots, ann, 3), "for a post")
        assert await second.wait() == KILLED
        assert await ring.owner.fetchval(turns) == 1
        assert await ring.count("true") == 4
        bots.start()
        await bots.settled(4)
        assert await ring.owner.fetchval("select count(*) from app.card") == 4
        assert await ring.owner.fetchval("select count(*) from app.wish where why = 'after'") == 1
        said = await bots.play.http.get("/_sandbox/telegram/calls", params={"bot": BOT})
        assert "Already done" not in said.text


async def offered(bots: Bots, who: int, count: int) -> dict[str, Any]:
    """An album, and the message that asks what to do with it."""
    files = [("files", (f"{n}.png", picture(320 + n, 240), "image/png")) for n in range(count)]
    form = {"person": str(who), "bot": str(BOT)}
    answer = await bots.play.http.post("/_sandbox/telegram/send", data=form, files=files)
    assert answer.status_code == 200, answer.text
    asked: dict[str, Any] | None = await wait_until(
        lambda: bots.heard(who, "What shall I do"), 60, "it is offered"
    )
    assert asked is not None
    return asked


async def tap(bots: Bots, who: int, message: dict[str, Any], words: str) -> None:
    rows = message["reply_markup"]["inline_keyboard"]
    label = next(key["text"] for row in rows for key in row if words in key["text"])
    await bots.play.do("press", person=who, bot=BOT, message_id=message["message_id"], label=label)


async def test_20_the_bot_dies_before_its_answer_and_nothing_is_owed(ring: Ring) -> None:
    """Telegram gives up; who comes after has nothing to answer any more, and nothing is credited."""
    async with bots_of(ring) as bots:
        ann = await bots.person()
        process = bots.start("checkout.asked")
        message_id = await invoice(bots, ann)
        paid = await bots.play.do("pay", person=ann, bot=BOT, message_id=message_id, timeout_s=2.0)
        assert paid["outcome"] == "timeout", paid
        assert await process.wait() == KILLED
        bots.start()
        await bots.settled(0)
        assert await purchases(ring) == 0
        assert list(bots.play.world.payments) == []


async def test_20_the_bot_dies_after_its_answer_before_a_payment(ring: Ring) -> None:
    """The answer was given: the payment goes on, and is credited by who comes after."""
    async with bots_of(ring) as bots:
        await pays_and_is_credited_once(bots, "checkout.answered", before=0)


@pytest.mark.parametrize(("die_at", "before"), [("payment.told", 0), ("payment.credited", 1)])
async def test_21_the_bot_dies_over_a_payment_that_is_credited_once(
    ring: Ring, die_at: str, before: int
) -> None:
    """Told five times, before and after the ledger's commit."""
    async with bots_of(ring) as bots:
        await pays_and_is_credited_once(bots, die_at, before=before, times=5)


async def pays_and_is_credited_once(
    bots: Bots, die_at: str, *, before: int, times: int = 1
) -> None:
    """`before`: purchases in the ledger when the bot has died."""
    ring, ann = bots.ring, await bots.person()
    process = bots.start(die_at)
    message_id = await invoice(bots, ann)
    paid = await bots.play.do("pay", person=ann, bot=BOT, message_id=message_id, times=times)
    assert paid["outcome"] == "paid", paid
    assert await process.wait() == KILLED
    assert await purchases(ring) == before
    bots.start()
    await wait_until(lambda: purchases(ring), 30, "the payment is credited")
    await bots.settled(0)
    assert await purchases(ring) == 1
    noted = await ring.owner.fetch("select state from app.star_payment")
    assert [row["state"] for row in noted] == ["credited"]


@pytest.mark.timeout(3600)
async def test_no_accepted_update_is_lost_when_bots_are_killed_under_load(
    ring: Ring, long_form: bool, seed: int
) -> None:
    kills, chance = 300 if long_form else 20, random.Random(seed)
    async with bots_of(ring) as bots:
        crowd = [await bots.person() for _ in range(kills)]
        alive = [bots.start(), bots.start()]
        asked = 0
        for number in range(kills):
            before = await ring.count("true")
            for person in chance.sample(crowd, 8):
                await bots.ask(person, f"question {number}")
                asked += 1
            await some_progress(ring, before, chance.randint(1, 6))
            place = chance.randrange(len(alive))
            alive[place].kill()
            assert await alive[place].wait() == KILLED
            alive[place] = bots.start()
        await bots.settled(asked, timeout_s=120)


async def some_progress(ring: Ring, before: int, jobs: int) -> None:
    async def made() -> bool:
        return await ring.count("true") >= before + jobs

    await wait_until(made, 60, f"{jobs} more jobs")


async def purchases(ring: Ring) -> int:
    """Credits that were bought: each purchase is one line of the person's own book."""
    sql = "select count(*) from audit_ledger where entry = 'purchase' and account like '%:CREDIT'"
    return int(await ring.owner.fetchval(sql))


async def invoice(bots: Bots, person: int) -> int:
    """Through /buy and its first package to the message with the invoice."""
    await bots.ask(person, "/buy")
    shop = await wait_until(lambda: bots.heard(person, "50 credits"), 60, "the shop is open")
    assert shop is not None
    await tap(bots, person, shop, "50 credits")
    found = await wait_until(lambda: bots.heard(person, '"invoice"'), 60, "there is an invoice")
    assert found is not None
    return int(found["message_id"])
