"""OpenAI's SDK as we use it: its own retries off, because each would be sent, and may be paid, again
without asking anybody; our client below it, with our caps; its errors brought to ours.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, Final, TypeVar, cast

import httpx
import openai

from workers.providers.wire import CONNECT_TIMEOUT_S, MIB, Account, http_client
from workers.providers.wire import broken as broken_below
from workers.providers.wire_faults import Lost, NotSold, Said, refusal

T = TypeVar("T")

ANSWER_MAX_BYTES: Final = 32 * MIB
"""A picture of 2,048 x 2,048 pixels is at most 22 MB of base64."""
NO_STATUS: Final = 502
"""For an error without a number: the provider failed."""


def sdk_client(account: Account) -> openai.AsyncOpenAI:
    """Its owner closes it. The SDK has moved to another HTTP library and still takes this one."""
    return openai.AsyncOpenAI(
        base_url=account.base_url,
        api_key=account.api_key,
        max_retries=0,
        http_client=cast("Any", http_client(answer_max_bytes=ANSWER_MAX_BYTES)),
    )


def patience(wait_s: float) -> openai.Timeout:
    """At most `wait_s` of silence, less for reaching the provider at all."""
    return openai.Timeout(wait_s, connect=min(CONNECT_TIMEOUT_S, wait_s))


async def answered(request: Awaitable[T], *, model: str, wait_s: float) -> T:
    """What the SDK gives within `wait_s` altogether. Raises NotSold, Lost."""
    try:
        async with asyncio.timeout(wait_s):
            return await request
    except (openai.APIError, ValueError, TimeoutError) as error:
        raise meaning_of(error, model=model) from error


def meaning_of(error: Exception, *, model: str) -> NotSold | Lost:
    """An error of the SDK, or one that it lets through while it reads."""
    match error:
        case openai.APIStatusError():
            return refusal(_said(error), model=model)
        case openai.APIConnectionError():
            return broken_below(error.__cause__)
        case openai.APIError():  # an error object inside a stream: it had begun
            return Lost("broken_off")
        case httpx.HTTPError():  # an answer that we read ourselves
            return broken_below(error)
        case TimeoutError():
            return Lost("too_late")
        case _:
            return Lost("not_json")


def said_in_200(error: object, headers: Mapping[str, str]) -> Said:
    """An error object in a body whose HTTP status says that all is well."""
    body = error if isinstance(error, dict) else {}
    code = str(body.get("code", ""))
    status = int(code) if code.isdecimal() and len(code) == 3 else NO_STATUS  # noqa: PLR2004
    return Said(status, _word(body), str(body.get("message", "")), headers)


def _said(error: openai.APIStatusError) -> Said:
    body = error.body if isinstance(error.body, dict) else {}
    return Said(
        status=error.status_code,
        word=_word(body),
        message=str(body.get("message", "")),
        headers=dict(error.response.headers),
        own=bool(body),
    )


def _word(body: Mapping[str, Any]) -> str:
    """OpenRouter's `metadata.error_type`, or OpenAI's `code`, or its `type`."""
    metadata = body.get("metadata")
    told = metadata.get("error_type") if isinstance(metadata, dict) else None
    return str(told or body.get("code") or body.get("type") or "")
