"""What a person reads about a job that ended badly; and who may report about one."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from ops.base.clock import unix_s
from ops.sandbox.callbacks import sign_openrouter
from producers.api.app import build_app
from producers.desk import Desk
from schemas.errors import Permanent
from schemas.ids import new_id
from schemas.moderation import CLASSES, blocked_text
from schemas.results import TextImproved
from schemas.texts import error_text, text
from storage.callbacks import SOURCE_PREFIX
from storage.calls import Calls, ProviderCall
from storage.crypto import RESULT
from storage.gifts import Gift, Gifts
from storage.jobs import Jobs
from tests.integration.edge import desk_on, started

KEY = "leyden_dev_test"
JOB = {"kind": "text.improve", "app": "penora", "input": {"text": "helo"}}
SECRET = "whsec-of-openrouter"


@pytest_asyncio.fixture
async def desk(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    told = {
        "public_url": "https://leyden.example",
        "openrouter_webhook_secret": SecretStr(SECRET),
    }
    async with desk_on(dsn, redis_url, tmp_path, **told) as opened:
        yield opened


@pytest_asyncio.fixture
async def ann(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {KEY}", "X-Leyden-User": "ann"}
    transport = httpx.ASGITransport(build_app(desk, key=KEY), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://leyden", headers=headers
    ) as client:
        yield client


async def failed(ann: httpx.AsyncClient, desk: Desk, code: str) -> UUID:
    job_id = UUID((await ann.post("/v1/jobs", json=JOB)).json()["id"])
    await started(desk, job_id)
    assert (await Jobs(desk.db).fail(job_id, 1, code))[0] == "ok"
    return job_id


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_a_block_says_the_class_of_its_reason_and_costs_nothing(
    ann: httpx.AsyncClient, desk: Desk, language: str
) -> None:
    headers = {"Accept-Language": language}
    for class_ in ("violence", "sexual/minors", "of its own"):
        job_id = await failed(ann, desk, "content_blocked")
        await Calls(desk.db).note_block(job_id, class_=class_, score=0.9, judge="rules")
        said = (await ann.get(f"/v1/jobs/{job_id}", headers=headers)).json()
        told = error_text(Permanent("content_blocked"), language)
        assert said["reason"]["text"] == f"{told} {blocked_text(class_, language)}"
        assert (said["reason"]["code"], said["captured"]) == ("content_blocked", 0)
        listed = (await ann.get("/v1/jobs?limit=1", headers=headers)).json()["jobs"][0]
        assert listed["reason"] == said["reason"]
    assert (await ann.get("/v1/wallet")).json()["wallets"][0]["held"] == 0
    assert len(CLASSES) == 13


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_a_late_result_is_shown_with_its_job_and_called_free(
    ann: httpx.AsyncClient, desk: Desk, language: str
) -> None:
    job_id = await failed(ann, desk, "overdue")
    result = TextImproved(provider="local", model="local-text", made_by="us", text="Hello.")
    account = await desk.users.ensure("dev", "ann")
    key = await desk.keys.of(account.user_id)
    sealed = key.encrypt(result.model_dump_json().encode(), purpose=RESULT)
    await Gifts(desk.db).give(Gift(job_id, None, sealed, key.version, None))
    said = (await ann.get(f"/v1/jobs/{job_id}", headers={"Accept-Language": language})).json()
    assert (said["state"], said["captured"]) == ("failed", 0)
    assert said["result"]["text"] == "Hello."
    assert said["reason"]["text"].endswith(text("late.given", language))


async def test_a_callback_must_be_signed_where_we_know_the_secret_and_marked_always(
    ann: httpx.AsyncClient, desk: Desk
) -> None:
    job_id = UUID((await ann.post("/v1/jobs", json=JOB)).json()["id"])
    await started(desk, job_id)
    body = b'{"type": "video.generation.completed", "data": {"id": "gen-vid-1"}}'
    now_s = int(unix_s())
    good, bad = sign_openrouter(SECRET, body, now_s), sign_openrouter("other", body, now_s)
    for provider, headers, status in (
        ("openrouter", {}, 401),
        ("openrouter", bad, 401),
        ("openrouter", good, 200),
        ("kie", {}, 200),  # its secret is not set: the mark decides
    ):
        call = ProviderCall(new_id(), provider, "m", addressed=True)
        assert await Calls(desk.db).announce(call, job_id, 1) == "ok"
        address = desk.addresses.of(provider, call.id)
        assert address is not None
        path = address.removeprefix("https://leyden.example")
        answer = await ann.post(path, content=body, headers=headers)
        assert answer.status_code == status, answer.text
        forged = await ann.post(f"{path[:-4]}0000", content=body, headers=headers)
        assert forged.status_code == 404
    rows = await desk.db.fetch("select source from app.inbox order by id")
    assert [row["source"] for row in rows] == [
        f"{SOURCE_PREFIX}openrouter",
        f"{SOURCE_PREFIX}kie",
    ]
