"""Conversations with a bot: what a person said, in order, and what a plain text means there.

An answer is not stored again: it is the result of the job that the question became, so a conversation
forgets with the jobs.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from schemas.results import TextResult, parse_result
from storage.crypto import CONTENT, RESULT, Keys
from storage.pool import Database

TURNS_MAX: Final = 40
"""Turns that are looked at; how many of them are told to a model is decided by their length."""
KEPT_S: Final = 90 * 86_400

_MODE = """
select case when ended_by = $4 then ended else mode end from app.talk
 where user_id = $1 and bot = $2 and chat_id = $3
"""
_SET_MODE = """
insert into app.talk (user_id, bot, chat_id, mode) values ($1, $2, $3, $4)
on conflict (user_id, bot, chat_id) do update set mode = excluded.mode
"""
_END_MODE = """
update app.talk set ended = mode, ended_by = $4, mode = ''
 where user_id = $1 and bot = $2 and chat_id = $3 and ended_by is distinct from $4
"""
_BEGIN = """
insert into app.talk (user_id, bot, chat_id) values ($1, $2, $3)
on conflict (user_id, bot, chat_id) do update set began_at = clock_timestamp()
"""
_SAY = """
insert into app.talk_turn (job_id, user_id, bot, chat_id, key_version, said)
values ($1, $2, $3, $4, $5, $6) on conflict (job_id) do nothing
"""
_TURNS = """
select t.job_id, t.said, t.said_at, j.result
  from app.talk_turn t left join work.job j on j.id = t.job_id
 where t.user_id = $1 and t.bot = $2 and t.chat_id = $3
   and t.said_at >= coalesce((select began_at from app.talk k
         where k.user_id = $1 and k.bot = $2 and k.chat_id = $3), '-infinity')
 order by t.said_at desc, t.job_id desc limit $4
"""
_FORGET = "delete from app.talk_turn where said_at < clock_timestamp() - make_interval(secs => $1)"


@dataclass(frozen=True, slots=True)
class Turn:
    """`answered` is None while the job runs, and when it failed or was forgotten."""

    job_id: UUID
    said: str
    answered: str | None
    said_at: datetime


class Talks:
    """Every method may raise Unavailable; repeating it is then harmless."""

    def __init__(self, db: Database, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def mode(self, user_id: int, bot: str, chat_id: int, *, update_key: str) -> str:
        """What a plain text means here; empty unless somebody chose.

        For the update that has ended a mode it is that one still: it may be handled again.
        """
        return await self._db.fetchval(_MODE, user_id, bot, chat_id, update_key) or ""

    async def set_mode(self, user_id: int, bot: str, chat_id: int, *, mode: str) -> None:
        await self._db.execute(_SET_MODE, user_id, bot, chat_id, mode)

    async def end_mode(self, user_id: int, bot: str, chat_id: int, *, update_key: str) -> None:
        """This update was what the mode waited for."""
        await self._db.execute(_END_MODE, user_id, bot, chat_id, update_key)

    async def begin(self, user_id: int, bot: str, chat_id: int) -> None:
        """A new conversation: what was said before is not told to a model any more."""
        await self._db.execute(_BEGIN, user_id, bot, chat_id)

    async def say(self, user_id: int, bot: str, chat_id: int, *, job_id: UUID, said: str) -> None:
        """The question that this job answers; once a job."""
        key = await self._keys.of(user_id)
        sealed = key.encrypt(said.encode(), purpose=CONTENT)
        await self._db.execute(_SAY, job_id, user_id, bot, chat_id, key.version, sealed)

    async def turns(
        self, user_id: int, bot: str, chat_id: int, *, limit: int = TURNS_MAX
    ) -> list[Turn]:
        """The current conversation, newest first."""
        rows = await self._db.fetch(_TURNS, user_id, bot, chat_id, limit)
        if not rows:
            return []
        key = await self._keys.of(user_id)
        turns = []
        for row in rows:
            said = key.decrypt(row["said"], purpose=CONTENT).decode()
            answered = None
            if row["result"] is not None:
                result = parse_result(key.decrypt(row["result"], purpose=RESULT))
                answered = result.text if isinstance(result, TextResult) else None
            turns.append(Turn(row["job_id"], said, answered, row["said_at"]))
        return turns

    async def forget(self, *, older_than_s: float = KEPT_S) -> None:
        await self._db.execute(_FORGET, older_than_s)
