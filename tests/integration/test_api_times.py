"""Times at the edge of the calendar: a plain refusal in a body and in a query, never a crash."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from producers.desk import Desk
from schemas.errors import InvalidInput
from tests.integration.edge import a_wish, desk_on
from tests.integration.test_api import TEXT_JOB, api, refused

FAR_TIMES = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1999-12-31T23:59:59Z")


@pytest_asyncio.fixture
async def desk(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_on(dsn, redis_url, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ann(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with api(desk) as client:
        yield client


async def test_a_time_far_from_now_is_a_plain_refusal(ann: httpx.AsyncClient) -> None:
    for moment in FAR_TIMES:
        sent = [
            ann.post("/v1/jobs", json=TEXT_JOB | {"run_at": moment}),
            ann.get("/v1/projects", params={"since": moment}),
            ann.get("/v1/projects", params={"before": moment}),
        ]
        for answer, field in zip(
            await asyncio.gather(*sent), ("run_at", "since", "before"), strict=True
        ):
            body = refused(answer, 422, "invalid_input")
            assert body["detail"] == f"{field}: a time lies between the years 2000 and 2200"
    assert (await ann.get("/v1/jobs")).json()["jobs"] == []


async def test_times_that_people_use_pass(ann: httpx.AsyncClient) -> None:
    for moment in (
        "2000-01-01T00:00:00Z",
        "2199-12-31T23:59:59+00:00",
        "2026-01-01T00:00:00+14:00",
    ):
        assert (await ann.get("/v1/projects", params={"since": moment})).status_code == 200
    past = await ann.post("/v1/jobs", json=TEXT_JOB | {"run_at": "2020-01-01T00:00:00+03:00"})
    assert (past.status_code, past.json()["state"]) == (202, "queued")


@pytest.mark.parametrize("moment", FAR_TIMES)
async def test_the_intake_itself_refuses_it_for_every_producer(desk: Desk, moment: str) -> None:
    ann = (await desk.users.ensure("dev", "ann")).user_id
    with pytest.raises(InvalidInput) as caught:
        await desk.intake.submit(a_wish(ann, run_at=datetime.fromisoformat(moment)))
    assert caught.value.facts["field"] == "run_at"
