"""Cards: the one message in a chat that shows how a job is doing, from its price to its answer.

    the job is committed -> the card is sent -> `add`

Dying in between leaves no card, and the answer comes as a message of its own. An answer may also be
quicker than its card: `add` then says so, and whoever sent the card removes it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from storage.pool import Database, Row

_ADD = "select app.add_card($1, $2, $3, $4, $5, $6)"
_OF_JOB = """
select job_id, bot, chat_id, message_id, language, draft_id, created_at, drafted
  from app.card where job_id = $1
"""
_BY_DRAFT = """
select job_id, bot, chat_id, message_id, language, draft_id, created_at, drafted
  from app.card where bot = $1 and chat_id = $2 and draft_id = $3
 order by created_at desc limit 1
"""
_WAITING = """
select c.job_id, c.bot, c.chat_id, c.message_id, c.language, c.draft_id, c.created_at, c.drafted
  from app.card c join work.job j on j.id = c.job_id
 where j.due_at is not null order by c.created_at limit $1
"""
_DRAFTED = "update app.card set drafted = true where job_id = $1 and not drafted"
_DROP = "delete from app.card where job_id = $1"

WAITING_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Card:
    """`bot` is a name from the settings; `draft_id` names the live text of the job in that chat, and
    `drafted` says that one was begun.
    """

    job_id: UUID
    bot: str
    chat_id: int
    message_id: int
    language: str
    draft_id: int
    created_at: datetime
    drafted: bool


class Cards:
    """Every method may raise Unavailable and may then be repeated."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(
        self,
        job_id: UUID,
        bot: str,
        chat_id: int,
        message_id: int,
        language: str,
        draft_id: int,
    ) -> bool:
        """False: the answer is on its way without this card, so its sender should delete the message.

        The card of a job that has one already is replaced.
        """
        kept = await self._db.fetchval(_ADD, job_id, bot, chat_id, message_id, language, draft_id)
        return bool(kept)

    async def of_job(self, job_id: UUID) -> Card | None:
        row = await self._db.fetchrow(_OF_JOB, job_id)
        return _card(row) if row else None

    async def by_draft(self, bot: str, chat_id: int, draft_id: int) -> Card | None:
        """The card whose live text carries this number in this chat."""
        row = await self._db.fetchrow(_BY_DRAFT, bot, chat_id, draft_id)
        return _card(row) if row else None

    async def waiting(self, limit: int = WAITING_MAX) -> list[Card]:
        """Cards of jobs that have not ended, oldest first."""
        return [_card(row) for row in await self._db.fetch(_WAITING, limit)]

    async def note_draft(self, job_id: UUID) -> None:
        """Before a live text is first shown: only a new message takes its place at once."""
        await self._db.execute(_DRAFTED, job_id)

    async def drop(self, job_id: UUID) -> None:
        """The card has become the answer, or is gone."""
        await self._db.execute(_DROP, job_id)


def _card(row: Row) -> Card:
    return Card(*row.values())
