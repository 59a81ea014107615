"""What every request passes before a handler sees it: size cap, security headers, metrics, a trace id.

Pure ASGI, so that a body is counted while it streams in and an answer streams out untouched.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.base import metrics
from ops.base.clock import monotonic_s
from ops.base.logs import get_logger
from ops.base.trace import trace_id, trace_of
from producers.api.problems import BodyTooLarge

log = get_logger(__name__)

UPLOAD_PATH: Final = "/v1/files"
FORM_OVERHEAD_BYTES: Final = 64 * 1024
ESCAPED: Final = 3
"""A letter that is two bytes of UTF-8 may come as the six of `\\u0430`."""
UNMATCHED: Final = "unmatched"


class BodyCap:
    """Refuses a body that is too large: by its declared length at once, else while it streams in."""

    def __init__(self, app: ASGIApp, *, json_max_bytes: int, upload_max_bytes: int) -> None:
        self._app = app
        self._json_max_bytes = json_max_bytes
        self._upload_max_bytes = upload_max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = scope["path"] == UPLOAD_PATH
        limit = self._upload_max_bytes if upload else self._json_max_bytes
        room = limit + FORM_OVERHEAD_BYTES if upload else limit * ESCAPED + FORM_OVERHEAD_BYTES
        declared = Headers(scope=scope).get("content-length", "")
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            if declared.isdigit() and int(declared) > room:
                raise BodyTooLarge(limit)
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > room:
                raise BodyTooLarge(limit)
            return message

        await self._app(scope, counted, send)


class Watch:
    """Counts and times every request by its route's template, and answers with the trace id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = monotonic_s()
        trace = trace_of(Headers(scope=scope).get("traceparent"))
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["trace"] = trace
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Trace-Id"] = trace_id(trace)
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _count(scope, status, monotonic_s() - began_s)


def _count(scope: Scope, status: int, took_s: float) -> None:
    route = getattr(scope.get("route"), "path", UNMATCHED)
    method = scope["method"] if route != UNMATCHED else "any"
    metrics.http_requests.labels(route=route, method=method, status=str(status)).inc()
    metrics.http_request_seconds.labels(route=route).observe(took_s)
    log.debug("request.answered", route=route, method=method, status=status, took_s=took_s)
