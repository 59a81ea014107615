"""What is forgotten, and when: lifetimes as data, applied in bounded batches by whoever calls.

Run it hourly from one place; two runs at once do no harm. A run that dies in the middle leaves at
worst a blob that no row names, and the next run finds it by its age.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ops.base.clock import now
from storage.blobs import FILES, BlobInfo, Blobs
from storage.pool import Database

BATCH: Final = 500
BATCHES_MAX: Final = 40
ARTIFACT: Final = "artifact"
FOREIGN: Final = "foreign"

_JOBS = "select work.forget_jobs($1, $2)"
_CALLS = "select work.forget_calls($1, $2)"
_BLOCKS = "select work.forget_blocks($1, $2)"
_GIFTS = "select work.forget_gifts($1, $2)"
_MONTHS = "select work.make_usage_months((clock_timestamp() at time zone 'UTC')::date, 3)"
_INBOX = """
with old as (select id from app.inbox where received_at < $1 and handled_at is not null limit $2),
gone as (delete from app.inbox i using old where i.id = old.id returning i.id)
select count(*) from gone
"""
_FILES = """
with old as (select id from app.file where expires_at < $1 order by expires_at limit $2)
delete from app.file f using old where f.id = old.id and f.expires_at < $1 returning f.blob_key
"""
_NAMELESS = """
select n.id from unnest($1::uuid[]) n(id)
 where not exists (select 1 from app.file f where f.id = n.id)
"""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """`job` is for payloads, results and artifacts of ended jobs, and for why they were blocked; what
    was saved stays saved.
    """

    inbox: timedelta = timedelta(days=30)
    job: timedelta = timedelta(days=90)
    provider_call: timedelta = timedelta(days=396)
    orphan_blob: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many of each a run removed."""

    inbox: int
    jobs: int
    blocks: int
    gifts: int
    provider_calls: int
    files: int
    blobs: int


class Retention:
    def __init__(self, db: Database, blobs: Blobs, *, lifetimes: Lifetimes | None = None) -> None:
        self._db = db
        self._blobs = blobs
        self._lifetimes = lifetimes or Lifetimes()

    async def run(self) -> Forgotten:
        """One pass. Raises Unavailable; what was done until then stays done."""
        lives, moment = self._lifetimes, now()
        await self._db.fetchval(_MONTHS)  # room for the months to come; a late run uses the default
        return Forgotten(
            inbox=await self._counted(_INBOX, moment - lives.inbox),
            jobs=await self._counted(_JOBS, moment - lives.job),
            blocks=await self._counted(_BLOCKS, moment - lives.job),
            gifts=await self._counted(_GIFTS, moment - lives.job),
            provider_calls=await self._counted(_CALLS, moment - lives.provider_call),
            files=await self._repeat(lambda: self._expire_files(moment)),
            blobs=await self._old_blobs(moment),
        )

    async def _counted(self, sql: str, before: datetime) -> int:
        async def batch() -> int:
            return int(await self._db.fetchval(sql, before, BATCH))

        return await self._repeat(batch)

    async def _repeat(self, batch: Callable[[], Awaitable[int]]) -> int:
        """Until a batch finds nothing, at most BATCHES_MAX: a run is bounded, the next goes on."""
        total = 0
        for _ in range(BATCHES_MAX):
            done = await batch()
            total += done
            if done == 0:
                break
        return total

    async def _expire_files(self, moment: datetime) -> int:
        keys = [row["blob_key"] for row in await self._db.fetch(_FILES, moment, BATCH)]
        for key in keys:
            await self._blobs.delete(key)
        return len(keys)

    async def _old_blobs(self, moment: datetime) -> int:
        """Artifacts by their age, and files that no row names (killed between blob and row)."""
        old: list[str] = []
        loose: dict[UUID, str] = {}
        async for blob in self._blobs.list():
            kind, made_by = _origin(blob)
            if kind == ARTIFACT and blob.modified_at < moment - self._lifetimes.job:
                old.append(blob.key)
            elif kind == FILES and blob.modified_at < moment - self._lifetimes.orphan_blob:
                loose[made_by] = blob.key
        old += await self._nameless(loose)
        for key in old:
            await self._blobs.delete(key)
        return len(old)

    async def _nameless(self, loose: dict[UUID, str]) -> list[str]:
        found: list[str] = []
        for ids in _batches(loose):
            rows = await self._db.fetch(_NAMELESS, ids)
            found += [loose[row["id"]] for row in rows]
        return found


def _origin(blob: BlobInfo) -> tuple[str, UUID]:
    """FILES and the file, ARTIFACT and its call; FOREIGN: what others left in the store stays."""
    match blob.key.split("/"):
        case [_, folder, name] if folder == FILES:
            kind = FILES
        case [_, name, _]:
            kind = ARTIFACT
        case _:
            return FOREIGN, UUID(int=0)
    try:
        return kind, UUID(name)
    except ValueError:
        return FOREIGN, UUID(int=0)


def _batches(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    left = list(ids)
    for start in range(0, len(left), BATCH):
        yield left[start : start + BATCH]
