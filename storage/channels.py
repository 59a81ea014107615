"""Channels that people have linked for posting. A link is a claim, checked again before each post."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.errors import Missing
from storage.pool import Database, Row

_LINK = """
insert into app.channel (user_id, bot, chat_id, title, username) values ($1, $2, $3, $4, $5)
on conflict (user_id, bot, chat_id) do update
   set title = excluded.title, username = excluded.username, state = 'linked', reason = null,
       checked_at = clock_timestamp()
returning id, user_id, bot, chat_id, title, username, state, reason, checked_at
"""
_LIST = """
select id, user_id, bot, chat_id, title, username, state, reason, checked_at
  from app.channel where user_id = $1 order by title, id
"""
_BY_ID = """
select id, user_id, bot, chat_id, title, username, state, reason, checked_at
  from app.channel where user_id = $1 and id = $2
"""
_BY_NAME = """
select id, user_id, bot, chat_id, title, username, state, reason, checked_at
  from app.channel where user_id = $1 and lower(username) = lower($2) order by id limit 1
"""
_IN_CHAT = """
select id, user_id, bot, chat_id, title, username, state, reason, checked_at
  from app.channel where bot = $1 and chat_id = $2 order by id
"""
_CHECKED = """
update app.channel set title = $3, username = $4, checked_at = clock_timestamp()
 where user_id = $1 and id = $2
"""
_DISABLE = """
update app.channel set state = 'disabled', reason = $3, checked_at = clock_timestamp()
 where bot = $1 and chat_id = $2 and state = 'linked' and ($4::bigint is null or user_id = $4)
returning id, user_id, bot, chat_id, title, username, state, reason, checked_at
"""
_FORGET = "delete from app.channel where user_id = $1 and id = $2 returning id"

ID_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Channel:
    """`state`: linked or disabled (then `reason`: bot_removed, bot_no_rights, owner_no_rights).
    `username` without `@`, None for a private channel. `id` is what a payload names.
    """

    id: int
    user_id: int
    bot: str
    chat_id: int
    title: str
    username: str | None
    state: str
    reason: str | None
    checked_at: datetime

    @property
    def linked(self) -> bool:
        return self.state == "linked"


class Channels:
    """Every method may raise Unavailable and may then be repeated."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def link(
        self, user_id: int, bot: str, chat_id: int, *, title: str, username: str | None
    ) -> Channel:
        """Link it, or link it again. The caller has asked Telegram for the rights of both."""
        row = await self._db.one(_LINK, user_id, bot, chat_id, title, username)
        return _channel(row)

    async def of(self, user_id: int, name: str) -> Channel:
        """By the id of its link, or by `@username`. Raises Missing `channel_not_linked`."""
        row = None
        if name.startswith("@"):
            row = await self._db.fetchrow(_BY_NAME, user_id, name[1:])
        elif name.isascii() and name.isdigit() and int(name) <= ID_MAX:
            row = await self._db.fetchrow(_BY_ID, user_id, int(name))
        if row is None:
            raise Missing("channel_not_linked")
        return _channel(row)

    async def in_chat(self, bot: str, chat_id: int) -> list[Channel]:
        """Every link of one channel: for who hears that the rights there have changed."""
        return [_channel(row) for row in await self._db.fetch(_IN_CHAT, bot, chat_id)]

    async def checked(self, channel: Channel, *, title: str, username: str | None) -> None:
        """The rights are still there; what it is called now."""
        await self._db.execute(_CHECKED, channel.user_id, channel.id, title, username)

    async def disable(
        self, bot: str, chat_id: int, reason: str, *, user_id: int | None = None
    ) -> list[Channel]:
        """The links that ended by this: all of the channel, or one person's. Each is told once."""
        rows = await self._db.fetch(_DISABLE, bot, chat_id, reason, user_id)
        return [_channel(row) for row in rows]

    async def forget(self, user_id: int, channel_id: int) -> None:
        """The person wants no link any more. Raises Missing `channel_not_linked`."""
        if await self._db.fetchval(_FORGET, user_id, channel_id) is None:
            raise Missing("channel_not_linked")

    async def list(self, user_id: int) -> list[Channel]:
        """All of this person, disabled ones too, by title."""
        return [_channel(row) for row in await self._db.fetch(_LIST, user_id)]


def _channel(row: Row) -> Channel:
    return Channel(*row.values())
