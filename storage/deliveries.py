"""How each end reached its user: "generated" and "delivered" are separate facts."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from storage.pool import Database

_OF_JOB = """
select d.target, d.state::text, d.message_ref, d.tries, d.created_at, d.ended_at
  from work.delivery d join work.job j on j.id = d.job_id
 where d.job_id = $1 and j.user_id = $2 order by d.id
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`state`: pending, sending, sent, uncertain, undeliverable. Target `pull`: the client asks."""

    target: str
    state: str
    message_ref: str | None
    tries: int
    created_at: datetime
    ended_at: datetime | None


class Deliveries:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def of_job(self, user_id: int, job_id: UUID) -> list[Delivery]:
        """Oldest first; empty while the job runs, and for another person's job."""
        return [Delivery(*row.values()) for row in await self._db.fetch(_OF_JOB, job_id, user_id)]
