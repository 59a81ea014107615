"""Promised bonuses in the stores: who may be bound, what they wait for, and that they are given once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from ledger.rewards import Rewards
from ledger.stars import Stars
from producers.desk import Desk
from schemas.ids import derive_id
from storage.promises import Promise, Promises
from tests.integration.edge import a_wish, desk_on, finish_text

BONUSES = """
select count(*) as number, coalesce(sum(amount), 0) as units from ledger.transfer
 where owner = $1 and note in ('invitation', 'joined')
"""


@pytest_asyncio.fixture
async def desk(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_on(dsn, redis_url, tmp_path) as opened:
        yield opened


async def people(desk: Desk, *names: str) -> list[int]:
    """In the order of their coming."""
    return [(await desk.users.ensure("dev", name)).user_id for name in names]


async def bind(desk: Desk, user_id: int, code: str, most: int = 100) -> str:
    return await Promises(desk.db).bind(user_id, code, bot_id=1, per_inviter_max=most)


async def due(desk: Desk, jobs: int = 2) -> list[Promise]:
    return await Promises(desk.db).due(jobs_referral=jobs, jobs_joined=jobs)


async def work(desk: Desk, user_id: int, text: str) -> None:
    accepted = await desk.intake.submit(a_wish(user_id, text))
    await finish_text(desk, accepted.job_id)


async def given(desk: Desk, user_id: int) -> tuple[int, int]:
    row = await desk.db.one(BONUSES, user_id)
    return row["number"], row["units"]


async def test_a_newcomer_is_bound_once_and_never_to_oneself(desk: Desk) -> None:
    ann, bob, eve = await people(desk, "ann", "bob", "eve")
    promises = Promises(desk.db)
    code, other = await promises.code(ann), await promises.code(bob)
    assert await promises.code(ann) == code
    assert await bind(desk, ann, code) == "self"
    assert await bind(desk, bob, "nobody-has-this") == "unknown"
    assert await bind(desk, ann, other) == "old", "who invites was there before"
    bound = await asyncio.gather(*(bind(desk, eve, one) for one in [code, other] * 4))
    assert sorted(bound) == ["known"] * 7 + ["ok"]
    assert await bind(desk, bob, code, most=0) == "full"
    assert await bind(desk, bob, code) == "ok"


async def test_an_old_account_is_not_a_newcomer(desk: Desk) -> None:
    ann, late, busy, back, gone = await people(desk, "ann", "late", "busy", "back", "gone")
    code = await Promises(desk.db).code(ann)
    since = (
        "update app.user_account set created_at = created_at - interval '2 hours' where id <= $1"
    )
    await desk.db.execute(since, late)
    await desk.db.execute("update app.user_account set returned = true where id = $1", back)
    await desk.db.execute("update app.user_account set status = 'suspended' where id = $1", gone)
    await desk.intake.submit(a_wish(busy))
    for one in (late, busy, back, gone):
        assert await bind(desk, one, code) == "old"
    assert await Promises(desk.db).invited(ann) == (await Promises(desk.db).invited(back))
    assert await Promises(desk.db).join(late, bot_id=1), "the channel may be joined by anybody"
    assert not await Promises(desk.db).join(late, bot_id=1)
    assert not await Promises(desk.db).join(back, bot_id=1), "but not for a second time"


async def test_nothing_is_due_before_the_last_job_that_was_waited_for(desk: Desk) -> None:
    ann, bob, eve = await people(desk, "ann", "bob", "eve")
    await bind(desk, bob, await Promises(desk.db).code(ann))
    await Promises(desk.db).join(ann, bot_id=1)
    assert await due(desk) == []
    await work(desk, bob, "one")
    await desk.intake.submit(a_wish(bob, "asked for and not made"))
    assert await due(desk) == []
    await work(desk, eve, "of somebody else")
    await work(desk, bob, "two")
    promise = Promise(bob, "referral", ann, 1)
    assert await due(desk) == [promise]
    assert await due(desk) == [promise], "until it is kept"
    assert [await Promises(desk.db).kept(promise) for _ in range(2)] == [True, False]
    assert await due(desk) == []


async def test_what_was_bought_and_kept_counts_as_well(desk: Desk) -> None:
    ann, bob, eve = await people(desk, "ann", "bob", "eve")
    code, stars = await Promises(desk.db).code(ann), Stars(desk.db)
    for one, charge in ((bob, "kept"), (eve, "returned")):
        assert await bind(desk, one, code) == "ok"
        await stars.buy_units(charge, user_id=one, stars=50, units=500_000)
    await stars.refund("returned", reason="a test", actor="test")
    assert [promise.user_id for promise in await due(desk)] == [bob]


async def test_a_reward_is_given_once_whoever_asks(desk: Desk) -> None:
    ann, bob = await people(desk, "ann", "bob")
    rewards = Rewards(desk.db)
    answers = await asyncio.gather(*(rewards.referral(bob, inviter=ann) for _ in range(8)))
    assert all(answer.person and answer.inviter for answer in answers)
    await asyncio.gather(*(rewards.joined(ann) for _ in range(8)))
    assert await given(desk, bob) == (1, 200_000)
    assert await given(desk, ann) == (2, 300_000)
    op = derive_id(ann, "referral", bob)
    assert await desk.db.fetchval("select kind::text from ledger.transfer where op = $1", op) == (
        "bonus"
    )
    assert await desk.db.fetch("select * from ledger.violations") == []


async def test_an_inviter_who_has_left_keeps_nobody_from_a_bonus(desk: Desk) -> None:
    ann, bob = await people(desk, "ann", "bob")
    await desk.wallets.set_status(ann, "closed")
    answer = await Rewards(desk.db).referral(bob, inviter=ann)
    assert (answer.person, answer.inviter) == (True, False)
    assert await given(desk, bob) == (1, 200_000)
