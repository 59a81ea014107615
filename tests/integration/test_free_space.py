"""A disk that is nearly full refuses what is new, in plain words and for nothing, and lets the rest go on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ops import samples
from ops.base import metrics
from producers.desk import Desk
from schemas.errors import NoRoom
from schemas.texts import languages
from storage.free_space import FreeSpace
from tests.integration.edge import desk_on, finish_text
from tests.integration.test_api import TEXT_JOB, api, refused

NEVER_SO_MUCH = 2**62
KEYED = {"Idempotency-Key": "k"}


@pytest_asyncio.fixture
async def roomy(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_on(dsn, redis_url, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def full(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_on(dsn, redis_url, tmp_path, disk_free_min_bytes=NEVER_SO_MUCH) as opened:
        yield opened


async def test_a_full_disk_refuses_jobs_and_files_and_charges_nothing(
    roomy: Desk, full: Desk
) -> None:
    async with api(roomy) as before, api(full) as client:
        first = (await before.post("/v1/jobs", json=TEXT_JOB, headers=KEYED)).json()["id"]
        titles = set()
        for language in languages():
            headers = {"Accept-Language": language}
            answer = await client.post("/v1/jobs", json=TEXT_JOB, headers=headers)
            titles.add(refused(answer, 507, "disk_full")["title"])
            assert int(answer.headers["retry-after"]) > 0
        assert len(titles) == len(languages())
        photo = {"file": ("a.jpg", samples.photo())}
        refused(await client.post("/v1/files", files=photo), 507, "disk_full")
        again = await client.post("/v1/jobs", json=TEXT_JOB, headers=KEYED)
        assert (again.status_code, again.json()["id"]) == (200, first)
        jobs = (await client.get("/v1/jobs")).json()["jobs"]
        assert [one["id"] for one in jobs] == [first]
        (wallet,) = (await client.get("/v1/wallet")).json()["wallets"]
        assert (wallet["balance"], wallet["held"]) == (600_000, 0)


async def test_a_full_disk_is_seen_by_balancers_and_what_runs_goes_on(
    roomy: Desk, full: Desk
) -> None:
    async with api(roomy) as before, api(full) as client:
        assert (await before.get("/readyz")).json()["checks"] == {"postgres": "ok", "disk": "ok"}
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["disk"]) == (503, "NoRoom")
        job = (await before.post("/v1/jobs", json=TEXT_JOB)).json()["id"]
        (view,) = await full.results.list((await full.users.ensure("dev", "ann")).user_id)
        await finish_text(full, view.id)
        assert (await client.get(f"/v1/jobs/{job}")).json()["state"] == "succeeded"


async def test_a_look_holds_for_a_while_and_then_is_taken_again(tmp_path: Path) -> None:
    free, looks = 10, 0

    def look(_: Path) -> int:
        nonlocal looks
        looks += 1
        return free

    kept = FreeSpace(tmp_path, least_bytes=100, looked_s=3600, look=look)
    always = FreeSpace(tmp_path, least_bytes=100, looked_s=0, look=look)
    for space in (kept, always):
        for _ in range(2):
            with pytest.raises(NoRoom):
                await space.check()
    assert looks == 3
    assert metrics.disk_free_bytes._value.get() == 10
    free = 100
    await always.check()
    with pytest.raises(NoRoom):
        await kept.check()


async def test_no_disk_of_ours_and_one_that_cannot_be_asked_refuse_nothing(tmp_path: Path) -> None:
    await FreeSpace(None, least_bytes=NEVER_SO_MUCH).check()
    await FreeSpace(tmp_path / "nothing", least_bytes=NEVER_SO_MUCH).check()
    await FreeSpace(tmp_path, least_bytes=0).check()
