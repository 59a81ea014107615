"""Asking the providers: is the key good, is there money, and which models do they still have.

All of it is free. Answers are read loosely: a list that cannot be read is a finding, not a crash.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import httpx

from ops.base.accounts import Endpoint
from ops.base.trust import authorities
from ops.cli.checks import Finding
from schemas.catalogue import Catalogue
from schemas.errors import Unavailable

TIMEOUT_S: Final = 20.0
ANSWER_MAX_BYTES: Final = 32 * 1024 * 1024
LOW_USD: Final = 5
KIE_CREDIT_USD: Final = 0.005  # kie.ai: one credit is half a cent
USER_AGENT: Final = "Mozilla/5.0 (compatible; Leyden/1.0)"
"""kie.ai answers 403 to agents that do not look like a browser."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as OpenRouter lists it. Prices in dollars for a million tokens; None: not told."""

    id: str
    usd_in: Decimal | None
    usd_out: Decimal | None
    context: int | None
    expires: str | None


async def check_provider(book: Catalogue, endpoint: Endpoint) -> list[Finding]:
    """What is wrong, or right, with one account and the rows that need it."""
    async with _client(endpoint) as client:
        try:
            return await _CHECKS[endpoint.provider](book, client)
        except Unavailable as error:
            reason = str(error.facts.get("reason", ""))
            advice = (
                "check the key" if reason in {"status 401", "status 403"} else "try again later"
            )
            return [Finding("fail", endpoint.provider, reason, advice)]


async def openrouter_list(endpoint: Endpoint) -> dict[str, Listed]:
    """Model id -> what OpenRouter says of it. The list is public. Raises Unavailable."""
    async with _client(endpoint) as client:
        return {each.id: each for each in map(_listed, await _rows(client, "/models")) if each}


def _client(endpoint: Endpoint) -> httpx.AsyncClient:
    headers = {"User-Agent": USER_AGENT}
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    return httpx.AsyncClient(
        verify=authorities(),
        base_url=endpoint.base_url,
        headers=headers,
        timeout=TIMEOUT_S,
        trust_env=False,
    )


async def _openai(book: Catalogue, client: httpx.AsyncClient) -> list[Finding]:
    ids = {str(row.get("id")) for row in await _rows(client, "/models")}
    return [Finding("ok", "openai", "the key is good"), *_missing(book, "openai", ids)]


async def _openrouter(book: Catalogue, client: httpx.AsyncClient) -> list[Finding]:
    key = (await _get(client, "/key")).get("data")
    left = key.get("limit_remaining") if isinstance(key, dict) else None
    ids = set[str]()
    for path in ("/models", "/images/models", "/videos/models"):
        ids |= {str(row.get("id")) for row in await _rows(client, path)}
    return [_balance("openrouter", left), *_missing(book, "openrouter", ids)]


async def _kie(_book: Catalogue, client: httpx.AsyncClient) -> list[Finding]:
    """It has no list of models."""
    answer = await _get(client, "/api/v1/chat/credit")
    if answer.get("code") != 200:  # noqa: PLR2004 (the code in the body counts)
        raise Unavailable(store="kie", reason=f"status {answer.get('code')}")
    left = answer.get("data")
    return [_balance("kie", left * KIE_CREDIT_USD if isinstance(left, int | float) else None)]


_CHECKS: Final[dict[str, Callable[[Catalogue, httpx.AsyncClient], Awaitable[list[Finding]]]]] = {
    "openai": _openai,
    "openrouter": _openrouter,
    "kie": _kie,
}


def _balance(provider: str, left_usd: object) -> Finding:
    if not isinstance(left_usd, int | float):
        return Finding("ok", provider, "the key is good; no limit is told")
    shown = f"the key is good; {left_usd:.2f} USD left"
    if left_usd <= 0:
        return Finding("fail", provider, shown, "pay in: nothing can be bought")
    return Finding("warn" if left_usd < LOW_USD else "ok", provider, shown)


def _missing(book: Catalogue, provider: str, ids: set[str]) -> list[Finding]:
    """Rows that the provider does not list any more."""
    return [
        Finding("warn", row.name, f"{provider} does not list {row.model}", "give it a replaced_by")
        for row in book.models
        if row.provider == provider and row.enabled and row.model not in ids
    ]


async def _rows(client: httpx.AsyncClient, path: str) -> list[Json]:
    data = (await _get(client, path)).get("data")
    return [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []


async def _get(client: httpx.AsyncClient, path: str) -> Json:
    """The object at a path. Raises Unavailable."""
    provider = client.base_url.host
    try:
        async with client.stream("GET", path.lstrip("/")) as answer:
            if answer.status_code != 200:  # noqa: PLR2004 (of HTTP)
                raise Unavailable(store=provider, reason=f"status {answer.status_code}")
            size, pieces = 0, []
            async for piece in answer.aiter_bytes():
                size += len(piece)
                if size > ANSWER_MAX_BYTES:
                    raise Unavailable(store=provider, reason="the answer is too long")
                pieces.append(piece)
        body = httpx.Response(200, content=b"".join(pieces)).json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable(store=provider, reason=type(error).__name__) from error
    return body if isinstance(body, dict) else {}


def _listed(row: Json) -> Listed | None:
    name, pricing = row.get("id"), row.get("pricing")
    if not isinstance(name, str):
        return None
    prices = pricing if isinstance(pricing, dict) else {}
    context, expires = row.get("context_length"), row.get("expiration_date")
    return Listed(
        name,
        _per_million(prices.get("prompt")),
        _per_million(prices.get("completion")),
        context if isinstance(context, int) and context > 0 else None,
        expires[:10] if isinstance(expires, str) and expires else None,
    )


def _per_million(text: object) -> Decimal | None:
    """Prices come as text, for one token; a negative one means that it depends."""
    try:
        price = Decimal(str(text)) * 1_000_000
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 else None
