"""Whoever was erased and comes back over HTTP is a new person at once, not shut out until a restart."""

from pathlib import Path

import httpx

from producers.api.app import build_app
from producers.api.auth import Gate
from producers.desk import Desk
from schemas.ids import new_id
from storage.blobs import Blobs
from storage.erasing import Erasing
from tests.integration.edge import desk_on
from tests.integration.test_api import KEY, TEXT_JOB, refused


def client_of(desk: Desk, **options: float) -> httpx.AsyncClient:
    app = build_app(desk, key=KEY)
    if options:
        app.state.gate = Gate(desk.users, key=KEY, host=desk.settings.host, **options)
    headers = {"Authorization": f"Bearer {KEY}", "X-Leyden-User": "ann"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://leyden", headers=headers)


async def erase(dsn: str, redis_url: str, folder: Path, *, finish: bool = True) -> int:
    """By another process, which tells the API nothing."""
    async with desk_on(dsn, redis_url, folder) as other:
        user_id = (await other.users.ensure("dev", "ann")).user_id
        erasing = Erasing(other.db, other.keys, Blobs.open(other.settings.blob_url))
        assert await erasing.begin(user_id)
        if finish:
            assert await erasing.finish(user_id)
        return user_id


async def test_a_refusal_of_the_erased_person_looks_the_name_up_again(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk, client_of(desk) as client:
        assert (await client.get("/v1/wallet")).json()["wallets"] != []
        gone = await erase(dsn, redis_url, tmp_path)
        refused(await client.post("/v1/jobs", json=TEXT_JOB), 402, "insufficient")
        assert await desk.users.find("dev", "ann") not in {None, gone}


async def test_the_wallet_of_the_erased_person_is_not_shown(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk, client_of(desk) as client:
        assert (await client.get("/v1/wallet")).json()["wallets"] != []
        await erase(dsn, redis_url, tmp_path)
        back = await client.get("/v1/wallet")
        assert [wallet["balance"] for wallet in back.json()["wallets"]] == [0]


async def test_a_name_is_not_remembered_for_ever(dsn: str, redis_url: str, tmp_path: Path) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk, client_of(desk, known_s=0.0) as client:
        assert (await client.get("/v1/projects")).status_code == 200
        gone = await erase(dsn, redis_url, tmp_path)
        refused(await client.get(f"/v1/jobs/{new_id()}"), 404, "not_found")
        assert await desk.users.find("dev", "ann") not in {None, gone}


async def test_while_the_erasing_goes_on_the_refusal_stays(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    async with desk_on(dsn, redis_url, tmp_path) as desk, client_of(desk) as client:
        assert (await client.get("/v1/wallet")).status_code == 200
        asked = await erase(dsn, redis_url, tmp_path, finish=False)
        refused(await client.post("/v1/jobs", json=TEXT_JOB), 403, "closed")
        assert await desk.users.find("dev", "ann") == asked
