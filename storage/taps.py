"""Which update has done what can be done once: who taps a button again is told that it is done.

Handled again after a lost reply or a death, the same update has to go on where it was.
"""

from typing import Final

from storage.pool import Database

KEPT_S: Final = 86_400

_OF: Final = "select update_key from app.tap where user_id = $1 and what = $2"
_NOTE: Final = """
with old as (
  delete from app.tap
   where user_id = $1 and what <> $2 and at < clock_timestamp() - make_interval(secs => $4))
insert into app.tap (user_id, what, update_key) values ($1, $2, $3)
on conflict (user_id, what) do update
   set update_key = excluded.update_key, at = clock_timestamp()
"""


class Taps:
    """Every method may raise Unavailable; repeating it is then harmless."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, user_id: int, what: str) -> str | None:
        """The key of the update that was the last to begin this."""
        found: str | None = await self._db.fetchval(_OF, user_id, what)
        return found

    async def note(self, user_id: int, what: str, update_key: str) -> None:
        """This update begins it. What was begun more than a day ago is forgotten."""
        await self._db.execute(_NOTE, user_id, what, update_key, KEPT_S)
