"""Wishes: what somebody has asked for and has not said yes to, or cannot pay yet. Not jobs.

A wish holds no credits and no place in a queue. It becomes a job once, under the key `wish-<id>`,
however often its button is tapped.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from schemas.errors import Missing
from schemas.ids import new_id
from schemas.money import App
from storage.crypto import PAYLOAD, Keys
from storage.pool import Database, Row

Why = Literal["confirm", "insufficient", "photo", "document", "channel", "text", "model", "after"]
"""What it waits for: a yes, credits, what to do with a picture, a file or a text, a channel, another
model, or the end of the job before it.
"""

UNPAID_S: Final = 86_400
"""How long a purchase still runs what it was made for."""
KEPT_S: Final = 30 * 86_400

_KEEP = """
insert into app.wish (id, user_id, bot, chat_id, reply_to, app, kind, why, key_version, input,
                      after_job)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (id) do nothing
"""
_GET = """
select id, user_id, bot, chat_id, reply_to, app, kind, why, input, job_id, dropped_at, created_at
  from app.wish where id = $1 and user_id = $2
"""
_UNPAID = """
select id, user_id, bot, chat_id, reply_to, app, kind, why, input, job_id, dropped_at, created_at
  from app.wish
 where user_id = $1 and why = 'insufficient' and job_id is null and dropped_at is null
   and created_at > clock_timestamp() - make_interval(secs => $2)
 order by created_at desc limit 1
"""
_RIPE = """
select w.id, w.user_id, w.bot, w.chat_id, w.reply_to, w.app, w.kind, w.why, w.input, w.job_id,
       w.dropped_at, w.created_at, w.after_job, j.state::text as ended
  from app.wish w join work.job j on j.id = w.after_job
 where w.after_job is not null and w.job_id is null and w.dropped_at is null and j.due_at is null
   and w.why = 'after' and w.bot = any ($1)
   and (w.kind <> 'post.publish' or not exists (
         select 1 from work.delivery d
          where d.job_id = w.after_job and d.state in ('pending', 'sending')))
 order by w.created_at limit $2
"""
_RAN = "update app.wish set job_id = coalesce(job_id, $3) where id = $1 and user_id = $2"
_WAITS = "update app.wish set why = $3 where id = $1 and user_id = $2 and job_id is null"
_DROP = """
update app.wish set dropped_at = clock_timestamp()
 where id = $1 and user_id = $2 and job_id is null and dropped_at is null returning id
"""
_FORGET = "delete from app.wish where created_at < clock_timestamp() - make_interval(secs => $1)"


@dataclass(frozen=True, slots=True)
class Wish:
    """`kind` and `input` are what will be submitted; `kind` is empty while that is still open.

    `job_id`: it has become this job. `reply_to` is the message that asked.
    """

    id: UUID
    user_id: int
    bot: str
    chat_id: int
    reply_to: int | None
    app: App
    kind: str
    input: dict[str, Any]
    why: Why
    job_id: UUID | None
    dropped: bool
    created_at: datetime

    @property
    def key(self) -> str:
        """What its job is submitted under."""
        return f"wish-{self.id}"


@dataclass(frozen=True, slots=True)
class Ripe:
    """A wish whose job before it has ended; for a post, whose answer has been told as well."""

    wish: Wish
    after_job: UUID
    succeeded: bool


class Wishes:
    """Every method may raise Unavailable; repeating it is then harmless."""

    def __init__(self, db: Database, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def keep(  # noqa: PLR0913 (a row's columns, in the order of the table)
        self,
        user_id: int,
        bot: str,
        chat_id: int,
        app: App,
        kind: str,
        input: dict[str, Any],  # noqa: A002 (the word of a job's request)
        why: Why,
        *,
        reply_to: int | None = None,
        wish_id: UUID | None = None,
        after_job: UUID | None = None,
    ) -> UUID:
        """Its id: `wish_id` when given, so that the same update keeps one wish. Raises Missing.

        `after_job` with `why` "after": it runs by itself when that job has succeeded.
        """
        known = wish_id or new_id()
        key = await self._keys.of(user_id)
        sealed = key.encrypt(json.dumps(input).encode(), purpose=PAYLOAD)
        await self._db.execute(
            _KEEP,
            known,
            user_id,
            bot,
            chat_id,
            reply_to,
            app.number,
            kind,
            why,
            key.version,
            sealed,
            after_job,
        )
        return known

    async def get(self, user_id: int, wish_id: UUID) -> Wish:
        """Raises Missing, for another person's wish too."""
        row = await self._db.fetchrow(_GET, wish_id, user_id)
        if row is None:
            raise Missing("not_found")
        return await self._opened(row)

    async def latest_unpaid(self, user_id: int) -> Wish | None:
        """The newest wish of the last day that only credits were missing for."""
        row = await self._db.fetchrow(_UNPAID, user_id, UNPAID_S)
        return None if row is None else await self._opened(row)

    async def ripe(self, bots: Sequence[str], *, limit: int = 100) -> list[Ripe]:
        """Wishes of these bots whose turn has come, oldest first."""
        rows = await self._db.fetch(_RIPE, list(bots), limit)
        return [
            Ripe(await self._opened(row), row["after_job"], succeeded=row["ended"] == "succeeded")
            for row in rows
        ]

    async def ran(self, user_id: int, wish_id: UUID, *, job_id: UUID) -> None:
        """It has become this job. The first one stays."""
        await self._db.execute(_RAN, wish_id, user_id, job_id)

    async def waits(self, user_id: int, wish_id: UUID, *, why: Why) -> None:
        """It waits for something else now."""
        await self._db.execute(_WAITS, wish_id, user_id, why)

    async def drop(self, user_id: int, wish_id: UUID) -> bool:
        """Not wanted any more. False when it has run or was dropped before."""
        return await self._db.fetchval(_DROP, wish_id, user_id) is not None

    async def forget(self, *, older_than_s: float = KEPT_S) -> None:
        await self._db.execute(_FORGET, older_than_s)

    async def _opened(self, row: Row) -> Wish:
        key = await self._keys.of(row["user_id"])
        return Wish(
            id=row["id"],
            user_id=row["user_id"],
            bot=row["bot"],
            chat_id=row["chat_id"],
            reply_to=row["reply_to"],
            app=App.from_number(row["app"]),
            kind=row["kind"],
            input=json.loads(key.decrypt(row["input"], purpose=PAYLOAD)),
            why=row["why"],
            job_id=row["job_id"],
            dropped=row["dropped_at"] is not None,
            created_at=row["created_at"],
        )
