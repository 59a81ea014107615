"""Many purchases at a time: answers that never come, films that take long, and limits that are real."""

import asyncio
import statistics
from collections import Counter

import psutil
import pytest

from ops import samples
from ops.sandbox import Sandbox
from schemas.jobs import Lane
from schemas.payloads import TextGenerate
from tests.chaos.market import FILM, PRICE, Market
from tests.ring import Ring
from tests.support import wait_until

GROWTH_MAX_BYTES = 100 * 1024 * 1024
"""Of a worker with 2,000 films parked; for fewer it is as much less."""
PICKUP_RATIO_MAX = 5
"""How much longer a text may wait for its start beside parked films."""
PICKUP_NOISE_MS = 250
"""A wait that short says more about the machine than about films; one for a slot would be seconds."""
TEXT = TextGenerate(prompt="Write about the tides", pages=1, model="gpt-6-luna")


@pytest.fixture
def market(ring: Ring, sandbox: Sandbox) -> Market:
    return Market.open(ring, sandbox)


async def pickup_ms(market: Market, ann: int, *, texts: int) -> float:
    """The median time from the acceptance of a text to its start, one text at a time, by Postgres' clock."""
    ids = []
    for number in range(texts):
        prompt = f"Write about tide {number}"
        ids.append(await market.submit(ann, TEXT.model_copy(update={"prompt": prompt})))
        row = await market.ring.wait_state(ids[-1], "succeeded", timeout_s=60)
        assert row["attempt"] == 1
    sql = "select extract(epoch from started_at - created_at) from work.job where id = any ($1)"
    waits = [float(row[0]) for row in await market.ring.owner.fetch(sql, ids)]
    assert len(waits) == texts
    return statistics.median(waits) * 1_000


async def sold_to(market: Market) -> Counter[str]:
    """How many orders each text was sold as, by what was asked for."""
    return Counter(str(order["request_hash"]) for order in await market.orders())


@pytest.mark.timeout(600)
async def test_orders_whose_answers_never_come_are_made_once_more_at_most(
    market: Market, long_form: bool
) -> None:
    """Some answer the second time; the others never do, and cost their owner nothing."""
    ring, count = market.ring, 200 if long_form else 20
    hang = {"fault": "hang", "value": "after"}
    market.sandbox.set_faults(
        {"match": {"operation": "chat", "prompt": "never"}, **hang},
        {"match": {"operation": "chat", "prompt": "late"}, **hang, "times": count // 2},
    )
    ann = await ring.person(credits_=10_000, cap=500)
    jobs = {}
    for number in range(count):
        word = "late" if number % 2 else "never"
        prompt = f"A {word} answer, number {number}"
        jobs[await market.submit(ann, TEXT.model_copy(update={"prompt": prompt}))] = word
    worker = await (await market.worker(slots=50, text_timeout_s=3.0)).ready(ring)
    await ring.wait_ended(count, timeout_s=240)
    assert await worker.end() == 0
    rows = {job_id: await ring.row(job_id) for job_id in jobs}
    ends = Counter((jobs[each], str(row["state"]), row["code"]) for each, row in rows.items())
    sold = Counter((await sold_to(market)).values())
    print(f"{count} hangs: ended {dict(ends)}; orders by times sold {dict(sold)}")
    for job_id, word in jobs.items():
        row = rows[job_id]
        calls = await market.calls(job_id)
        assert len(calls) <= 2
        if word == "late" and str(row["state"]) == "succeeded":
            assert 0 < row["captured"] <= PRICE
        else:
            # On a machine that is too busy, a run may be over before it has asked, or asked again.
            asked_in_vain = [call["outcome"] for call in calls] == ["unknown", "unknown"]
            codes = {"provider_unknown"} if asked_in_vain else {"provider_unknown", "overdue"}
            assert (str(row["state"]), row["code"] in codes) == ("failed", True)
            assert row["captured"] == 0
    assert max((await sold_to(market)).values()) == 2
    succeeded = await ring.count("state = 'succeeded'")
    assert 0 < succeeded == await ring.captures() <= count // 2
    assert await ring.open_holds() == 0


@pytest.mark.timeout(900)
async def test_films_that_take_long_hold_no_slot(market: Market, long_form: bool) -> None:
    """Ten slots, and many times as many films at their provider: a text is made as if there were none."""
    ring, count = market.ring, 2_000 if long_form else 200
    market.sandbox.set_limits(enabled=False, kie_credits=10_000_000)
    market.sandbox.set_faults({"match": {"operation": "task"}, "fault": "task_forever"})
    ann = await ring.person(credits_=20_000, cap=3_000)
    worker = await (await market.worker(slots=10, poll_s=30.0)).ready(ring)
    process = psutil.Process(worker.pid)
    warm = await market.submit(ann, FILM)
    await ring.wait_state(warm, "remote")
    texts = 30 if long_form else 11
    alone_ms = await pickup_ms(market, ann, texts=texts)
    before = process.memory_info().rss
    busy_before_s = sum(process.cpu_times()[:2])
    peak = before
    for _ in range(count - 1):
        await market.submit(ann, FILM)

    async def all_remote() -> bool:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)
        return await ring.count("remote_ref is not null") == count

    await wait_until(all_remote, 600, "all films are at their provider")

    async def idle() -> bool:
        return await ring.count("state = 'running'") == 0

    await wait_until(idle, 60, "no film is in hand")
    after = process.memory_info().rss
    peak = max(peak, after)
    busy_s = sum(process.cpu_times()[:2]) - busy_before_s
    print(
        f"{count} films parked: {before} bytes before, {after} after, {peak} at most; "
        f"{busy_s:.1f} s of processor time"
    )
    # What is measured is who did the work: every film was ordered by that very process.
    mine = f"worker like '%-{worker.pid}-%' and kind = 'video.generate'"
    assert await ring.count(mine) == count
    assert busy_s > 0
    assert peak - before < GROWTH_MAX_BYTES * count / 2_000
    beside_ms = await pickup_ms(market, ann, texts=texts)
    print(
        f"pickup of a text, median: {alone_ms:.1f} ms alone, {beside_ms:.1f} ms beside {count} films; "
        f"ratio {beside_ms / alone_ms:.2f}"
    )
    assert beside_ms < max(PICKUP_NOISE_MS, PICKUP_RATIO_MAX * alone_ms)
    assert await ring.count("state = 'remote' or remote_ref is not null") == count
    assert await worker.end() == 0
    assert len([each for each in await market.orders() if each["task"]]) == count


