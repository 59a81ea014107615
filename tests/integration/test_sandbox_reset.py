"""A reset of the sandbox ends what is being worked on: nothing of before it shows after it."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from ops.sandbox import Sandbox
from ops.sandbox.callbacks import DEFAULT_KEY, sign_kie
from tests.integration.test_sandbox_callbacks import Ear, heard, job
from tests.integration.test_sandbox_callbacks import ear as ear  # noqa: PLC0414 (a fixture)
from tests.support import wait_until

CHAT: dict[str, Any] = {
    "model": "gpt-6-luna", "stream": True, "messages": [{"role": "user", "content": "Hello"}],
}  # fmt: skip

HEADERS = {"Authorization": "Bearer test", "Content-Type": "application/json"}


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def order(sandbox: Sandbox, fault: str) -> httpx.Response:
    headers = HEADERS | {"X-Sandbox-Fault": fault}
    return httpx.post(f"{sandbox.openai_url}/chat/completions", json=CHAT, headers=headers)


async def struck(sandbox: Sandbox, fault: str) -> None:
    def found() -> bool:
        return [call["applied"] for call in sandbox.calls()] == [[fault]]

    await wait_until(found, 10, f"{fault} has struck")


@pytest.mark.parametrize("fault", ["latency=0.4", "hang=before", "hang=after", "slow_stream=0.4"])
async def test_what_is_being_worked_on_ends(
    sandbox: Sandbox, threads: ThreadPoolExecutor, fault: str
) -> None:
    asked: Future[httpx.Response] = threads.submit(order, sandbox, fault)
    await struck(sandbox, fault.partition("=")[0])
    sandbox.reset()
    with pytest.raises(httpx.TransportError):
        asked.result()
    assert (sandbox.journal(), sandbox.calls()) == ([], [])


def test_who_knocked_before_the_reset_is_of_before(sandbox: Sandbox) -> None:
    """A busy server comes to both at once, when the client has long gone."""
    place = urlsplit(sandbox.url).netloc
    control, client = HTTPConnection(place), HTTPConnection(place)
    control.request("GET", "/_sandbox/timing")
    control.getresponse().read()
    os.kill(sandbox.pid, signal.SIGSTOP)
    try:
        client.request("POST", "/openai/v1/chat/completions", json.dumps(CHAT), HEADERS)
        client.close()
        control.request("POST", "/_sandbox/reset")
    finally:
        os.kill(sandbox.pid, signal.SIGCONT)
    assert control.getresponse().status == 204
    control.close()
    assert (sandbox.journal(), sandbox.calls()) == ([], [])


async def test_callbacks_of_before_are_never_sent(sandbox: Sandbox, ear: Ear) -> None:
    """Of two that are due one after the other, the first is of before the reset."""
    sandbox.set_timing(polls=1000, callback_s=0.2)
    sandbox.set_webhook_key("of-before")
    job(sandbox, ear)
    sandbox.reset()
    sandbox.set_timing(polls=1000, callback_s=0.2)
    after = job(sandbox, ear)
    await heard(ear, 1)
    assert [body["data"]["taskId"] for body in ear.bodies] == [after]
    assert len(sandbox.calls(direction="out")) == 1
    headers, _ = ear.heard[0]
    signed = sign_kie(DEFAULT_KEY, after, int(headers["x-webhook-timestamp"]))
    assert headers["x-webhook-signature"] == signed["X-Webhook-Signature"]
