"""Long polling, safe against death: updates are rows before the next request confirms them.

One process asks for a bot's updates at a time; the others stand by and take over when its place ends.
Two asking at once would only disturb each other: nothing is lost or doubled by it.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import httpx

from ops.base.logs import get_logger
from ops.base.telegram import BotAccount
from ops.base.trust import authorities
from producers.updates import KINDS, read, update_id
from schemas.errors import Unavailable
from storage.updates import Updates

log = get_logger(__name__)

BATCH_MAX: Final = 100
"""Telegram gives out no more at a time."""
WAIT_MAX_S: Final = 25
MARGIN_S: Final = 10.0
PAUSES_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
_CONFLICT: Final = 409


class Refusing(Exception):
    """Telegram answered, but not with updates; `pause_s` is what it asked us to wait."""

    def __init__(self, status: int, said: str, pause_s: float = 0.0) -> None:
        super().__init__(f"{status} {said}")
        self.status = status
        self.pause_s = pause_s


class Poller:
    """The updates of one bot. `heard` are set whenever there are new rows."""

    def __init__(
        self,
        account: BotAccount,
        updates: Updates,
        *,
        base_url: str,
        holder: UUID,
        lease_s: float,
        heard: Sequence[asyncio.Event],
    ) -> None:
        self._account = account
        self._updates = updates
        self._url = f"{base_url}/bot{account.token}"
        self._holder = holder
        self._lease_s = lease_s
        self._heard = heard
        self._wait_s = max(1, min(WAIT_MAX_S, int(lease_s / 2)))
        self._offset: int | None = None
        self._failures = 0

    async def run(self) -> None:
        """For ever; trouble is waited out. Cancelled, it lets somebody else take over."""
        try:
            async with httpx.AsyncClient(
                verify=authorities(), timeout=self._wait_s + MARGIN_S
            ) as http:
                await self._take_back_webhook(http)
                while True:
                    await self._turn(http)
        finally:
            await self._leave()

    async def _turn(self, http: httpx.AsyncClient) -> None:
        try:
            if not await self._updates.lead(
                self._account.bot_id, self._holder, lease_s=self._lease_s + self._wait_s
            ):
                await asyncio.sleep(self._lease_s / 4)
                return
            await self._keep(await self._ask(http))
            self._failures = 0
        except (httpx.HTTPError, ValueError, Refusing, Unavailable) as error:
            await self._wait_out(error)

    async def _keep(self, found: list[Any]) -> None:
        """Rows first. Crash windows 1 and 4: killed before they are rows, or before the next request, which
        confirms them, Telegram tells us the same updates again.
        """
        if not found:
            # All that was told is confirmed by now. Numbers may begin anew, below the last one (after a week
            # of silence, says the Bot API), and an offset of old would confirm those unseen.
            self._offset = None
            return
        bodies = [json.dumps(one, separators=(",", ":")).encode() for one in found]
        new = await self._updates.add([read(self._account.bot_id, body) for body in bodies])
        numbers = [number for one in found if (number := update_id(one)) is not None]
        if numbers:
            self._offset = max(numbers) + 1
        if new:
            for event in self._heard:
                event.set()
        log.debug("updates.received", bot=self._account.name, count=len(found), new=new)

    async def _ask(self, http: httpx.AsyncClient) -> list[Any]:
        body: dict[str, Any] = {
            "timeout": self._wait_s,
            "limit": BATCH_MAX,
            "allowed_updates": list(KINDS),
        }
        if self._offset is not None:
            body["offset"] = self._offset
        found = await _call(http, f"{self._url}/getUpdates", body)
        if not isinstance(found, list):
            raise Refusing(200, "no list of updates")
        return found

    async def _take_back_webhook(self, http: httpx.AsyncClient) -> None:
        """While a webhook is set there is nothing to ask for."""
        try:
            await _call(http, f"{self._url}/deleteWebhook", {"drop_pending_updates": False})
        except (httpx.HTTPError, ValueError, Refusing) as error:
            log.warning("webhook.kept", bot=self._account.name, reason=_reason(error))

    async def _wait_out(self, error: Exception) -> None:
        pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1
        if isinstance(error, Refusing):
            pause_s = max(pause_s, error.pause_s)
            if error.status == _CONFLICT and "webhook" in str(error):
                async with httpx.AsyncClient(verify=authorities(), timeout=MARGIN_S) as http:
                    await self._take_back_webhook(http)
        log.warning("updates.unreachable", bot=self._account.name, reason=_reason(error))
        await asyncio.sleep(pause_s)

    async def _leave(self) -> None:
        try:
            await self._updates.leave(self._account.bot_id, self._holder)
        except Unavailable:
            log.info("poller.place_kept", bot=self._account.name)


async def _call(http: httpx.AsyncClient, url: str, body: dict[str, Any]) -> Any:
    """The `result`. Raises Refusing, httpx.HTTPError, ValueError for an answer that is no JSON."""
    answer = await http.post(url, json=body)
    told = answer.json()
    if not isinstance(told, dict) or not told.get("ok"):
        said = told if isinstance(told, dict) else {}
        pause = (said.get("parameters") or {}).get("retry_after", 0)
        pause_s = float(pause) if isinstance(pause, int | float) else 0.0
        raise Refusing(answer.status_code, str(said.get("description", "")), pause_s)
    return told.get("result")


def _reason(error: Exception) -> str:
    """Never the address: the token is part of it."""
    return str(error) if isinstance(error, Refusing) else type(error).__name__
