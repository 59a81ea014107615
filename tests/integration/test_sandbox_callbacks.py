"""What the sandbox tells a client's address when a task ends, and what forgers tell it."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from ops.sandbox import Sandbox
from tests.support import wait_until

SECRET = "whsec-of-this-test"
BANANA: dict[str, Any] = {"model": "nano-banana-2", "input": {"prompt": "a fox"}}
VIDEO: dict[str, Any] = {"model": "alibaba/wan-2.7", "prompt": "the sea", "duration": 5}


class Ear(ThreadingHTTPServer):
    """Hears callbacks; answers 503 to the first `deaf` of them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hearing)
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.deaf = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?call=1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]


class Hearing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        ear = self.server
        assert isinstance(ear, Ear)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        ear.heard.append((headers, body))
        status = 503 if len(ear.heard) <= ear.deaf else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Ear() as made:
        Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    sandbox.set_timing(polls=1000, callback_s=0.05, callback_again_s=0.05)
    sandbox.set_webhook_key(SECRET)
    return sandbox


def create(sandbox: Sandbox, path: str, body: dict[str, Any], fault: str = "latency=0") -> str:
    headers = {"Authorization": "Bearer test", "X-Sandbox-Fault": fault}
    answer = httpx.post(f"{sandbox.url}{path}", json=body, headers=headers).json()
    found: str = answer.get("id") or answer["data"]["taskId"]
    return found


def job(sandbox: Sandbox, ear: Ear, fault: str = "latency=0") -> str:
    body = {**BANANA, "callBackUrl": ear.url}
    return create(sandbox, "/kie/api/v1/jobs/createTask", body, fault)


def signed_by_kie(headers: dict[str, str], task_id: str) -> bool:
    text = f"{task_id}.{headers['x-webhook-timestamp']}".encode()
    digest = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
    return headers["x-webhook-signature"] == base64.b64encode(digest).decode()


def signed_by_openrouter(headers: dict[str, str], body: bytes) -> bool:
    fields = dict(part.split("=", 1) for part in headers["x-openrouter-signature"].split(","))
    text = f"{fields['t']},".encode() + body
    return fields["v1"] == hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()


async def heard(ear: Ear, count: int) -> None:
    await wait_until(lambda: len(ear.heard) >= count, 10, f"{count} callbacks")


async def settled(sandbox: Sandbox, count: int) -> None:
    """Every callback that will be sent has been answered."""

    def done() -> bool:
        calls = sandbox.calls(direction="out")
        return len(calls) >= count and all(call["status"] or call["error"] for call in calls)

    await wait_until(done, 10, f"{count} callbacks answered")


async def test_a_job_is_told_without_any_poll(sandbox: Sandbox, ear: Ear) -> None:
    task_id = job(sandbox, ear)
    await heard(ear, 1)
    [(headers, _)], [body] = ear.heard, ear.bodies
    assert signed_by_kie(headers, task_id)
    assert (body["data"]["taskId"], body["data"]["state"]) == (task_id, "success")
    [url] = json.loads(body["data"]["resultJson"])["resultUrls"]
    assert httpx.get(url).status_code == 200
    [bought] = sandbox.journal()
    assert bought["client_reference"] == ear.url
    assert bought["finished_at"] is not None


async def test_veo_and_runway_have_their_own_shapes(sandbox: Sandbox, ear: Ear) -> None:
    asked = {"prompt": "the sea", "callBackUrl": ear.url}
    veo = create(sandbox, "/kie/api/v1/veo/generate", {**asked, "model": "veo3_lite"})
    await heard(ear, 1)
    runway = create(sandbox, "/kie/api/v1/runway/generate", asked)
    await heard(ear, 2)
    assert ear.bodies[0]["data"]["taskId"] == veo
    assert ear.bodies[0]["data"]["info"]["resultUrls"]
    assert ear.bodies[0]["data"]["creditsConsumed"] == 30
    assert ear.bodies[1]["data"]["task_id"] == runway
    assert ear.bodies[1]["data"]["video_url"].startswith(sandbox.url)


