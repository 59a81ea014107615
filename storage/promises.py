"""Bonuses that are promised and held back: an invited newcomer's, and the one for joining our channel.

A promise is made once for an account and kept when its person has bought something or has paid for so
many jobs. What is given is the ledger's part, under ids of its own; here is only who waits for what.
"""

import secrets
from dataclasses import dataclass
from typing import Final, Literal, cast

from storage.pool import Database

PromiseName = Literal["referral", "joined"]

NEW_S: Final = 3_600.0
"""How old an account may be that comes by an invitation."""
LOOK_MAX: Final = 500
_CODE_SIZE_BYTES: Final = 9

_CODE: Final = """
insert into app.invitation (user_id, code) values ($1, $2)
on conflict (user_id) do update set code = invitation.code returning code
"""
_BIND: Final = "select app.bind_referral($1, $2, $3, $4, $5)"
_INVITED: Final = """
select count(*) as bound, count(given_at) as given from app.promise where inviter = $1
"""
_JOIN: Final = """
insert into app.promise (user_id, name, bot_id)
select id, 'joined', $2::bigint from app.user_account where id = $1 and status = 'active' and not returned
on conflict (user_id, name) do nothing returning user_id
"""
_LOOK: Final = "select user_id, name, inviter, bot_id, due from app.look_at_promises($1, $2, $3)"
_KEPT: Final = """
update app.promise set given_at = clock_timestamp()
 where user_id = $1 and name = $2 and given_at is null returning user_id
"""


@dataclass(frozen=True, slots=True)
class Promise:
    """`inviter` is set for a referral."""

    user_id: int
    name: PromiseName
    inviter: int | None
    bot_id: int


@dataclass(frozen=True, slots=True)
class Invited:
    """How many came by somebody's invitation, and for how many of them the bonus was given."""

    bound: int
    given: int


class Promises:
    """Every method may raise Unavailable; repeating it is then harmless."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def code(self, user_id: int) -> str:
        """The word of this person's invitations: 12 letters, digits, `-` and `_`, always the same."""
        mine: str = await self._db.fetchval(_CODE, user_id, secrets.token_urlsafe(_CODE_SIZE_BYTES))
        return mine

    async def bind(self, user_id: int, code: str, *, bot_id: int, per_inviter_max: int) -> str:
        """`ok`, `unknown`, `self`, `known` (bound before), `old` (no newcomer), `full`."""
        bound: str = await self._db.fetchval(_BIND, user_id, code, bot_id, NEW_S, per_inviter_max)
        return bound

    async def invited(self, user_id: int) -> Invited:
        return Invited(*(await self._db.one(_INVITED, user_id)).values())

    async def join(self, user_id: int, *, bot_id: int) -> bool:
        """False: promised before, or somebody who was erased and came back."""
        return await self._db.fetchval(_JOIN, user_id, bot_id) is not None

    async def due(self, *, jobs_referral: int, jobs_joined: int) -> list[Promise]:
        """Of those that were looked at longest ago, the ones to be kept now."""
        rows = await self._db.fetch(_LOOK, jobs_referral, jobs_joined, LOOK_MAX)
        return [
            Promise(row["user_id"], cast("PromiseName", row["name"]), row["inviter"], row["bot_id"])
            for row in rows
            if row["due"]
        ]

    async def kept(self, promise: Promise) -> bool:
        """Whether this call was the one that ended it: then its people are told."""
        return await self._db.fetchval(_KEPT, promise.user_id, promise.name) is not None
