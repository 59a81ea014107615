"""A worker that dies at each step of a video job. The witness is the provider's own journal of what it
sold: bought once wherever the task can be found again, otherwise at most once more; charged once,
delivered once.
"""

import signal

import httpx
import pytest

from ops.sandbox import Sandbox
from schemas.payloads import TextGenerate
from tests.chaos.market import FILM, PRICE, Market, callbacks_heard
from tests.ring import Ring
from tests.support import wait_until

KILLED = -signal.SIGKILL
STEPS_WITH_AN_ID = (
    "id.after",
    "parked",
    "poll.first",
    "poll.second",
    "downloaded",
    "paid",
    "stored",
    "manifest",
    "succeed.before",
    "succeed.after",
)
STEPS_ALWAYS = frozenset({"id.after", "poll.first", "downloaded", "stored", "succeed.before"})
"""Those of the short form; the long form dies at every one."""


@pytest.fixture
def market(ring: Ring, sandbox: Sandbox) -> Market:
    return Market.open(ring, sandbox)


async def ends_well(market: Market, *, die_at: str) -> list[dict[str, object]]:
    """One worker dies there, another one goes on; answers the calls of our journal."""
    ring = market.ring
    ann = await ring.person()
    job_id = await market.submit(ann, FILM)
    dying = await market.worker(die_at=die_at)
    assert await dying.ended(60) == KILLED
    healthy = await (await market.worker()).ready(ring)
    await ring.wait_state(job_id, "succeeded", timeout_s=40)
    assert await healthy.end() == 0
    assert await ring.captures() == 1
    assert await ring.open_holds() == 0
    assert await market.deliveries(job_id) == 1
    return await market.calls(job_id)


@pytest.mark.parametrize(
    "die_at",
    [
        step if step in STEPS_ALWAYS else pytest.param(step, marks=pytest.mark.slow)
        for step in STEPS_WITH_AN_ID
    ],
)
async def test_11_12_13_whatever_dies_after_the_id_is_known_nothing_is_bought_again(
    market: Market, die_at: str
) -> None:
    (call,) = await ends_well(market, die_at=die_at)
    (order,) = await market.orders()
    assert (call["external_ref"], call["outcome"]) == (order["id"], "ok")


@pytest.mark.parametrize(("die_at", "sold"), [("intent.after", 1), ("created", 2)])
async def test_8_10_an_intent_without_an_id_is_bought_once_more_at_most(
    market: Market, die_at: str, sold: int
) -> None:
    """Nobody knows whether it was sold, and nobody will tell us."""
    first, second = await ends_well(market, die_at=die_at)
    assert (first["outcome"], first["sold"], first["external_ref"]) == ("unknown", True, None)
    assert second["outcome"] == "ok"
    assert len(await market.orders()) == sold


async def test_10_a_callback_brings_the_id_that_died_with_its_worker(
    ring: Ring, sandbox: Sandbox
) -> None:
    """Also when a stranger's id is claimed before it."""
    sandbox.set_faults(
        {"match": {"operation": "task"}, "fault": "forged_callback", "value": "stranger"}
    )
    sandbox.set_timing(callback_s=6.0)
    async with callbacks_heard(ring) as public_url:
        market = Market.open(ring, sandbox, public_url=public_url)
        (call,) = await ends_well(market, die_at="created")
    (order,) = await market.orders()
    assert (call["external_ref"], call["outcome"]) == (order["id"], "ok")


async def test_8_without_any_answer_the_job_waits_for_the_callback_until_its_deadline(
    ring: Ring, sandbox: Sandbox
) -> None:
    async with callbacks_heard(ring) as public_url:
        market = Market.open(ring, sandbox, public_url=public_url)
        ann = await ring.person()
        job_id = await market.submit(ann, FILM, limit_s=15)
        dying = await market.worker(die_at="intent.after")
        assert await dying.ended(60) == KILLED
        healthy = await (await market.worker()).ready(ring)
        await ring.wait_state(job_id, "remote")
        row = await ring.wait_state(job_id, "failed", timeout_s=40)
        assert await healthy.end() == 0
    assert (row["code"], row["captured"]) == ("provider_unknown", 0)
    assert await market.orders() == []
    assert await ring.open_holds() == 0


