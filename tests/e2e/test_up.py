"""`leyden up` as it is: a newcomer in a real browser, requests over real HTTP, children and stores killed,
and an orderly end.
"""

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest

from ops import samples
from ops.stack.claim import Record
from tests.e2e.browser import needs_chromium, opened_browser, opened_page
from tests.e2e.processes import Running, answer, background, leyden
from tests.e2e.walk import walk_through
from tests.support import wait_until

SETTINGS = {"LEYDEN_PORT": "0", "LEYDEN_LEASE_S": "3", "LEYDEN_LOG_FORMAT": "json"}


@dataclass(frozen=True)
class House:
    running: Running
    folder: Path
    chat_url: str


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests here; when the last of them is over it ends in order, with books that add up."""
    folder, port = tmp_path_factory.mktemp("house"), free_port()
    with background(folder, "up", "--sandbox-port", str(port), **SETTINGS) as running:
        yield House(running, folder, f"http://127.0.0.1:{port}/chat")
        assert running.stop() == 0
    assert "Traceback" not in running.log.read_text()
    report = answer(leyden(folder, "ledger", "verify", "--json"))
    assert (report["ok"], report["violations"]) == (True, [])
    assert report["transfers"] > 0, "it has looked at something"


async def client_of(folder: Path, running: Running) -> httpx.AsyncClient:
    """Once the API answers."""
    started = await wait_until(lambda: running.told("api.started"), 90, "the API has started")
    assert started is not None
    key = (folder / "data" / "dev.key").read_text().strip()
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{started['port']}",
        headers={"Authorization": f"Bearer {key}", "X-Leyden-User": "zoe"},
        timeout=30,
    )


async def ended(client: httpx.AsyncClient, job_id: str) -> dict[str, object]:
    async def look() -> dict[str, object] | None:
        body: dict[str, object] = (await client.get(f"/v1/jobs/{job_id}")).json()
        return body if body["finished_at"] else None

    body = await wait_until(look, 60, "the job has ended")
    assert body is not None
    return body


def worker_of(running: Running) -> psutil.Process:
    """The worker that this very supervisor started, and no other."""
    children = psutil.Process(running.process.pid).children()
    (worker,) = [child for child in children if "worker" in child.cmdline()]
    return worker


async def kill_the_stores(folder: Path, running: Running) -> None:
    """Both servers die by kill -9, and are there again."""
    record = Record.read(folder / "data" / "stack.json")
    assert record is not None
    for mark in record.servers.values():
        mark.send(signal.SIGKILL)
    for name in record.servers:
        back = partial(running.told, "store.restarted", store=name)
        await wait_until(back, 60, f"{name} runs again")


@needs_chromium
@pytest.mark.timeout(600)
async def test_a_newcomer_walks_through_the_house(house: House, shots: Path | None) -> None:
    up = house.running
    await wait_until(lambda: up.said("Chat with the bots"), 90, "the bots can be talked to")
    async with (
        opened_browser() as browser,
        opened_page(browser, house.chat_url) as (page, troubles),
    ):
        await walk_through(page, shots)
        assert troubles == []


@pytest.mark.timeout(600)
async def test_a_photo_goes_through_the_running_cluster(house: House) -> None:
    running, folder = house.running, house.folder
    async with await client_of(folder, running) as client:
        sent = await client.post("/v1/files", files={"file": ("photo.jpg", samples.photo())})
        wish = {
            "kind": "image.edit",
            "app": "imagegene",
            "input": {"file": sent.json()["id"], "operations": [{"op": "sharpen"}]},
        }
        made = await client.post("/v1/jobs", json=wish, headers={"Idempotency-Key": "one"})
        again = await client.post("/v1/jobs", json=wish, headers={"Idempotency-Key": "one"})
        assert (made.status_code, again.status_code) == (202, 200)
        job = await ended(client, made.json()["id"])
        assert (job["state"], job["captured"]) == ("succeeded", 30_000)
        picture = await client.get(f"/v1/jobs/{job['id']}/artifacts/0")
        assert picture.headers["content-type"] == "image/jpeg"
        content = await client.get(f"/v1/projects/{job['project']}/content")
        assert content.headers["content-type"] == "image/webp"

        killed = worker_of(running)
        os.kill(killed.pid, signal.SIGKILL)
        await wait_until(lambda: running.said("child.died"), 30, "the death was noticed")
        await kill_the_stores(folder, running)
        text = {"kind": "text.improve", "app": "penora", "input": {"text": "i has went"}}
        after = (await client.post("/v1/jobs", json=text)).json()["id"]
        assert (await ended(client, after))["state"] == "succeeded"

        status = answer(leyden(folder, "status", "--json"))
        assert len(status["workers"]) >= 1
        assert status["redis"] == "ok"
        paused = leyden(folder, "lanes", "pause", "text", "--json")
        assert answer(paused) == {"paused": ["text"]}
        assert answer(leyden(folder, "lanes", "resume", "text", "--json")) == {"paused": []}
