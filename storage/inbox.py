"""Outside events (updates, callbacks, webhooks): a row before they are confirmed to the sender.

The row is unique on (source, external id), so an event that is delivered twice is one event. A bad
one is set aside after a few tries and never blocks the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from storage.pool import Database

TRIES_MAX: Final = 5
BODY_MAX_BYTES: Final = 1024 * 1024

_ADD = """
insert into app.inbox (source, external_id, body) values ($1, $2, $3)
on conflict (source, external_id) do nothing returning id
"""
_OPEN = """
select id, source, external_id, body, received_at, tries from app.inbox
 where handled_at is null and received_at < clock_timestamp() - make_interval(secs => $1)
   and starts_with(source, $3)
 order by received_at limit $2
"""
_HANDLED = """
update app.inbox set handled_at = clock_timestamp(), outcome = $2
 where id = $1 and handled_at is null returning id
"""
_FAILED = """
update app.inbox set tries = tries + 1,
       outcome = case when tries + 1 >= $3 then $2 end,
       handled_at = case when tries + 1 >= $3 then clock_timestamp() end
 where id = $1 and handled_at is null returning handled_at is not null as set_aside
"""


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    source: str
    external_id: str
    body: bytes
    received_at: datetime
    tries: int


class Inbox:
    """`body` is stored as it is given: a caller who knows the person encrypts it first."""

    def __init__(self, db: Database, *, tries_max: int = TRIES_MAX) -> None:
        self._db = db
        self._tries_max = tries_max

    async def add(self, source: str, external_id: str, body: bytes) -> int | None:
        """The new row's id, or None when this event is known. Confirm to the sender after this."""
        found: int | None = await self._db.fetchval(_ADD, source, external_id, body)
        return found

    async def open(
        self, *, older_than_s: float = 0, limit: int = 100, source_prefix: str = ""
    ) -> list[Event]:
        """Events that nobody has handled, oldest first; those of every source by default."""
        rows = await self._db.fetch(_OPEN, older_than_s, limit, source_prefix)
        return [Event(*row.values()) for row in rows]

    async def handled(self, event_id: int, outcome: str) -> bool:
        """False when somebody else was first."""
        return await self._db.fetchval(_HANDLED, event_id, outcome) is not None

    async def failed(self, event_id: int, outcome: str) -> bool:
        """Count a try; True when that was the last one and the event is set aside."""
        return bool(await self._db.fetchval(_FAILED, event_id, outcome, self._tries_max))
