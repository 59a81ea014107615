"""Callbacks of providers: addresses that only their provider knows, and what is done when one is used.

The address names one provider call and carries our mark, so a stranger cannot make us poll. Nothing
that a callback says is believed: it makes its job look, and an id it names is read back from the
provider first. Of its body only that id is kept; the rest may hold what a person wrote.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ops.base.logs import get_logger
from storage.calls import Calls
from storage.inbox import Event, Inbox
from storage.queue import Queue

log = get_logger(__name__)

PATH: Final = "/callbacks"
SOURCE_PREFIX: Final = "callback:"
MARK_SIZE_BYTES: Final = 16
REF_MAX_CHARACTERS: Final = 200
RESUME_AFTER_S: Final = 5.0
"""Whoever took an event in handles it at once; only then is it anybody's."""
_PURPOSE: Final = b"leyden/callback"


class Addresses:
    """Makes and checks the addresses. The key is derived, so nothing has to be stored."""

    def __init__(self, master_key: bytes, *, public_url: str | None) -> None:
        """`public_url` without a slash at the end; None: the outside cannot reach us."""
        self._key = hmac.digest(master_key, _PURPOSE, hashlib.sha256)
        self._public_url = public_url

    def of(self, provider: str, call_id: UUID) -> str | None:
        """Where this provider may report about this call."""
        if self._public_url is None:
            return None
        return f"{self._public_url}{PATH}/{provider}/{call_id}/{self._mark(provider, call_id)}"

    def is_ours(self, provider: str, call_id: UUID, mark: str) -> bool:
        return hmac.compare_digest(self._mark(provider, call_id).encode(), mark.encode())

    def _mark(self, provider: str, call_id: UUID) -> str:
        told = f"{provider}/{call_id}".encode()
        return hmac.digest(self._key, told, hashlib.sha256)[:MARK_SIZE_BYTES].hex()


@dataclass(frozen=True, slots=True)
class Callbacks:
    """`receive` for who has the request, `resume` for what was left unhandled."""

    inbox: Inbox
    calls: Calls
    queue: Queue

    async def receive(self, provider: str, call_id: UUID, body: bytes) -> None:
        """An event before it is confirmed, then a poll. Raises Unavailable: it was not accepted.

        Dies in between: the row is there, and `resume` does the rest.
        """
        kept = json.dumps({"call": str(call_id), "task": task_of(body)}).encode()
        digest = hashlib.sha256(body).hexdigest()[:32]
        source, external_id = SOURCE_PREFIX + provider, f"{call_id}:{digest}"
        event_id = await self.inbox.add(source, external_id, kept)
        if event_id is not None:
            await self._handle(event_id, kept)

    async def resume(self) -> int:
        """How many events were left, by who died over them."""
        events = await self.inbox.open(older_than_s=RESUME_AFTER_S, source_prefix=SOURCE_PREFIX)
        for event in events:
            await self._try(event)
        return len(events)

    async def _try(self, event: Event) -> None:
        """A bad one is set aside after a few tries and stops no other."""
        try:
            await self._handle(event.id, event.body)
        except (ValueError, KeyError) as error:
            last = await self.inbox.failed(event.id, type(error).__name__)
            log.warning("callback.unreadable", event_id=event.id, set_aside=last)

    async def _handle(self, event_id: int, kept: bytes) -> None:
        said = json.loads(kept)
        code, wakes = await self.calls.hear(UUID(said["call"]), said["task"])
        await self.queue.wake(wakes, reason="callback")
        await self.inbox.handled(event_id, code)
        log.info("callback.heard", call=said["call"], outcome=code)


def task_of(body: bytes) -> str | None:
    """The task that a callback names: kie.ai writes `taskId` or `task_id`, in `data` or at the top;
    OpenRouter `data.id`. None when it names none in a readable way.
    """
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    data = said.get("data")
    for place in (data if isinstance(data, dict) else {}, said):
        for name in ("taskId", "task_id", "id"):
            found = place.get(name)
            if isinstance(found, str) and 0 < len(found) <= REF_MAX_CHARACTERS:
                return found if "\x00" not in found else None
    return None
