"""Callbacks: told to the client's address when a task ends, once, twice, falsely or never."""

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any, Final

import httpx

from ops.base.clock import unix_s
from ops.base.nursery import Nursery
from ops.base.trust import authorities
from ops.sandbox.calls import CallLog
from ops.sandbox.operations import Provider
from ops.sandbox.records import callback_body
from ops.sandbox.tasks import Task, Tasks

TIMEOUT_S: Final = 15.0
ATTEMPTS: Final = 3
DEFAULT_KEY: Final = "sandbox-webhook-key"
FORGED_URL: Final = "https://forged.invalid/0.mp4"


def sign_kie(key: str, task_id: str, at: int) -> dict[str, str]:
    """kie.ai signs the task id and the time, not the body."""
    digest = hmac.digest(key.encode(), f"{task_id}.{at}".encode(), hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    return {"X-Webhook-Timestamp": str(at), "X-Webhook-Signature": signature}


def sign_openrouter(key: str, body: bytes, at: int) -> dict[str, str]:
    """OpenRouter signs the time and the body, with a comma between."""
    digest = hmac.new(key.encode(), f"{at},".encode() + body, hashlib.sha256).hexdigest()
    return {"X-OpenRouter-Signature": f"t={at},v1={digest}"}


class Callbacks:
    """One background task for each callback that is due."""

    def __init__(self, nursery: Nursery, calls: CallLog, tasks: Tasks) -> None:
        self.key = DEFAULT_KEY
        self._nursery = nursery
        self._calls = calls
        self._tasks = tasks
        self._client = httpx.AsyncClient(verify=authorities(), timeout=TIMEOUT_S, trust_env=False)
        self._expected: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await self._client.aclose()

    def expect(self, task: Task) -> None:
        """Arrange for what the task's client will hear of it."""
        if task.order.callback_url:
            expected = self._nursery.start_task(self._follow(task), name=f"callback {task.id}")
            self._expected.add(expected)
            expected.add_done_callback(self._expected.discard)

    def reset(self) -> None:
        """Nobody hears any more of what was ordered until now."""
        self.key = DEFAULT_KEY
        for expected in self._expected:
            expected.cancel()

    async def _follow(self, task: Task) -> None:
        fate, timing = task.order.fate, self._tasks.timing
        if fate.forgery:
            await self._forge(task)
        if fate.ends == "never" or not fate.callbacks:
            return
        due_s = task.purchase.at + max(timing.callback_s, fate.slow_s)
        await asyncio.sleep(max(0.0, due_s - unix_s()))
        self._tasks.end(task)
        content = _encode(callback_body(task, timing))
        for _ in range(fate.callbacks):
            await self._deliver(task, content, self._signed(task, task.id, content))

    async def _forge(self, task: Task) -> None:
        """Success, with a link of the forger's, before the task has ended."""
        forgery = task.order.fate.forgery
        task_id = "task_of_nobody" if forgery == "stranger" else task.id
        content = _encode(_false_body(task, task_id))
        headers: dict[str, str] = {}
        if forgery == "wrong_key":
            headers = self._signed(task, task_id, content, key="not-the-key")
        elif forgery in ("tampered", "stranger"):  # headers of a true one, before another body
            headers = self._signed(task, task_id, b"another body")
        await self._post(task, content, headers)

    async def _deliver(self, task: Task, content: bytes, headers: dict[str, str]) -> None:
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._tasks.timing.callback_again_s)
            if await self._post(task, content, headers):
                return

    async def _post(self, task: Task, content: bytes, headers: dict[str, str]) -> bool:
        url = task.order.callback_url
        call = self._calls.add(
            at=unix_s(), direction="out", provider=task.purchase.provider.value,
            operation="callback", method="POST", path=url, model=task.purchase.model,
            bought=task.id,
        )  # fmt: skip
        headers = {"Content-Type": "application/json", **headers}
        try:
            answer = await self._client.post(url, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            call.error = type(error).__name__
            return False
        call.status = answer.status_code
        return answer.is_success

    def _signed(
        self, task: Task, task_id: str, content: bytes, *, key: str | None = None
    ) -> dict[str, str]:
        key, at = key or self.key, int(unix_s())
        if task.purchase.provider is Provider.OPENROUTER:
            once = {"X-OpenRouter-Idempotency-Key": f"{task_id}-{task.phase}"}
            return once | sign_openrouter(key, content, at)
        return sign_kie(key, task_id, at)


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _false_body(task: Task, task_id: str) -> dict[str, Any]:
    if task.order.family == "videos":
        video = {"id": task_id, "status": "completed", "urls": [FORGED_URL]}
        return {"type": "video.generation.completed", "data": video}
    result = json.dumps({"resultUrls": [FORGED_URL]})
    data = {"taskId": task_id, "state": "success", "resultJson": result, "creditsConsumed": 0}
    info = {"resultUrls": [FORGED_URL]}
    return {"code": 200, "msg": "success", "data": {**data, "info": info}}
