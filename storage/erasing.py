"""Erasing a person: refuse what is new, end what runs, then destroy the key and every name.

The ledger and the rows of jobs stay, under a number that leads to nobody. A keyed hash of each name stays
too: whoever comes back is not given the gifts of a first day again. Backups that are older than
the erasing hold only what the destroyed key would open.
"""

from typing import Final
from uuid import UUID

from storage.blobs import Blobs
from storage.crypto import Keys
from storage.jobs import Jobs, Wake
from storage.pool import Database

_BEGIN: Final = "select app.begin_erasing($1)"
_FINISH: Final = "select code, blobs from app.finish_erasing($1)"
_NAMES: Final = "select provider, external_id from app.identity where user_id = $1"
_MARK: Final = "select app.keep_marks($1, $2)"
_UNFINISHED: Final = """
select id from work.job
 where user_id = $1 and state in ('waiting', 'queued', 'running', 'remote') order by id
"""
_ERASING: Final = """
select id from app.user_account where status = 'erasing' and id > $1 order by id limit $2
"""


class Erasing:
    def __init__(self, db: Database, keys: Keys, blobs: Blobs) -> None:
        self._db = db
        self._keys = keys
        self._blobs = blobs
        self._jobs = Jobs(db)

    async def begin(self, user_id: int) -> bool:
        """Nothing new is accepted from now on. False when that was so before."""
        begun: bool = await self._db.fetchval(_BEGIN, user_id)
        return begun

    async def cancel_all(self, user_id: int) -> tuple[Wake, ...]:
        """Ask every unfinished job to end; the wake-ups to send for those that let others in."""
        wakes: tuple[Wake, ...] = ()
        for row in await self._db.fetch(_UNFINISHED, user_id):
            job_id: UUID = row["id"]
            wakes += (await self._jobs.cancel(job_id, user_id))[1]
        return wakes

    async def finish(self, user_id: int) -> bool:
        """False while a job is unfinished: ask again later. True when the person is no more.

        Dies after the key is destroyed: blobs are left that nobody can read and no row names, and
        retention finds them by their age.
        """
        names = await self._db.fetch(_NAMES, user_id)
        marks = [self._keys.master.marks(*row.values())[0] for row in names]
        await self._db.execute(_MARK, user_id, marks)
        row = await self._db.one(_FINISH, user_id)
        if row["code"] != "ok":
            return bool(row["code"] == "not_erasing")
        self._keys.forget(user_id)
        for key in row["blobs"] or ():
            await self._blobs.delete(key)
        return True

    async def begun(self, *, after: int = 0, limit: int = 100) -> list[int]:
        """People whose erasing has begun and not ended, by id."""
        return [row["id"] for row in await self._db.fetch(_ERASING, after, limit)]