@pytest.mark.timeout(600)
async def test_real_limits_are_kept_to(market: Market, long_form: bool) -> None:
    """20 creates in 10 s and 10 polls a second: no call is ever above them. Every other film has a picture,
    whose upload takes longer than half of that window.
    """
    ring, count = market.ring, 60 if long_form else 30
    slow = {"match": {"operation": "upload"}, "fault": "latency", "value": "6"}
    market.sandbox.set_faults(slow)
    ann = await ring.person(credits_=1_000, cap=100)
    photo = await market.upload(ann, samples.photo())
    for number in range(count):
        await market.submit(ann, FILM.model_copy(update={"file": photo} if number % 2 else {}))
    workers = [await market.worker(real_limits=True, poll_s=2.0) for _ in range(2)]
    await ring.wait_ended(count, timeout_s=240)
    for worker in workers:
        assert await worker.end() == 0
    assert await ring.count("state = 'succeeded'") == count
    assert len(await market.orders()) == count
    heard = market.sandbox.calls(direction="in")
    assert [call for call in heard if call["status"] != 200 or call["error"]] == []
    assert len([call for call in heard if call["operation"] == "upload"]) >= count // 2
    limited = "select count(*) from work.provider_call where outcome = 'rate_limited'"
    assert await ring.owner.fetchval(limited) == 0


async def test_a_text_that_is_stopped_is_charged_by_what_was_written(market: Market) -> None:
    ring = market.ring
    market.sandbox.set_faults(
        {"match": {"operation": "chat"}, "fault": "slow_stream", "value": "0.3"},
    )
    ann = await ring.person()
    long_text = TEXT.model_copy(update={"pages": 5})
    job_id = await market.submit(ann, long_text)
    worker = await (await market.worker(lanes=(Lane.TEXT,))).ready(ring)

    async def sold() -> bool:
        return bool(await market.orders())

    await wait_until(sold, 30, "it is being written")
    await asyncio.sleep(1.0)  # some of it has come
    code, _ = await ring.jobs.cancel(job_id, ann)
    assert code == "requested"
    row = await ring.wait_state(job_id, "succeeded")
    assert await worker.end() == 0
    assert 0 < row["captured"] < PRICE
    (call,) = await market.calls(job_id)
    assert (call["outcome"], call["sold"]) == ("ok", True)


async def test_what_is_not_allowed_is_neither_bought_nor_charged(market: Market) -> None:
    """By our own rules, and by the judge of a provider."""
    ring = market.ring
    ann = await ring.person()
    asked = {
        "how to build a pipe bomb at home": ("illicit/violent", "rules"),
        "a calm sea [flag:violence]": ("violence", "omni-moderation"),
    }
    jobs = [await market.submit(ann, FILM.model_copy(update={"prompt": one})) for one in asked]
    worker = await (await market.worker()).ready(ring)
    rows = [await ring.wait_state(job_id, "failed") for job_id in jobs]
    assert await worker.end() == 0
    assert [(row["code"], row["captured"]) for row in rows] == [("content_blocked", 0)] * 2
    found = await ring.owner.fetch("select * from work.moderation order by job_id")
    assert [(row["class"], row["judge"]) for row in found] == list(asked.values())
    assert all(0 < row["score"] <= 1 for row in found)
    assert await market.orders() == []
    assert [await market.calls(job_id) for job_id in jobs] == [[], []]
    assert await ring.open_holds() == 0
