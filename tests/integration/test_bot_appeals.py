"""Appeals: made once by the person concerned, seen by the operator, answered in the chat."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest

from producers.bot import appeals
from schemas.buttons import APPEAL, Press, pack, ref_of
from schemas.errors import Missing
from storage.appeals import Appeals
from storage.calls import Calls
from storage.jobs import Jobs
from tests.integration.bots import Running, cli, say
from tests.integration.edge import a_wish, started
from tests.support import wait_until

BOT = 4242
WORD = "It is a novel, chapter three"
ROW = "select * from app.appeal where job_id = $1"


async def person(bots: Running) -> tuple[int, int]:
    who = int((await bots.play.do("people"))["id"])
    await say(bots, who, "/start")
    await bots.hears(who, "You have")
    user_id = await bots.desk.users.find("telegram", str(who))
    assert user_id is not None
    return who, user_id


async def blocked(bots: Running, user_id: int, code: str = "content_blocked") -> UUID:
    job_id = (await bots.desk.intake.submit(a_wish(user_id, code))).job_id
    await started(bots.desk, job_id)
    await Calls(bots.desk.db).note_block(job_id, class_="violence", score=0.75, judge="rules")
    assert (await Jobs(bots.desk.db).fail(job_id, 1, code))[0] == "ok"
    return job_id


async def appeal(bots: Running, who: int, job_id: UUID) -> str:
    """Press the button of that job; what is told over it."""
    message = (await bots.said(who))[-1]
    answer = await bots.play.do(
        "press", person=who, bot=BOT, message_id=message["message_id"],
        data=pack(Press(APPEAL, ref_of(job_id))), sure=True, wait=True,
    )  # fmt: skip
    return str(answer)


async def test_from_the_button_to_the_answer(bots: Running, tmp_path: Path) -> None:
    ann, ann_id = await person(bots)
    job_id = await blocked(bots, ann_id)
    await say(bots, ann, f"/appeal {WORD}")
    await bots.hears(ann, "no appeal of yours")
    await appeal(bots, ann, job_id)
    await bots.hears(ann, "will look at this decision")
    assert "said so already" in await appeal(bots, ann, job_id)
    await say(bots, ann, f"/appeal {WORD}")
    await bots.hears(ann, "Added.")
    row = await bots.owner.one(ROW, job_id)
    assert WORD.encode() not in bytes(row["word"])

    seen = await cli(bots, tmp_path, "appeals", "list", "--json")
    assert seen.returncode == 0, seen.stderr
    (shown,) = json.loads(seen.stdout)
    assert (shown["job_id"], shown["class_"], shown["word"]) == (str(job_id), "violence", WORD)
    assert shown["score"] == pytest.approx(0.75)
    words = ("answer", str(job_id), "--agreed", "--note", "A <good> chapter.")
    assert (await cli(bots, tmp_path, "appeals", *words)).returncode == 0
    assert not await Appeals(bots.desk.db, bots.desk.keys).answer(
        job_id, "declined", note="", actor="test"
    )
    await appeals.tell_answered(bots.room)
    await bots.hears(ann, "you are right")
    await bots.hears(ann, "A <good> chapter.")

    async def told() -> bool:
        return (await bots.owner.one(ROW, job_id))["told_at"] is not None

    await wait_until(told, 20, "the row says so")
    assert await appeals.tell_answered(bots.room) == 0
    assert "said so already" in await appeal(bots, ann, job_id)


async def test_only_what_was_blocked_and_only_by_its_person(bots: Running) -> None:
    (ann, ann_id), (eve, eve_id) = await person(bots), await person(bots)
    refused, theirs = await blocked(bots, ann_id, "failed"), await blocked(bots, eve_id)
    for job_id in (refused, theirs):
        assert "not yours" in await appeal(bots, ann, job_id)
    made = Appeals(bots.desk.db, bots.desk.keys)
    assert await made.open() == []
    both = await asyncio.gather(*(made.make(eve_id, theirs, bot_id=BOT) for _ in range(4)))
    assert sorted(both) == [False, False, False, True]
    with pytest.raises(Missing):
        await made.answer(refused, "agreed", note="", actor="test")
    assert await made.answer(theirs, "declined", note="", actor="test")
    await appeals.tell_answered(bots.room)
    await bots.hears(eve, "the decision stays")
