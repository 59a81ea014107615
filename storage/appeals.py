"""Appeals: somebody does not agree that a request was blocked, and a person of the house answers.

Words on either side are encrypted under the key of who appealed; class and score are plain.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast
from uuid import UUID

from schemas.errors import Missing
from storage.crypto import CONTENT, Keys
from storage.pool import Database, Row

Verdict = Literal["agreed", "declined"]

WORD_MAX: Final = 1_000
"""Characters of what a person, or the house, may add."""

_MAKE: Final = "select app.appeal_against($1, $2, $3, $4)"
_LATEST: Final = """
select job_id from app.appeal
 where user_id = $1 and verdict is null and word is null order by made_at desc limit 1
"""
_ADD: Final = """
update app.appeal set word = $3, key_version = $4
 where job_id = $1 and user_id = $2 and verdict is null and word is null returning job_id
"""
_OPEN: Final = """
select job_id, user_id, bot_id, class, score, word, verdict, note, made_at from app.appeal
 where verdict is null order by made_at limit $1
"""
_OF_USER: Final = """
select job_id, user_id, bot_id, class, score, word, verdict, note, made_at from app.appeal
 where user_id = $1 order by made_at desc limit $2
"""
_OF_JOB: Final = """
select job_id, user_id, bot_id, class, score, word, verdict, note, made_at from app.appeal
 where job_id = $1
"""
_ANSWER: Final = """
update app.appeal
   set verdict = $2, note = $3, answered_by = $4, answered_at = clock_timestamp()
 where job_id = $1 and verdict is null returning job_id
"""
_UNTOLD: Final = """
select job_id, user_id, bot_id, class, score, word, verdict, note, made_at from app.appeal
 where answered_at is not null and told_at is null and bot_id = any ($1)
 order by answered_at limit $2
"""
_TOLD: Final = "update app.appeal set told_at = clock_timestamp() where job_id = $1"


@dataclass(frozen=True, slots=True)
class Appeal:
    """`word` is the person's, `note` the house's; "" for none. `verdict` None: not answered yet."""

    job_id: UUID
    user_id: int
    bot_id: int
    class_: str
    score: float
    word: str
    verdict: Verdict | None
    note: str
    made_at: datetime


class Appeals:
    """Every method may raise Unavailable; repeating it is then harmless."""

    def __init__(self, db: Database, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def make(self, user_id: int, job_id: UUID, *, bot_id: int) -> bool:
        """False: made before. Raises Missing for a job that is not theirs or was not blocked."""
        key = await self._keys.of(user_id)
        code = await self._db.fetchval(_MAKE, job_id, user_id, bot_id, key.version)
        if code == "missing":
            raise Missing("not_found")
        return bool(code == "ok")

    async def add_word(self, user_id: int, word: str) -> bool:
        """To the newest open appeal that has none; False when there is no such appeal."""
        job_id = await self._db.fetchval(_LATEST, user_id)
        if job_id is None:
            return False
        key = await self._keys.of(user_id)
        sealed = key.encrypt(word[:WORD_MAX].encode(), purpose=CONTENT)
        added = await self._db.fetchval(_ADD, job_id, user_id, sealed, key.version)
        return added is not None

    async def open(self, *, limit: int = 50) -> list[Appeal]:
        """What waits for an answer, oldest first."""
        return [await self._opened(row) for row in await self._db.fetch(_OPEN, limit)]

    async def of(self, user_id: int, *, limit: int = 1_000) -> list[Appeal]:
        """One person's, newest first."""
        return [await self._opened(row) for row in await self._db.fetch(_OF_USER, user_id, limit)]

    async def answer(self, job_id: UUID, verdict: Verdict, *, note: str, actor: str) -> bool:
        """False: answered before. Raises Missing when nobody has appealed."""
        row = await self._db.fetchrow(_OF_JOB, job_id)
        if row is None:
            raise Missing("not_found")
        sealed = None
        if note:
            key = await self._keys.of(row["user_id"])
            sealed = key.encrypt(note[:WORD_MAX].encode(), purpose=CONTENT)
        return await self._db.fetchval(_ANSWER, job_id, verdict, sealed, actor) is not None

    async def untold(self, bots: list[int], *, limit: int = 50) -> list[Appeal]:
        """Answers that their people have not heard, of these bots."""
        return [await self._opened(row) for row in await self._db.fetch(_UNTOLD, bots, limit)]

    async def told(self, job_id: UUID) -> None:
        await self._db.execute(_TOLD, job_id)

    async def _opened(self, row: Row) -> Appeal:
        return Appeal(
            job_id=row["job_id"],
            user_id=row["user_id"],
            bot_id=row["bot_id"],
            class_=row["class"],
            score=row["score"],
            word=await self._text(row["user_id"], row["word"]),
            verdict=cast("Verdict | None", row["verdict"]),
            note=await self._text(row["user_id"], row["note"]),
            made_at=row["made_at"],
        )

    async def _text(self, user_id: int, sealed: bytes | None) -> str:
        if sealed is None:
            return ""
        key = await self._keys.of(user_id)
        return key.decrypt(sealed, purpose=CONTENT).decode()