async def test_8_the_answer_of_an_order_hangs_and_its_worker_is_killed(market: Market) -> None:
    ring = market.ring
    market.sandbox.set_faults(
        {"match": {"operation": "task"}, "fault": "hang", "value": "after", "times": 1}
    )
    ann = await ring.person()
    job_id = await market.submit(ann, FILM)
    doomed = await (await market.worker()).ready(ring)

    async def sold() -> bool:
        return bool(await market.orders())

    await wait_until(sold, 30, "the order is taken")
    await doomed.kill()
    healthy = await (await market.worker()).ready(ring)
    await ring.wait_state(job_id, "succeeded", timeout_s=40)
    assert await healthy.end() == 0
    assert len(await market.orders()) == 2
    assert await ring.captures() == 1
    row = await ring.row(job_id)
    assert 0 < row["captured"] <= PRICE


async def test_8_a_worker_that_stops_in_the_middle_of_an_order_leaves_its_intent_open(
    ring: Ring, sandbox: Sandbox
) -> None:
    """Handed back is not sold nothing: the next attempt knows that it may be buying again."""
    ring.settings = ring.settings.model_copy(update={"grace_s": 0.2})
    market = Market.open(ring, sandbox)
    sandbox.set_faults(
        {"match": {"operation": "task"}, "fault": "hang", "value": "after", "times": 1}
    )
    ann = await ring.person()
    job_id = await market.submit(ann, FILM)
    stopping = await (await market.worker()).ready(ring)

    async def sold() -> bool:
        return bool(await market.orders())

    await wait_until(sold, 30, "the order is taken")
    assert await stopping.end() == 0
    (call,) = await market.calls(job_id)
    assert call["outcome"] is None
    healthy = await (await market.worker()).ready(ring)
    await ring.wait_state(job_id, "succeeded", timeout_s=40)
    assert await healthy.end() == 0
    assert [call["outcome"] for call in await market.calls(job_id)] == ["unknown", "ok"]
    assert await ring.captures() == 1


async def test_a_callback_is_a_reason_to_poll_now(ring: Ring, sandbox: Sandbox) -> None:
    """Polls are a minute apart: only the callback can end the job in time."""
    sandbox.set_timing(polls=1000, callback_s=1.0)
    sandbox.set_faults(
        {"match": {"operation": "task"}, "fault": "duplicate_callback", "value": "3"}
    )
    async with callbacks_heard(ring) as public_url:
        market = Market.open(ring, sandbox, public_url=public_url)
        ann = await ring.person()
        worker = await (await market.worker(poll_s=60.0)).ready(ring)
        job_id = await market.submit(ann, FILM)
        await ring.wait_state(job_id, "succeeded", timeout_s=30)
        assert await worker.end() == 0
        (call,) = await market.calls(job_id)
        stranger = f"{public_url}/callbacks/kie/{call['id']}/{'0' * 32}"
        async with httpx.AsyncClient() as client:
            assert (await client.post(stranger, json={"taskId": "x"})).status_code == 404
    assert len(await market.orders()) == 1
    events = await ring.owner.fetch("select outcome from app.inbox")
    assert len(events) == 1  # said three times, one event


