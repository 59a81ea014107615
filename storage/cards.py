"""Cards: the one message in a chat that shows how a job is doing, from its price to its answer.

    the job is committed -> the card is sent -> `add`

Dying in between leaves no card, and the answer comes as a message of its own. An answer may also be
quicker than its card: `add` then says so, and whoever sent the card removes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from storage.pool import Database, Row

_ADD = "select app.add_card($1, $2, $3, $4, $5, $6, $7)"
_OF_JOB = """
select job_id, bot, chat_id, message_id, language, draft_id, created_at, drafted, said
  from app.card where job_id = $1
"""
_BY_DRAFT = """
select job_id, bot, chat_id, message_id, language, draft_id, created_at, drafted, said
  from app.card where bot = $1 and chat_id = $2 and draft_id = $3
 order by created_at desc limit 1
"""
_STALE = """
select job_id, bot, chat_id, message_id, language, draft_id, created_at, drafted, said
  from (select c.*, row_number() over (partition by c.user_id
                                       order by c.looked_at nulls first, c.job_id) as turn
          from app.card c join work.job j on j.id = c.job_id
         where j.due_at is not null and j.state in ('waiting', 'queued')
           and c.created_at < clock_timestamp() - make_interval(secs => $3)) own
 where turn <= $2 order by looked_at nulls first, job_id limit $1
"""
_LOOKED = """
update app.card c set looked_at = clock_timestamp(), said = l.said
  from unnest($1::uuid[], $2::bigint[]) l (job_id, said) where c.job_id = l.job_id
"""
_DRAFTED = "update app.card set drafted = true where job_id = $1 and not drafted"
_DROP = "delete from app.card where job_id = $1"

STALE_MAX: Final = 500
EACH_MAX: Final = 10
"""Cards of one person in a round: who has a thousand of them takes nobody else's turn."""


@dataclass(frozen=True, slots=True)
class Card:
    """`bot` is a name from the settings; `draft_id` names the live text of the job in that chat, and
    `drafted` says that one was begun. `said`: a digest of what it shows, where that is known.
    """

    job_id: UUID
    bot: str
    chat_id: int
    message_id: int
    language: str
    draft_id: int
    created_at: datetime
    drafted: bool
    said: int | None


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
        said: int | None = None,
    ) -> bool:
        """False: the answer is on its way without this card, so its sender should delete the message.

        The card of a job that has one already is replaced.
        """
        told = job_id, bot, chat_id, message_id, language, draft_id, said
        return bool(await self._db.fetchval(_ADD, *told))

    async def of_job(self, job_id: UUID) -> Card | None:
        row = await self._db.fetchrow(_OF_JOB, job_id)
        return _card(row) if row else None

    async def by_draft(self, bot: str, chat_id: int, draft_id: int) -> Card | None:
        """The card whose live text carries this number in this chat."""
        row = await self._db.fetchrow(_BY_DRAFT, bot, chat_id, draft_id)
        return _card(row) if row else None

    async def stale(
        self, *, limit: int = STALE_MAX, each: int = EACH_MAX, age_s: float = 0.0
    ) -> list[Card]:
        """Cards of jobs that have not begun, those looked at longest ago first, at most `each` of a
        person; none that is younger than `age_s`.
        """
        return [_card(row) for row in await self._db.fetch(_STALE, limit, each, age_s)]

    async def looked(self, said: Mapping[UUID, int | None]) -> None:
        """These have had their turn; what each shows by now."""
        if said:
            await self._db.execute(_LOOKED, list(said), list(said.values()))

    async def note_draft(self, job_id: UUID) -> None:
        """Before a live text is first shown: only a new message takes its place at once."""
        await self._db.execute(_DRAFTED, job_id)

    async def drop(self, job_id: UUID) -> None:
        """The card has become the answer, or is gone."""
        await self._db.execute(_DROP, job_id)


def _card(row: Row) -> Card:
    return Card(*row.values())
