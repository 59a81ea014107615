"""Addresses that only their provider knows, and the journal's own functions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from ops.sandbox.callbacks import sign_kie, sign_openrouter
from schemas.ids import new_id
from storage.callbacks import SOURCE_PREFIX, Addresses, Callbacks, task_of
from storage.calls import Calls, ProviderCall
from storage.inbox import Inbox
from storage.signatures import Signatures
from tests.ring import MASTER_KEY, Ring

KINDS = ("text.improve:1",)
URL = "https://leyden.example"


@pytest_asyncio.fixture
async def ring(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Ring]:
    made = await Ring.open(dsn, redis_url, tmp_path)
    yield made
    try:
        assert await made.violations() == []
    finally:
        await made.close()


@pytest.fixture
def calls(ring: Ring) -> Calls:
    return Calls(ring.db)


async def running(ring: Ring) -> tuple[UUID, int]:
    """A started job, and its owner."""
    ann = await ring.person()
    job_id = await ring.submit(ann, "hello")
    answer = await ring.jobs.start(job_id, uuid4(), worker="w", lease_s=60, kinds=KINDS)
    assert answer.jobs[0].code == "ok"
    return job_id, ann


def new_call(**more: Any) -> ProviderCall:
    return ProviderCall(new_id(), "kie", "kling-3.0", **more)


def test_an_address_is_good_for_one_call_of_one_provider() -> None:
    addresses, call_id = Addresses(MASTER_KEY, public_url=URL), uuid4()
    address = addresses.of("kie", call_id)
    assert address is not None
    mark = address.rsplit("/", 1)[1]
    assert address == f"{URL}/callbacks/kie/{call_id}/{mark}"
    assert addresses.is_ours("kie", call_id, mark)
    assert not addresses.is_ours("openrouter", call_id, mark)
    assert not addresses.is_ours("kie", uuid4(), mark)
    assert not addresses.is_ours("kie", call_id, "пометка")
    assert not Addresses(b"x" * 32, public_url=URL).is_ours("kie", call_id, mark)
    assert Addresses(MASTER_KEY, public_url=None).of("kie", call_id) is None


BODY = b'{"data": {"taskId": "t-1"}}'
NOW_S = 1_790_000_000.0


def openrouter(secret: str, *, body: bytes = BODY, at_s: float = NOW_S) -> dict[str, str]:
    return sign_openrouter(secret, body, int(at_s))


def kie(secret: str, *, task: str = "t-1") -> dict[str, str]:
    return sign_kie(secret, task, int(NOW_S))


@pytest.mark.parametrize(
    ("provider", "headers", "fits"),
    [
        ("openrouter", openrouter("s3cret"), True),
        ("openrouter", openrouter("s3cret", at_s=NOW_S - 299), True),
        ("openrouter", openrouter("s3cret", at_s=NOW_S - 301), False),
        ("openrouter", openrouter("another"), False),
        ("openrouter", openrouter("s3cret", body=BODY + b" "), False),
        ("openrouter", {"X-OpenRouter-Signature": "t=1,v1=zz"}, False),
        ("openrouter", kie("s3cret"), False),
        ("openrouter", {}, False),
        ("kie", kie("s3cret"), True),
        ("kie", kie("another"), False),
        ("kie", kie("s3cret", task="t-2"), False),
        ("kie", {"X-Webhook-Signature": "\xff", "X-Webhook-Timestamp": "7"}, False),
        ("kie", {}, False),
        ("openai", {}, True),
    ],
)
def test_a_signature_is_asked_for_where_we_have_its_secret(
    provider: str, headers: dict[str, str], fits: bool
) -> None:
    low = {name.lower(): value for name, value in headers.items()}
    told: dict[str, Any] = {"headers": low, "body": BODY, "task": "t-1", "now_s": NOW_S}
    secrets = {"openrouter": "s3cret", "kie": "s3cret"}
    assert Signatures(secrets).fit(provider, **told) is fits
    assert Signatures({}).fit(provider, **told)  # our own mark in the address decides


@pytest.mark.parametrize(
    ("body", "task"),
    [
        (b'{"code": 200, "data": {"taskId": "a"}}', "a"),
        (b'{"data": {"task_id": "b"}}', "b"),
        (b'{"taskId": "c", "data": null}', "c"),
        (b'{"type": "video.generation.completed", "data": {"id": "d"}}', "d"),
        (b'{"data": {"taskId": 7}}', None),
        (b'{"data": {"taskId": "a\\u0000b"}}', None),
        (b"[]", None),
        (b"not json", None),
        (b'"' + b"[" * 100_000, None),
        (b'{"taskId": "' + b"x" * 300 + b'"}', None),
    ],
)
def test_the_task_that_a_callback_names(body: bytes, task: str | None) -> None:
    assert task_of(body) == task


async def test_an_announcement_is_refused_to_who_lost_the_job_or_whose_user_cancelled(
    ring: Ring, calls: Calls
) -> None:
    job_id, ann = await running(ring)
    call = new_call()
    assert await calls.announce(call, job_id, 2) == "lost"
    assert await calls.announce(call, job_id, 1) == "ok"
    assert await calls.announce(call, job_id, 1) == "ok"  # the reply was lost
    assert len(await calls.of(job_id)) == 1
    assert (await ring.jobs.cancel(job_id, ann))[0] == "requested"
    assert await calls.announce(new_call(), job_id, 1) == "cancelled"
    assert await calls.close(call.id, job_id, 1, outcome="rate_limited", sold=False)
    assert (await ring.jobs.cancel(job_id, ann))[0] == "cancelled"  # nothing was bought


async def test_an_id_is_kept_even_by_who_has_lost_the_job(ring: Ring, calls: Calls) -> None:
    job_id, _ = await running(ring)
    call, other = new_call(), new_call()
    await calls.announce(call, job_id, 1)
    assert await calls.note_task(call.id, job_id, 7, "task-1") == "lost"
    (row,) = await calls.of(job_id)
    assert row.external_ref == "task-1"
    await calls.announce(other, job_id, 1)
    assert await calls.note_task(other.id, job_id, 1, "task-1") == "taken"
    assert (await calls.of(job_id))[1].external_ref is None


async def test_the_first_outcome_stays(ring: Ring, calls: Calls) -> None:
    job_id, _ = await running(ring)
    call = new_call()
    await calls.announce(call, job_id, 1)
    assert await calls.close(call.id, job_id, 1, outcome="ok", sold=True, cost_usd_micros=5)
    assert await calls.close(call.id, job_id, 1, outcome="bad_result", sold=True)
    (row,) = await calls.of(job_id)
    assert (row.outcome, row.sold, row.counts) == ("ok", True, True)


async def test_a_callback_wakes_a_parked_job_once(ring: Ring, calls: Calls) -> None:
    job_id, _ = await running(ring)
    call = new_call(addressed=True)
    await calls.announce(call, job_id, 1)
    assert (await calls.hear(call.id, "t"))[1] == ()  # it runs: it will look when it parks
    await ring.jobs.park(job_id, 1, delay_s=60)
    assert len(await calls.recheck(call.id, None)) == 1
    assert (await calls.hear(call.id, "t"))[1] == ()  # told already
    assert (await calls.of(job_id))[0].claimed_refs == ("t",)
    answer = await ring.jobs.start(job_id, uuid4(), worker="w", lease_s=60, kinds=KINDS)
    assert (answer.jobs[0].code, answer.jobs[0].attempt) == ("ok", 2)
    await calls.forget_claims(call.id, ["t"])
    (row,) = await calls.of(job_id)
    assert row.claimed_refs == ()
    await ring.jobs.park(job_id, 2, delay_s=60)
    assert await calls.recheck(call.id, row.heard_at) == ()  # nothing new
    assert (await calls.hear(uuid4(), "t"))[0] == "missing"


async def test_an_event_that_was_left_is_taken_up_and_nothing_private_is_kept(
    ring: Ring, calls: Calls
) -> None:
    job_id, _ = await running(ring)
    call, inbox = new_call(addressed=True), Inbox(ring.db)
    await calls.announce(call, job_id, 1)
    callbacks = Callbacks(inbox, calls, ring.queue)
    for _ in range(3):
        await callbacks.receive("kie", call.id, b'{"data": {"taskId": "t", "param": "secret"}}')
    rows = await ring.owner.fetch("select * from app.inbox")
    assert [row["outcome"] for row in rows] == ["heard"]
    assert b"secret" not in rows[0]["body"]
    await inbox.add(SOURCE_PREFIX + "kie", "broken", b"{}")
    await inbox.add(SOURCE_PREFIX + "kie", "left", rows[0]["body"])
    await inbox.add("telegram", "1", b"{}")
    await ring.owner.execute("update app.inbox set received_at = received_at - interval '1 min'")
    assert await callbacks.resume() == 2
    assert await callbacks.resume() == 1  # the broken one, until it is set aside
    left = await ring.owner.fetch("select source from app.inbox where handled_at is null")
    assert sorted(row["source"] for row in left) == ["callback:kie", "telegram"]
