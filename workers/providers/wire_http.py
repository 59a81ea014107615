"""Plain HTTP with JSON answers, for what the SDK does not speak."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from workers.providers.wire import Account, Json, broken, http_client, parsed, timeout
from workers.providers.wire_faults import Lost


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is None when it is no JSON object."""

    status: int
    headers: Mapping[str, str]
    body: Json | None


class Http:
    """One account by HTTP. Its owner closes it."""

    def __init__(self, account: Account, *, answer_max_bytes: int) -> None:
        self._account = account
        self._client = http_client(answer_max_bytes=answer_max_bytes)

    async def get(self, path: str, *, wait_s: float, **query: str) -> Answer:
        """Raises NotSold, Lost."""
        return await self._send("GET", path, wait_s, params=query)

    async def post(self, path: str, body: Json, *, wait_s: float) -> Answer:
        """Raises NotSold, Lost."""
        return await self._send("POST", path, wait_s, json=body)

    async def post_file(
        self, path: str, file: tuple[str, bytes, str], fields: Mapping[str, str], *, wait_s: float
    ) -> Answer:
        """`file`: name, bytes, media type. Raises NotSold, Lost."""
        return await self._send("POST", path, wait_s, files={"file": file}, data=fields)

    async def close(self) -> None:
        await self._client.aclose()

    async def _send(self, method: str, path: str, wait_s: float, **content: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self._account.api_key}"}
        try:
            async with asyncio.timeout(wait_s):
                response = await self._client.request(
                    method,
                    self._account.base_url + path,
                    headers=headers,
                    timeout=timeout(wait_s),
                    **content,
                )
        except TimeoutError:
            raise Lost("too_late") from None
        except httpx.HTTPError as error:
            raise broken(error) from error
        try:
            body = await parsed(response.content)
        except Lost:
            body = None
        return Answer(response.status_code, dict(response.headers), body)
