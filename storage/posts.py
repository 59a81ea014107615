"""The post of a `post.publish` job: one row, written before anything leaves, so that it appears once.

What nobody can know (a send without an answer, a process that died in it) becomes `uncertain`: it is
never sent again by itself, and its owner says whether it is there.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from schemas.targets import ChannelTarget
from storage.pool import Database

_BEGIN = "select * from work.begin_post($1, $2, $3, $4)"
_NOTE = "select work.note_post($1, $2, $3, $4)"
_LEAVE = "select work.leave_post($1, $2, $3, $4)"
_SETTLE = "select * from work.settle_post($1)"
_SETTLE_ALL = "select work.settle_posts(null)"
_RESOLVE = "select work.resolve_post($1, $2, $3)"


@dataclass(frozen=True, slots=True)
class Post:
    """`code`: ok (send what comes after `parts`), sent, uncertain, gone, lost. `id` is None when lost."""

    code: str
    id: int | None
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PostState:
    """`state` as of a delivery; `message_ref` is `chat:message,message`."""

    state: str
    message_ref: str | None


class Posts:
    """Every method may raise Unavailable; asked again with the same arguments it answers the same."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, job_id: UUID, attempt: int, target: ChannelTarget, *, total: int) -> Post:
        """Before the first of `total` messages leaves. Anything but `ok` sends nothing."""
        row = await self._db.one(_BEGIN, job_id, attempt, target.encode(), total)
        return Post(row["code"], row["id"], tuple(row["parts"] or ()))

    async def note(self, post_id: int, attempt: int, message_id: int, message_ref: str) -> bool:
        """This message is there. False: send no more."""
        return bool(await self._db.fetchval(_NOTE, post_id, attempt, message_id, message_ref))

    async def leave(
        self,
        post_id: int,
        attempt: int,
        state: Literal["pending", "undeliverable", "uncertain"],
        reason: str,
    ) -> bool:
        """Telegram refused for now, refused, or did not say."""
        return bool(await self._db.fetchval(_LEAVE, post_id, attempt, state, reason))

    async def settle(self, job_id: UUID) -> PostState | None:
        """How the post of an ended job stands; None when nothing was ever about to be sent."""
        row = await self._db.fetchrow(_SETTLE, job_id)
        return PostState(row["state"], row["message_ref"]) if row else None

    async def settle_all(self) -> int:
        """How many posts their job had left in the middle of a send."""
        return int(await self._db.fetchval(_SETTLE_ALL))

    async def resolve(
        self, job_id: UUID, user_id: int, *, there: bool
    ) -> Literal["done", "again", "missing"]:
        """Its owner has looked. `again`: submit the job once more with `replay_of`, under the key
        `again-<job id>`: it sends only what is missing.
        """
        code: Literal["done", "again", "missing"] = await self._db.fetchval(
            _RESOLVE, job_id, user_id, there
        )
        return code
