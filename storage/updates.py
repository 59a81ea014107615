"""Updates of Telegram: a row before they are confirmed, then handled once, in their person's order.

An update waits while an earlier one of the same person is open; a lease keeps it to one process and a
token fences what that process writes. What cannot be handled is set aside with its body, to be looked
at and replayed; a handled one keeps no body.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from schemas.errors import Missing
from storage.crypto import DataKey
from storage.pool import Database, Row, columns

SOURCE_PREFIX: Final = "tg:"
TRIES_MAX: Final = 5
BODY: Final = "update"
SET_ASIDE: Final = "set_aside"
_PURPOSE: Final = b"leyden/updates"

_ADD = """
insert into app.inbox (source, external_id, body, who, number, album, urgent)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], $6::text[],
                     $7::boolean[])
on conflict (source, external_id) do nothing returning id
"""
_CLAIM = """
select id, source, external_id, body, who, number, album, received_at, tries
  from app.claim_updates($1, $2, $3, $4, $5) order by received_at, number
"""
_RENEW = """
update app.inbox set lease_until = clock_timestamp() + make_interval(secs => $2)
 where lease_token = $1 and handled_at is null
"""
_ALBUM = """
select id, source, external_id, body, who, number, album, received_at, tries from app.inbox
 where source = $1 and who = $2 and album = $3 and handled_at is null order by number
"""
_HANDLED = """
update app.inbox set handled_at = clock_timestamp(), outcome = $3, body = ''::bytea,
       lease_token = null, lease_until = null
 where id = any ($1) and handled_at is null and (lease_token = $2 or lease_token is null)
returning id
"""
_LATER = """
update app.inbox set due_at = clock_timestamp() + make_interval(secs => $3), lease_token = null,
       lease_until = null where id = $1 and lease_token = $2 and handled_at is null
"""
_FAILED = """
update app.inbox set tries = tries + 1, lease_token = null, lease_until = null,
       due_at = clock_timestamp() + make_interval(secs => $5),
       outcome = case when tries + 1 >= $4 then $3 end,
       handled_at = case when tries + 1 >= $4 then clock_timestamp() end
 where id = $1 and lease_token = $2 and handled_at is null
returning handled_at is not null as set_aside
"""
_TOLD = """
update app.inbox i set told_at = clock_timestamp()
 where i.id = $1 and i.told_at is null and not exists (
       select 1 from app.inbox o where o.source = i.source and o.who = i.who and o.album = i.album
                                   and o.told_at is not null)
returning i.id
"""
_GIVE_BACK = """
update app.inbox set lease_token = null, lease_until = null
 where lease_token = $1 and handled_at is null
"""
_ASIDE = """
select id, source, external_id, who, tries, outcome, received_at, handled_at from app.inbox
 where starts_with(source, 'tg:') and starts_with(outcome, 'set_aside') and octet_length(body) > 0
   and ($1::bigint[] is null or id = any ($1))
 order by id desc limit $2
"""
_REPLAY = """
update app.inbox set handled_at = null, outcome = null, tries = 0, due_at = null
 where id = any ($1) and starts_with(source, 'tg:') and starts_with(outcome, 'set_aside')
   and octet_length(body) > 0
returning id
"""
_POLLER = """
insert into app.poller (bot_id, holder, until)
values ($1, $2, clock_timestamp() + make_interval(secs => $3))
on conflict (bot_id) do update set holder = excluded.holder, until = excluded.until
 where poller.holder = excluded.holder or poller.until < clock_timestamp()
