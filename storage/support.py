"""Questions about payments: asked in the chat for nothing, read and answered by a person of the house.

Words on either side are encrypted under the key of who asked. A question is a reply to one of the
messages that are noted here, or words behind the command.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from schemas.errors import Missing, TooMuch
from storage.crypto import CONTENT, Keys
from storage.pool import Database, Row

WORDS_MAX: Final = 4_000
"""Characters of a question, and of an answer."""
OPEN_MAX: Final = 20
"""Questions of one person that may wait."""
MESSAGES_MAX: Final = 200
"""Messages of one person that a reply is looked for at; the oldest go."""

_ASK: Final = """
insert into app.support_question (id, user_id, bot_id, message_id, key_version, words)
select $1, $2, $3, $4, $5, $6
 where (select count(*) from app.support_question q
         where q.user_id = $2 and q.answered_at is null and q.id <> $1) < $7
on conflict (id) do nothing returning id
"""
_IS_THERE: Final = "select exists (select from app.support_question where id = $1)"
_OPEN: Final = """
select id, user_id, bot_id, message_id, words, asked_at, answer, answered_at
  from app.support_question where answered_at is null order by asked_at limit $1
"""
_OF_USER: Final = """
select id, user_id, bot_id, message_id, words, asked_at, answer, answered_at
  from app.support_question where user_id = $1 order by asked_at desc limit $2
"""
_OWNER: Final = "select user_id from app.support_question where id = $1"
_ANSWER: Final = """
update app.support_question
   set answer = $2, answered_by = $3, answered_at = clock_timestamp()
 where id = $1 and answered_at is null returning id
"""
_UNTOLD: Final = """
select id, user_id, bot_id, message_id, words, asked_at, answer, answered_at
  from app.support_question
 where answered_at is not null and told_at is null and bot_id = any ($1)
 order by answered_at limit $2
"""
_TOLD: Final = "update app.support_question set told_at = clock_timestamp() where id = $1"
_NOTE: Final = """
with old as (
  delete from app.support_message m using (
    select bot_id, chat_id, message_id from app.support_message
     where user_id = $4 order by said_at desc offset $5) o
   where (m.bot_id, m.chat_id, m.message_id) = (o.bot_id, o.chat_id, o.message_id))
insert into app.support_message (bot_id, chat_id, message_id, user_id) values ($1, $2, $3, $4)
on conflict do nothing
"""
_IS_OURS: Final = """
select exists (select from app.support_message
                where bot_id = $1 and chat_id = $2 and message_id = $3)
"""


@dataclass(frozen=True, slots=True)
class Question:
    """`message_id` is the person's own message. `answer` is "" while it waits for one."""

    id: UUID
    user_id: int
    bot_id: int
    message_id: int | None
    words: str
    asked_at: datetime
    answer: str
    answered_at: datetime | None


class Support:
    """Every method may raise Unavailable; repeating it is then harmless."""

    def __init__(self, db: Database, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def ask(
        self, question_id: UUID, user_id: int, words: str, *, bot_id: int, message_id: int | None
    ) -> None:
        """Once for an id. Raises TooMuch `support_full` for who has OPEN_MAX that wait."""
        key = await self._keys.of(user_id)
        sealed = key.encrypt(words[:WORDS_MAX].encode(), purpose=CONTENT)
        facts = (question_id, user_id, bot_id, message_id, key.version, sealed, OPEN_MAX)
        if await self._db.fetchval(_ASK, *facts) is None and not await self._db.fetchval(
            _IS_THERE, question_id
        ):
            raise TooMuch("support_full", waiting=OPEN_MAX)

    async def open(self, *, limit: int = 50) -> list[Question]:
        """What waits for an answer, oldest first."""
        return [await self._opened(row) for row in await self._db.fetch(_OPEN, limit)]

    async def of(self, user_id: int, *, limit: int = 1_000) -> list[Question]:
        """One person's, newest first."""
        return [await self._opened(row) for row in await self._db.fetch(_OF_USER, user_id, limit)]

    async def answer(self, question_id: UUID, words: str, *, actor: str) -> bool:
        """False: answered before. Raises Missing when nobody has asked that."""
        user_id = await self._db.fetchval(_OWNER, question_id)
        if user_id is None:
            raise Missing("not_found")
        key = await self._keys.of(user_id)
        sealed = key.encrypt(words[:WORDS_MAX].encode(), purpose=CONTENT)
        return await self._db.fetchval(_ANSWER, question_id, sealed, actor) is not None

    async def untold(self, bots: list[int], *, limit: int = 50) -> list[Question]:
        """Answers that their people have not heard, of these bots."""
        return [await self._opened(row) for row in await self._db.fetch(_UNTOLD, bots, limit)]

    async def told(self, question_id: UUID) -> None:
        await self._db.execute(_TOLD, question_id)

    async def note_message(
        self, user_id: int, *, bot_id: int, chat_id: int, message_id: int
    ) -> None:
        """A reply to this message of ours is a question."""
        await self._db.execute(_NOTE, bot_id, chat_id, message_id, user_id, MESSAGES_MAX)

    async def is_ours(self, *, bot_id: int, chat_id: int, message_id: int) -> bool:
        """Whether it is such a message."""
        return bool(await self._db.fetchval(_IS_OURS, bot_id, chat_id, message_id))

    async def _opened(self, row: Row) -> Question:
        return Question(
            id=row["id"],
            user_id=row["user_id"],
            bot_id=row["bot_id"],
            message_id=row["message_id"],
            words=await self._text(row["user_id"], row["words"]),
            asked_at=row["asked_at"],
            answer=await self._text(row["user_id"], row["answer"]),
            answered_at=row["answered_at"],
        )

    async def _text(self, user_id: int, sealed: bytes | None) -> str:
        if sealed is None:
            return ""
        key = await self._keys.of(user_id)
        return key.decrypt(sealed, purpose=CONTENT).decode()