async def test_openrouter_signs_the_body(sandbox: Sandbox, ear: Ear) -> None:
    video = create(sandbox, "/openrouter/api/v1/videos", {**VIDEO, "callback_url": ear.url})
    await heard(ear, 1)
    [(headers, content)], [body] = ear.heard, ear.bodies
    assert signed_by_openrouter(headers, content)
    assert headers["x-openrouter-idempotency-key"]
    assert (body["type"], body["data"]["id"]) == ("video.generation.completed", video)


async def test_a_failure_is_told_too(sandbox: Sandbox, ear: Ear) -> None:
    job(sandbox, ear, "task_failed=501")
    await heard(ear, 1)
    create(sandbox, "/openrouter/api/v1/videos", {**VIDEO, "callback_url": ear.url}, "task_failed")
    await heard(ear, 2)
    assert (ear.bodies[0]["code"], ear.bodies[0]["data"]["state"]) == (501, "fail")
    assert ear.bodies[1]["type"] == "video.generation.failed"


async def test_a_deaf_client_is_told_again(sandbox: Sandbox, ear: Ear) -> None:
    ear.deaf = 2
    job(sandbox, ear)
    await settled(sandbox, 3)
    assert [call["status"] for call in sandbox.calls(direction="out")] == [503, 503, 200]
    assert ear.bodies[0] == ear.bodies[2]


async def test_an_address_where_nobody_listens_is_in_the_log(sandbox: Sandbox) -> None:
    body = {**BANANA, "callBackUrl": "http://127.0.0.1:9/hook"}
    create(sandbox, "/kie/api/v1/jobs/createTask", body)
    await settled(sandbox, 3)
    assert {call["error"] for call in sandbox.calls(direction="out")} == {"ConnectError"}


async def test_duplicate_callback(sandbox: Sandbox, ear: Ear) -> None:
    job(sandbox, ear, "duplicate_callback=3")
    await settled(sandbox, 3)
    assert len(ear.heard) == 3
    assert ear.bodies[0] == ear.bodies[1] == ear.bodies[2]


async def test_no_callback(sandbox: Sandbox, ear: Ear) -> None:
    job(sandbox, ear, "no_callback")
    told = job(sandbox, ear)
    await heard(ear, 1)
    assert [body["data"]["taskId"] for body in ear.bodies] == [told]


@pytest.mark.parametrize(
    ("forgery", "has_headers", "verifies"),
    [("unsigned", False, False), ("wrong_key", True, False), ("tampered", True, True)],
)
async def test_forged_callback(
    sandbox: Sandbox, ear: Ear, *, forgery: str, has_headers: bool, verifies: bool
) -> None:
    """kie.ai's signature says nothing of the body: a tampered one verifies."""
    task_id = job(sandbox, ear, f"forged_callback={forgery}")
    await heard(ear, 2)
    headers, _ = ear.heard[0]
    assert "forged.invalid" in ear.bodies[0]["data"]["resultJson"]
    assert ear.bodies[0]["data"]["taskId"] == task_id
    assert ("x-webhook-signature" in headers) == has_headers
    assert (has_headers and signed_by_kie(headers, task_id)) == verifies
    assert sandbox.url in ear.bodies[1]["data"]["resultJson"]


async def test_a_forger_of_openrouter_is_found_by_the_signature(sandbox: Sandbox, ear: Ear) -> None:
    body = {**VIDEO, "callback_url": ear.url}
    create(sandbox, "/openrouter/api/v1/videos", body, "forged_callback=tampered")
    await heard(ear, 2)
    assert [signed_by_openrouter(*one) for one in ear.heard] == [False, True]


async def test_a_stranger_speaks_of_a_task_that_does_not_exist(sandbox: Sandbox, ear: Ear) -> None:
    job(sandbox, ear, "forged_callback=stranger")
    await heard(ear, 2)
    asked = {"taskId": ear.bodies[0]["data"]["taskId"]}
    answer = httpx.get(
        f"{sandbox.kie_url}/api/v1/jobs/recordInfo",
        params=asked,
        headers={"Authorization": "Bearer test"},
    )
    assert answer.json()["code"] == 404


async def test_a_callback_outlives_a_kill(sandbox: Sandbox, ear: Ear) -> None:
    sandbox.set_timing(callback_s=3600)
    task_id = job(sandbox, ear)
    sandbox.kill()
    sandbox.restart()
    await heard(ear, 1)
    assert ear.bodies[0]["data"]["taskId"] == task_id
