"""Answers that were right when the provider gave them and are not when they arrive."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from ops.sandbox.faults import Faults

PIECE_BYTES: Final = 64 * 1024
_PAGE: Final = (
    b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>cf</body></html>"
)
_SPOILING: Final = ("truncated_json", "garbage", "oversize")


def is_spoiled(faults: Faults) -> bool:
    """Whether the answer must be held back until it is whole, and then harmed."""
    asked = {told.partition("=")[0] for told in faults.told()}
    late = any(told in ("reset=after", "reset=mid", "hang=after") for told in faults.told())
    return late or bool(asked.intersection(_SPOILING))


class Answer:
    """A whole answer that has not been sent."""

    def __init__(self) -> None:
        self._start: Message = {"type": "http.response.start", "status": 500, "headers": []}
        self._body = bytearray()

    async def take(self, message: Message) -> None:
        """The `send` that the provider's side is given."""
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")

    async def send_half(self, send: Send) -> None:
        """The headers promise all of it."""
        await send(self._headed(length=len(self._body)))
        half = bytes(self._body[: len(self._body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})

    async def send_spoiled(self, faults: Faults, send: Send) -> None:
        if faults.take("garbage") is not None:
            self._start["status"] = 200
            await self._send(_PAGE, send, media_type="text/html")
        elif faults.take("truncated_json") is not None:
            await self._send(bytes(self._body[: len(self._body) // 2]), send)
        elif (extra := faults.take("oversize")) is not None:
            await self._send_padded(int(extra), send)
        else:
            await self._send(bytes(self._body), send)

    async def _send(self, body: bytes, send: Send, *, media_type: str | None = None) -> None:
        await send(self._headed(length=len(body), media_type=media_type))
        await send({"type": "http.response.body", "body": body})

    async def _send_padded(self, extra_bytes: int, send: Send) -> None:
        """Blanks after the body, in pieces, without saying how many will come."""
        await send(self._headed(length=None))
        await send({"type": "http.response.body", "body": bytes(self._body), "more_body": True})
        for start in range(0, extra_bytes, PIECE_BYTES):
            blanks = b" " * min(PIECE_BYTES, extra_bytes - start)
            await send({"type": "http.response.body", "body": blanks, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _headed(self, *, length: int | None, media_type: str | None = None) -> Message:
        headers = MutableHeaders(scope=self._start)
        if length is not None:
            headers["Content-Length"] = str(length)
        elif "Content-Length" in headers:
            del headers["Content-Length"]
        if media_type is not None:
            headers["Content-Type"] = media_type
        return self._start
