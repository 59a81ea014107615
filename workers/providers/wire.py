"""What adapters that speak HTTP share: the account, the client with its caps, and reading JSON.

Nothing here follows a redirect, repeats a request or reads the environment.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from ops.base.clock import monotonic_s
from ops.base.trust import authorities
from schemas.errors import Permanent, Retryable
from workers.providers.port import Call
from workers.providers.wire_faults import Lost, NotSold

MIB: Final = 1024 * 1024
CONNECT_TIMEOUT_S: Final = 5.0
SEND_TIMEOUT_S: Final = 60.0
LEFT_SHARE: Final = 0.95
CONNECTIONS_MAX: Final = 200
USER_AGENT: Final = "Mozilla/5.0 (compatible; Leyden/1.0)"
"""kie.ai and its file hosts answer 403 (`error code: 1010`) to agents that do not look like a browser."""
PLAIN: Final = "identity"
"""The only encoding of an answer that is asked for and taken: 611 kB of gzip can be 600 MB of text."""
PARSED_ON_LOOP_MAX_BYTES: Final = 256 * 1024
MICROS_PER_USD: Final = 1_000_000

Json = dict[str, Any]
M = TypeVar("M", bound=BaseModel)


class Loose(BaseModel):
    """What is read of an answer; providers add fields as they like."""

    model_config = ConfigDict(extra="allow", frozen=True)


@dataclass(frozen=True, slots=True)
class Account:
    """Where a provider is and the key that pays. Addresses have no slash at the end; `upload_url` is
    for files, where they go elsewhere.
    """

    base_url: str
    api_key: str = field(repr=False)
    upload_url: str = ""


class TooLarge(httpx.TransportError):
    """The answer is larger than any that was asked for."""


class Packed(httpx.TransportError):
    """The answer is compressed, which was not asked for: what it grows to cannot be known before."""


def http_client(*, answer_max_bytes: int) -> httpx.AsyncClient:
    """A client whose answers raise TooLarge above the cap, and Packed where it could not be counted.
    Its owner closes it.
    """
    return httpx.AsyncClient(
        transport=_Capped(answer_max_bytes),
        timeout=timeout(SEND_TIMEOUT_S),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": PLAIN},
        follow_redirects=False,
        trust_env=False,
    )


def timeout(wait_s: float) -> httpx.Timeout:
    """At most `wait_s` of silence; reaching the provider at all has a shorter limit of its own."""
    return httpx.Timeout(wait_s, connect=min(CONNECT_TIMEOUT_S, wait_s))


def left_s(call: Call, *, most: float) -> float:
    """Seconds that a request of this call may take, at most `most`. Raises Permanent `overdue`.

    A little less than is left, so that what became of the request can still be written down.
    """
    left = call.deadline_s - monotonic_s()
    if left <= 0:
        raise Permanent("overdue")
    return min(left * LEFT_SHARE, most)


def broken(error: BaseException | None) -> NotSold | Lost:
    """A request that failed below HTTP: it never left, or nobody knows how far it came."""
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
            return NotSold(Retryable("provider_unavailable", reason="unreachable"))
        case TooLarge():
            return Lost("too_large")
        case Packed():
            return Lost("packed")
        case httpx.TimeoutException():
            return Lost("silence")
        case _:
            return Lost("cut_off")


async def parsed(content: bytes) -> Json:
    """The JSON object of an answer. Raises Lost for anything else. Large ones never hold the loop."""
    try:
        if len(content) <= PARSED_ON_LOOP_MAX_BYTES:
            body = json.loads(content)
        else:
            body = await asyncio.to_thread(json.loads, content)
    except (ValueError, RecursionError):
        raise Lost("not_json") from None
    if not isinstance(body, dict):
        raise Lost("not_json")
    return body


def shaped(model: type[M], body: object) -> M:
    """The body as what it should be. Raises Lost."""
    try:
        return model.model_validate(body)
    except ValidationError:
        raise Lost("wrong_shape") from None


def lenient(model: type[M], body: object) -> M:
    """The same for what nothing depends on: an empty one when it is not what it should be."""
    try:
        return model.model_validate(body)
    except ValidationError:
        return model()


def micros(cost_usd: float | None) -> int | None:
    """US dollars as millionths; None for no number or an absurd one."""
    if cost_usd is None or not 0 <= cost_usd < MICROS_PER_USD:
        return None
    return round(cost_usd * MICROS_PER_USD)


class _Capped(httpx.AsyncHTTPTransport):
    """Counts what arrives, as it arrives, errors included. Below it nothing is decoded, above it nothing
    may be: a bomb of gzip is small here and large there.
    """

    def __init__(self, answer_max_bytes: int) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=20)
        super().__init__(verify=authorities(), limits=limits, trust_env=False)
        self._answer_max_bytes = answer_max_bytes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        encoding = response.headers.get("content-encoding", PLAIN).strip().lower()
        if encoding not in ("", PLAIN):
            await response.aclose()
            msg = "a compressed answer"
            raise Packed(msg)
        response.stream = _Counted(response.stream, self._answer_max_bytes)
        return response


class _Counted(httpx.AsyncByteStream):
    def __init__(self, stream: object, most: int) -> None:
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 (of an asynchronous transport)
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for piece in self._stream:
            seen += len(piece)
            if seen > self._most:
                msg = f"more than {self._most} bytes"
                raise TooLarge(msg)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
