"""Which job an update acts on: handled again after a lost reply, it chooses no other."""

from typing import Final
from uuid import UUID

from storage.pool import Database

KEPT_S: Final = 86_400

_OF: Final = "select job_id from app.chosen_job where user_id = $1 and key = $2"
_KEEP: Final = """
with old as (
  delete from app.chosen_job
   where user_id = $1 and at < clock_timestamp() - make_interval(secs => $4))
insert into app.chosen_job (user_id, key, job_id) values ($1, $2, $3)
on conflict (user_id, key) do nothing
"""


class Choices:
    """Every method may raise Unavailable; repeating it is then harmless."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, user_id: int, key: str) -> UUID | None:
        """What was chosen under this key."""
        found: UUID | None = await self._db.fetchval(_OF, user_id, key)
        return found

    async def keep(self, user_id: int, key: str, job_id: UUID) -> UUID:
        """Choose this one, unless another was: the one that counts. Older choices are forgotten."""
        await self._db.execute(_KEEP, user_id, key, job_id, KEPT_S)
        return await self.of(user_id, key) or job_id
