"""Wishes: what somebody has asked for and has not said yes to, or cannot pay yet. Not jobs.

A wish holds no credits and no place in a queue. It becomes a job once, under a key of its own, however
often its button is tapped. Several may stand for one request (the same by another model): they share the
key that it was asked under, so one of them becomes a job, and then the others are dropped.
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

Why = Literal[
    "confirm", "insufficient", "photo", "document", "channel", "text", "model", "plain", "after"
]
"""What it waits for: a yes, credits, what to do with a picture, a file or a text, a channel, another
model, a yes to a prompt as it is, or the end of the job before it.
"""

UNPAID_S: Final = 86_400
"""How long a purchase still runs what it was made for; people are told so."""
UNPAID_MAX: Final = 100
KEPT_S: Final = 30 * 86_400

_KEEP = """
insert into app.wish (id, user_id, bot, chat_id, reply_to, app, kind, why, key_version, input,
                      after_job, key)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (id) do nothing
"""
_GET = """
select id, user_id, bot, chat_id, reply_to, app, kind, why, input, job_id, dropped_at, created_at,
       key
  from app.wish where id = $1 and user_id = $2
"""
_UNPAID = """
select id, user_id, bot, chat_id, reply_to, app, kind, why, input, job_id, dropped_at, created_at,
       key
  from app.wish
 where user_id = $1 and why = 'insufficient' and job_id is null and dropped_at is null
   and created_at > clock_timestamp() - make_interval(secs => $2)
 order by created_at, id limit $3
"""
_RIPE = """
select w.id, w.user_id, w.bot, w.chat_id, w.reply_to, w.app, w.kind, w.why, w.input, w.job_id,
       w.dropped_at, w.created_at, w.key, w.after_job,
       j.state = 'succeeded' and j.cancel_requested_at is null as succeeded
  from app.wish w join work.job j on j.id = w.after_job
 where w.after_job is not null and w.job_id is null and w.dropped_at is null and j.due_at is null
   and w.why = 'after' and w.bot = any ($1)
   and (w.taken_until is null or w.taken_until < clock_timestamp())
   and (w.kind <> 'post.publish' or not exists (
         select 1 from work.delivery d
          where d.job_id = w.after_job and d.state in ('pending', 'sending')))
 order by w.created_at limit $2
"""
_RAN = """
with ran as (
  update app.wish set job_id = coalesce(job_id, $3) where id = $1 and user_id = $2 returning key)
update app.wish w set dropped_at = clock_timestamp() from ran
 where w.user_id = $2 and w.key = ran.key and w.id <> $1 and w.job_id is null
   and w.dropped_at is null
"""
_WAITS = """
with waits as (
  update app.wish set why = $3, created_at = clock_timestamp()
   where id = $1 and user_id = $2 and job_id is null and why <> $3 returning key)
update app.wish w set dropped_at = clock_timestamp() from waits
 where w.user_id = $2 and w.key = waits.key and w.id <> $1 and w.why = $3 and w.job_id is null
   and w.dropped_at is null
"""
_DROP = """
with gone as (
  update app.wish set dropped_at = clock_timestamp()
   where id = $1 and user_id = $2 and job_id is null and dropped_at is null returning id, key),
others as (
  update app.wish w set dropped_at = clock_timestamp() from gone
   where w.user_id = $2 and w.key = gone.key and w.id <> gone.id and w.job_id is null
     and w.dropped_at is null)
select id from gone
"""
_TAKE = """
update app.wish set taken_until = clock_timestamp() + make_interval(secs => $2)
 where id = $1 and job_id is null and dropped_at is null
   and (taken_until is null or taken_until < clock_timestamp())
returning taken_until
"""
_PUT_OFF = """
update app.wish set taken_until = clock_timestamp() + make_interval(secs => $3)
 where id = $1 and taken_until = $2
"""
_FORGET = "delete from app.wish where created_at < clock_timestamp() - make_interval(secs => $1)"


@dataclass(frozen=True, slots=True)
class Wish:
    """`kind` and `input` are what will be submitted; `kind` is empty while that is still open.

    `job_id`: it has become this job. `reply_to` is the message that asked. `request` is the key that
    it was asked under, "" for a wish that is a request of its own.
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
    request: str = ""

    @property
    def key(self) -> str:
        """What its job is submitted under."""
        return self.request or f"wish-{self.id}"


@dataclass(frozen=True, slots=True)
class Ripe:
    """A wish whose job before it has ended; for a post, whose answer has been told as well.

    `succeeded`: wholly. A text that was stopped has a result, and nobody who waits for what follows.
    """

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
        request: str = "",
    ) -> UUID:
        """Its id: `wish_id` when given, so that the same update keeps one wish. Raises Missing.

        `after_job` with `why` "after": it runs by itself when that job has succeeded. `request`: the key
        that it was asked under, if it stands for a request that was.
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
            request or None,
        )
        return known

    async def get(self, user_id: int, wish_id: UUID) -> Wish:
        """Raises Missing, for another person's wish too."""
        row = await self._db.fetchrow(_GET, wish_id, user_id)
        if row is None:
            raise Missing("not_found")
        return await self._opened(row)

    async def unpaid(self, user_id: int, *, limit: int = UNPAID_MAX) -> list[Wish]:
        """The wishes of the last day that only credits are missing for, oldest first."""
        rows = await self._db.fetch(_UNPAID, user_id, UNPAID_S, limit)
        return [await self._opened(row) for row in rows]

    async def ripe(self, bots: Sequence[str], *, limit: int = 100) -> list[Ripe]:
        """Wishes of these bots whose turn has come and that nobody follows now, oldest first."""
        rows = await self._db.fetch(_RIPE, list(bots), limit)
        return [
            Ripe(await self._opened(row), row["after_job"], succeeded=row["succeeded"])
            for row in rows
        ]

    async def ran(self, user_id: int, wish_id: UUID, *, job_id: UUID) -> None:
        """It, and whatever else stood for the same request, has become this job. The first one stays."""
        await self._db.execute(_RAN, wish_id, user_id, job_id)

    async def waits(self, user_id: int, wish_id: UUID, *, why: Why) -> None:
        """It waits for something else now, in place of what waited for that on the same request."""
        await self._db.execute(_WAITS, wish_id, user_id, why)

    async def drop(self, user_id: int, wish_id: UUID) -> bool:
        """The request is not wanted any more. False when it has run or was dropped before."""
        return await self._db.fetchval(_DROP, wish_id, user_id) is not None

    async def take(self, wish_id: UUID, *, lease_s: float) -> datetime | None:
        """For who is going to follow it, and may speak: nobody else does until then. None: it is taken."""
        found: datetime | None = await self._db.fetchval(_TAKE, wish_id, lease_s)
        return found

    async def put_off(self, wish_id: UUID, taken_until: datetime, *, delay_s: float) -> None:
        """Its turn comes again after `delay_s`, if it still waits then."""
        await self._db.execute(_PUT_OFF, wish_id, taken_until, delay_s)

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
            request=row["key"] or "",
        )
