"""An update's way from its row to its handler and back: claimed, decoded, handled, closed.

Handlers may be called twice for one update (crash window 2: their process died; or a store was away),
so what they ask for has a key of the update's. One that cannot be decoded, or keeps failing, is set
aside with its body and holds nobody up.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from aiogram import types
from pydantic import ValidationError

from ops.base import clock
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from producers.bot.say import Gone
from schemas.errors import LeydenError, Unavailable
from storage.crypto import Unreadable
from storage.updates import Update, Updates

log = get_logger(__name__)

IDLE_S: Final = 0.25
"""How late an update of another process's receiving side is noticed, at most."""
ALBUM_QUIET_S: Final = 1.0
ALBUM_MAX_S: Final = 5.0
RETRY_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
AGAIN_S: Final = 1.0
"""Between looks at what is not there now: a store, or a place in the limiter."""
WAITS_MAX_S: Final = 86_400.0
"""What is away for longer than a day counts as a failure: its person's next update waits behind it."""
TELL_MAX_S: Final = 10.0
"""How long the word that an update was set aside may take: nothing waits for it but a place in hand."""

Handle = Callable[[Update, list[types.Update]], Awaitable[str]]
"""Handles one update, or all of its album; the outcome in a word. Raises what it likes."""
GiveUp = Callable[[Update, types.Update], Awaitable[None]]
"""Tells who sent an update that it was set aside. Raises what it likes, and is not called again."""


class Undecodable(Exception):
    """This is not an update that we can read, now or later."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose updates are taken and how many at a time; `token` is the claim of this process."""

    bot_ids: tuple[int, ...]
    token: UUID
    lease_s: float
    slots: int
    urgent: bool = False


class Dispatch:
    """Takes updates while it runs. `handle` does the work, `decode` makes an update of its JSON."""

    def __init__(
        self,
        updates: Updates,
        handle: Handle,
        *,
        give_up: GiveUp,
        decode: Callable[[int, Any], types.Update],
        claims: Claims,
        heard: asyncio.Event,
    ) -> None:
        self._updates = updates
        self._handle = handle
        self._give_up = give_up
        self._decode = decode
        self._claims = claims
        self._token = claims.token
        self._lease_s = claims.lease_s
        self._heard = heard
        self._in_hand: set[int] = set()

    async def run(self) -> None:
        """For ever. Cancelled, it gives back what it has not finished."""
        try:
            async with Nursery("bot") as nursery:
                nursery.start(self._renew(), name="renew")
                while True:
                    self._heard.clear()
                    if not await self._take(nursery):
                        with suppress(TimeoutError):
                            async with asyncio.timeout(IDLE_S):
                                await self._heard.wait()
        finally:
            with suppress(Unavailable):
                await self._updates.give_back(self._token)

    async def _take(self, nursery: Nursery) -> bool:
        """Whether there may be more at once."""
        mine = self._claims
        free = mine.slots - len(self._in_hand)
        if free <= 0:
            return False
        try:
            taken = await self._updates.claim(
                mine.bot_ids, mine.token, lease_s=mine.lease_s, limit=free, urgent=mine.urgent
            )
        except Unavailable as error:
            log.warning("updates.unclaimed", reason=str(error))
            await asyncio.sleep(AGAIN_S)
            return False
        for update in taken:
            if update.id not in self._in_hand:
                self._in_hand.add(update.id)
                nursery.start(self._one(update), name="update")
        return bool(taken)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            if self._in_hand:
                with suppress(Unavailable):
                    await self._updates.renew(self._token, lease_s=self._lease_s)

    async def _one(self, update: Update) -> None:
        try:
            await self._through(update)
        except Unavailable as error:
            # The store is away: the lease ends by itself and the update is taken again.
            log.warning("update.left", update=update.id, reason=str(error))
        finally:
            self._in_hand.discard(update.id)
            self._heard.set()

    async def _through(self, update: Update) -> None:
        try:
            first = self._read(update)
            others = self._readable(await self._gather(update)) if update.album else []
            decoded = [first, *(one for _, one in others)]
            outcome = await self._handle(update, decoded)
        except Undecodable as error:
            await self._set_aside(update, error)
        except Gone:
            await self._updates.handled([update], self._token, "gone")
        except Unavailable as error:
            await self._later(update, error)
        except Exception as error:  # noqa: BLE001 (one bad update stops no other)
            await self._fail(update, error)
        else:
            together = [update, *(one for one, _ in others)]
            await self._updates.handled(together, self._token, outcome)

    async def _gather(self, update: Update) -> list[Update]:
        """The rest of its album, once nothing has been added to it for a while."""
        until = update.received_at + timedelta(seconds=ALBUM_MAX_S)
        while True:
            together = await self._updates.album(update)
            newest = max((one.received_at for one in together), default=update.received_at)
            quiet_s = (clock.now() - newest).total_seconds()
            if quiet_s >= ALBUM_QUIET_S or clock.now() >= until:
                return [one for one in together if one.id != update.id]
            await asyncio.sleep(max(0.01, ALBUM_QUIET_S - quiet_s))

    def _read(self, update: Update) -> types.Update:
        """Raises Undecodable."""
        try:
            return self._decode(update.bot_id, json.loads(self._updates.opened(update)))
        except (ValidationError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise Undecodable(type(error).__name__) from error
        except Unreadable as error:
            raise Undecodable(error.code) from error

    def _readable(self, updates: list[Update]) -> list[tuple[Update, types.Update]]:
        """Those of an album that can be read; the others come by themselves, and are set aside."""
        found = []
        for update in updates:
            with suppress(Undecodable):
                found.append((update, self._read(update)))
        return found

    async def _set_aside(self, update: Update, error: Undecodable) -> None:
        """Trying again would not help: the same code reads the same bytes."""
        await self._updates.failed(update, self._token, f"{error}", delay_s=0, final=True)
        log.error("update.set_aside", update=update.id, bot_id=update.bot_id, reason=str(error))

    async def _later(self, update: Update, error: Unavailable) -> None:
        """When what it needs is there again. No try is counted, for a day."""
        if (clock.now() - update.received_at).total_seconds() > WAITS_MAX_S:
            await self._fail(update, error)
            return
        delay_s = float(error.facts.get("retry_after_s", AGAIN_S))
        log.info("update.delayed", update=update.id, reason=str(error))
        await self._updates.later(update, self._token, delay_s=delay_s)

    async def _fail(self, update: Update, error: Exception) -> None:
        reason = error.code if isinstance(error, LeydenError) else type(error).__name__
        delay_s = RETRY_S[min(update.tries, len(RETRY_S) - 1)]
        last = await self._updates.failed(update, self._token, reason, delay_s=delay_s)
        log.error("update.failed", update=update.id, set_aside=last, exc_info=error)
        if last:
            await self._tell(update)

    async def _tell(self, update: Update) -> None:
        """At most once, and whatever comes of it: by now the update holds nobody up."""
        try:
            async with asyncio.timeout(TELL_MAX_S):
                await self._give_up(update, self._read(update))
        except Exception as error:  # noqa: BLE001 (what made the update fail may make this fail, too)
            log.warning("update.untold", update=update.id, reason=type(error).__name__)