returning bot_id
"""
_LEAVE = "delete from app.poller where bot_id = $1 and holder = $2"


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """One update as it came. `who`: the person, else the chat; None when that cannot be read."""

    bot_id: int
    external_id: str
    body: bytes
    who: int | None = None
    number: int = 0
    album: str | None = None
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    id: int
    bot_id: int
    external_id: str
    body: bytes
    who: int | None
    number: int
    album: str | None
    received_at: datetime
    tries: int


@dataclass(frozen=True, slots=True)
class AsideLine:
    """An update that was set aside, without what it says."""

    id: int
    source: str
    external_id: str
    who: int | None
    tries: int
    outcome: str
    received_at: datetime
    handled_at: datetime


class Updates:
    """Every method may raise Unavailable. `token` is the claim under which an update was taken."""

    def __init__(self, db: Database, master_key: bytes, *, tries_max: int = TRIES_MAX) -> None:
        """Bodies are sealed by a key derived from the master key: who sent them is not known yet."""
        self._db = db
        self._key = DataKey.of(0, hmac.digest(master_key, _PURPOSE, hashlib.sha256))
        self._tries_max = tries_max

    async def add(self, updates: Sequence[NewUpdate]) -> int:
        """How many were new. All of them are kept when this returns: confirm to Telegram then."""
        if not updates:
            return 0
        rows = await self._db.fetch(_ADD, *columns([self._values(each) for each in updates]))
        return len(rows)

    async def claim(
        self,
        bot_ids: Sequence[int],
        token: UUID,
        *,
        lease_s: float,
        limit: int,
        urgent: bool = False,
    ) -> list[Update]:
        """The next updates of these bots, ours for `lease_s`, oldest first."""
        sources = [source_of(bot_id) for bot_id in bot_ids]
        rows = await self._db.fetch(_CLAIM, sources, urgent, token, lease_s, limit)
        return [self._update(row) for row in rows]

    async def renew(self, token: UUID, *, lease_s: float) -> None:
        """Every update that is held under this token."""
        await self._db.execute(_RENEW, token, lease_s)

    async def album(self, update: Update) -> list[Update]:
        """All open updates of its album, in order, itself among them."""
        rows = await self._db.fetch(_ALBUM, source_of(update.bot_id), update.who, update.album)
        return [self._update(row) for row in rows]

    async def handled(self, updates: Sequence[Update], token: UUID, outcome: str) -> bool:
        """Done with: the bodies go. False when another process has taken the first of them."""
        ids = [update.id for update in updates]
        done = await self._db.fetch(_HANDLED, ids, token, outcome)
        return ids[0] in {row["id"] for row in done}

    async def later(self, update: Update, token: UUID, *, delay_s: float) -> None:
        """Again after `delay_s`, without counting a try: what it needs is not there now."""
        await self._db.execute(_LATER, update.id, token, delay_s)

    async def failed(
        self, update: Update, token: UUID, reason: str, *, delay_s: float, final: bool = False
    ) -> bool:
        """Count a try; True when it was the last one, or `final`, and the update is set aside."""
        tries_max = 1 if final else self._tries_max
        outcome = f"{SET_ASIDE}:{reason}"
        return bool(await self._db.fetchval(_FAILED, update.id, token, outcome, tries_max, delay_s))

    async def note_told(self, update: Update) -> bool:
        """Before its person is told that it was set aside; True once an update, and once an album."""
        return await self._db.fetchval(_TOLD, update.id) is not None

    async def give_back(self, token: UUID) -> None:
        """All that is still held under this token, at once."""
        await self._db.execute(_GIVE_BACK, token)

    async def aside(self, *, ids: Sequence[int] = (), limit: int = 100) -> list[AsideLine]:
        """Updates that were set aside, newest first."""
        rows = await self._db.fetch(_ASIDE, list(ids) or None, limit)
        return [AsideLine(*row.values()) for row in rows]

    async def replay(self, ids: Sequence[int]) -> list[int]:
        """Open these again. Raises Missing when one of them is not set aside."""
        done = {row["id"] for row in await self._db.fetch(_REPLAY, list(ids))}
        if missing := set(ids) - done:
            raise Missing("not_found", updates=sorted(missing))
        return sorted(done)

    async def lead(self, bot_id: int, holder: UUID, *, lease_s: float) -> bool:
        """Whether `holder` is the one who asks Telegram for this bot's updates, for `lease_s`."""
        return await self._db.fetchval(_POLLER, bot_id, holder, lease_s) is not None

    async def leave(self, bot_id: int, holder: UUID) -> None:
        """Somebody else may ask from now on."""
        await self._db.execute(_LEAVE, bot_id, holder)

    def _values(self, update: NewUpdate) -> list[Any]:
        return [
            source_of(update.bot_id),
            update.external_id,
            self._key.encrypt(update.body, purpose=BODY),
            update.who,
            update.number,
            update.album,
            update.urgent,
        ]

    def _update(self, row: Row) -> Update:
        return Update(
            id=row["id"],
            bot_id=int(row["source"].removeprefix(SOURCE_PREFIX)),
            external_id=row["external_id"],
            body=bytes(row["body"]),
            who=row["who"],
            number=row["number"],
            album=row["album"],
            received_at=row["received_at"],
            tries=row["tries"],
        )

    def opened(self, update: Update) -> bytes:
        """What came. Raises Unreadable: sealed under another master key, or damaged."""
        return self._key.decrypt(update.body, purpose=BODY)


def source_of(bot_id: int) -> str:
    return f"{SOURCE_PREFIX}{bot_id}"