async def test_a_film_that_outlasts_its_job_is_given_free(market: Market) -> None:
    """The job is over, its credits are back; a worker finds the film all the same, and tells of it."""
    ring = market.ring
    market.sandbox.set_faults(
        {"match": {"operation": "task"}, "fault": "task_slow", "value": "12"},
    )
    ann = await ring.person()
    worker = await (await market.worker()).ready(ring)
    film = FILM.model_copy(update={"model": "or-wan-2.7"})  # nothing moves its deadline
    job_id = await market.submit(ann, film, limit_s=3)
    row = await ring.wait_state(job_id, "failed", timeout_s=30)
    assert (row["code"], row["captured"]) == ("overdue", 0)
    assert await ring.open_holds() == 0

    async def given() -> bool:
        # Nobody waits as long as between real looks.
        await ring.owner.execute(
            "update work.provider_call set late_at = least(late_at, clock_timestamp() + '1 s')"
            " where job_id = $1 and late_at < clock_timestamp() + interval '5 min'",
            job_id,
        )
        return bool(await ring.owner.fetchval("select project from work.gift"))

    await wait_until(given, 90, "the gift")
    assert await worker.end() == 0
    row = await ring.row(job_id)
    assert (str(row["state"]), row["captured"], row["result"] is None) == ("failed", 0, False)
    (call,) = await market.calls(job_id)
    assert (call["outcome"], call["sold"]) == ("late", True)
    assert await market.deliveries(job_id) == 2
    assert len(await market.orders()) == 1
    assert await ring.captures() == 0


async def test_an_order_is_made_again_only_after_the_pause_that_was_named(market: Market) -> None:
    """A machine in between gave up waiting and said for how long nobody should come."""
    ring = market.ring
    fault = {"match": {"operation": "chat"}, "fault": "server_error", "value": "504:4", "times": 1}
    market.sandbox.set_faults(fault)
    ann = await ring.person()
    text = TextGenerate(prompt="Write about the tides", pages=1, model="gpt-6-luna")
    job_id = await market.submit(ann, text)
    worker = await (await market.worker()).ready(ring)
    await ring.wait_state(job_id, "succeeded", timeout_s=40)
    assert await worker.end() == 0
    heard = market.sandbox.calls(operation="chat")
    assert [(call["status"], call["too_early"]) for call in heard] == [(504, False), (200, False)]
    assert [call["outcome"] for call in await market.calls(job_id)] == ["unknown", "ok"]


async def test_9_12_what_is_refused_or_cannot_be_fetched_is_not_charged(market: Market) -> None:
    ring = market.ring
    market.sandbox.set_faults(
        {"match": {"provider": "openrouter", "operation": "task"}, "fault": "payment_required"},
        {"match": {"provider": "kie", "operation": "task"}, "fault": "redirect_private"},
    )
    ann = await ring.person()
    worker = await (await market.worker()).ready(ring)
    refused = await market.submit(ann, FILM.model_copy(update={"model": "or-wan-2.7"}))
    lost = await market.submit(ann, FILM)
    ends = [await ring.wait_state(job_id, "failed", timeout_s=40) for job_id in (refused, lost)]
    assert await worker.end() == 0
    assert [row["code"] for row in ends] == ["quota_exhausted", "bad_result"]
    assert [row["captured"] for row in ends] == [0, 0]
    calls = [call for job_id in (refused, lost) for call in await market.calls(job_id)]
    told = [(call["outcome"], call["sold"]) for call in calls]
    assert told == [("quota_exhausted", False), ("bad_result", True)]
    assert [order["provider"] for order in await market.orders()] == ["kie"]
    assert await ring.open_holds() == 0


async def test_a_task_without_a_usable_record_is_looked_at_until_its_deadline(
    market: Market,
) -> None:
    """No number of tries ends what is bought; the deadline does."""
    ring = market.ring
    market.sandbox.set_faults({"match": {"operation": "task"}, "fault": "broken_result_json"})
    ann = await ring.person()
    worker = await (await market.worker()).ready(ring)
    job_id = await market.submit(ann, FILM, max_tries=2, limit_s=12)
    row = await ring.wait_state(job_id, "failed", timeout_s=60)
    assert await worker.end() == 0
    assert (row["code"], row["captured"], row["tries"]) == ("overdue", 0, 0)
    assert len(market.sandbox.calls(operation="poll")) > 2 + row["tries"]
    (call,) = await market.calls(job_id)
    assert call["outcome"] == "abandoned"  # by the end of its job, in the same commit
    assert len(await market.orders()) == 1
    assert await ring.open_holds() == 0
