"""Cards of waiting jobs: true from the first word, and nobody's thousand keep the others from theirs."""

import os
from pathlib import Path
from typing import Any
from uuid import UUID

from ops.base import clock
from producers.bot.keeper import CardKeeper
from schemas.ids import new_id
from schemas.jobs import Kind, Lane
from storage.cards import Cards
from storage.jobs import Jobs
from storage.queue import WorkerCard
from tests.integration.bots import BOT, Running, person, say, text_of
from tests.integration.edge import desk_on, started
from tests.rig import job
from tests.support import wait_until

AHEAD = 40
SLOTS = 2
FREE_CAPS = "update work.member set caps = array_fill(500::smallint, '{5}') where user_id = $1"


async def works(bots: Running) -> None:
    """A worker shows itself, and takes nothing."""
    now_s = clock.unix_s()
    shown = WorkerCard("w", (Lane.IMAGE.value,), SLOTS, 0, "here", os.getpid(), now_s, now_s)
    await bots.desk.queue.beat(shown)


async def queued(bots: Running, count: int) -> list[UUID]:
    """Pictures that others have asked for."""
    other = (await bots.desk.users.ensure("telegram", "77", language="en")).user_id
    await bots.owner.execute(FREE_CAPS, other)
    asked = [job(other, kind=Kind.IMAGE_GENERATE, price_units=0) for _ in range(count)]
    for one in asked:
        assert (await Jobs(bots.desk.db).submit(one)).code == "ok"
    return [one.id for one in asked]


async def test_the_first_card_knows_its_place_and_says_nothing_twice(bots: Running) -> None:
    ann, _ = await person(bots)
    await works(bots)
    await say(bots, ann, "/image a lighthouse alone")
    await bots.hears(ann, "Next in the queue")
    others = await queued(bots, AHEAD)
    await works(bots)
    bob, _ = await person(bots)
    await say(bots, bob, "/image a lighthouse in a crowd")
    card = await bots.hears(bob, f"{AHEAD + 1} jobs before yours")
    assert "minutes" in text_of(card)
    # The keeper of another process finds that it is true still; then that it is not.
    await bots.owner.execute("update app.card set created_at = created_at - interval '10 s'")
    await works(bots)
    keeper = CardKeeper(bots.room, holder=new_id())
    await keeper.round()
    assert not await edits(bots, card)
    for job_id in others[:10]:
        await started(bots.desk, job_id)
    unread = {"match": {"method": "editMessageText"}, "fault": "garbage", "times": 1}
    await bots.play.put("faults", [unread])  # an answer that is no answer ends no process

    async def said_anew() -> bool:
        await works(bots)
        await keeper.round()
        return await edits(bots, card)

    await wait_until(said_anew, 20, "the card tells its new place")
    await bots.hears(bob, f"{AHEAD - 9} jobs before yours")


async def edits(bots: Running, card: dict[str, Any]) -> bool:
    calls = await bots.play.calls(bot=BOT, method="editMessageText")
    place = str(card["chat"]["id"]), str(card["message_id"])
    asked = [call["params"] for call in calls]
    return any((str(one.get("chat_id")), str(one.get("message_id"))) == place for one in asked)


async def test_everybodys_card_has_its_turn(dsn: str, redis_url: str, tmp_path: Path) -> None:
    """Whose was looked at longest ago, ten of a person at a time, and none that runs."""
    async with desk_on(dsn, redis_url, tmp_path) as desk:
        cards, jobs = Cards(desk.db), Jobs(desk.db)
        hog, ann = [(await desk.users.ensure("telegram", who)).user_id for who in ("1", "2")]
        asked = [job(hog, price_units=0) for _ in range(30)] + [job(ann, price_units=0)]
        for number, one in enumerate(asked):
            assert (await jobs.submit(one)).code == "ok"
            assert await cards.add(one.id, "viaizer", 1, number + 1, "en", 1, number)
        running, last = asked[0].id, asked[-1].id
        await started(desk, running)
        seen: list[UUID] = []
        for _ in range(3):
            turn = await cards.stale(limit=12)
            assert len(turn) == 11
            assert last in {one.job_id for one in turn}
            await cards.looked({one.job_id: one.said for one in turn})
            seen += [one.job_id for one in turn if one.job_id != last]
        assert len(set(seen)) == 29
        assert running not in seen
        assert [one.said for one in await cards.stale(limit=1)] == [2]
        assert await cards.stale(age_s=3_600) == []
