"""Files that people send us: a row of facts, and the bytes as an encrypted blob.

The facts come from the bytes themselves (`storage.inspect`), never from a name. Identical bytes of
one person are one file. A stranger's file is as missing as one that never was.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ops.base.clock import now
from schemas.errors import Missing
from schemas.ids import new_id
from storage.blobs import Blobs, file_key
from storage.crypto import FILE, Keys
from storage.inspect import FileFacts
from storage.pool import Database, Row

LIFETIME: Final = timedelta(days=7)
"""How long a file is kept after it was sent, or after the last job that names it is due."""
_ADD = """
insert into app.file (id, user_id, media_type, size_bytes, sha256, width, height, frames, pages,
                      blob_key, key_version, created_at, expires_at)
values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)
on conflict (user_id, sha256)
do update set expires_at = greatest(file.expires_at, excluded.expires_at)
returning id, user_id, media_type, size_bytes, sha256, width, height, frames, pages,
          blob_key, key_version, created_at, expires_at
"""
_SAME = """
update app.file set expires_at = greatest(expires_at, $3)
 where user_id = $1 and sha256 = $2 and expires_at > clock_timestamp()
returning id, user_id, media_type, size_bytes, sha256, width, height, frames, pages,
          blob_key, key_version, created_at, expires_at
"""
_GET = """
select id, user_id, media_type, size_bytes, sha256, width, height, frames, pages,
       blob_key, key_version, created_at, expires_at
  from app.file where id = $1 and user_id = $2 and expires_at > clock_timestamp()
"""
_KEEP = """
update app.file set expires_at = greatest(expires_at, $3)
 where id = $1 and user_id = $2 and expires_at > clock_timestamp()
returning id, user_id, media_type, size_bytes, sha256, width, height, frames, pages,
          blob_key, key_version, created_at, expires_at
"""


@dataclass(frozen=True, slots=True)
class StoredFile:
    id: UUID
    user_id: int
    sha256: bytes
    facts: FileFacts
    blob_key: str
    key_version: int
    created_at: datetime
    expires_at: datetime


class Files:
    """Every method may raise Unavailable; adding the same bytes again is then harmless."""

    def __init__(self, db: Database, keys: Keys, blobs: Blobs) -> None:
        self._db = db
        self._keys = keys
        self._blobs = blobs

    async def add(self, user_id: int, data: bytes, *, facts: FileFacts) -> StoredFile:
        """Keep `data` for LIFETIME; the same bytes again answer the same file, kept for longer."""
        sha256 = await asyncio.to_thread(_sha256, data)
        until = now() + LIFETIME
        if same := await self._db.fetchrow(_SAME, user_id, sha256, until):
            return _stored(same)
        file_id = new_id()
        key = await self._keys.of(user_id)
        name = file_key(user_id, file_id)
        await self._blobs.put(name, await asyncio.to_thread(key.encrypt, data, purpose=FILE))
        # Killed here: a blob that no row names; retention finds it by its age.
        row = await self._db.one(
            _ADD,
            file_id,
            user_id,
            facts.media_type,
            facts.size_bytes,
            sha256,
            facts.width,
            facts.height,
            facts.frames,
            facts.pages,
            name,
            key.version,
            now(),
            until,
        )
        stored = _stored(row)
        if stored.blob_key != name:  # a twin sent the same bytes a moment earlier
            await self._blobs.delete(name)
        return stored

    async def get(self, user_id: int, file_id: UUID) -> StoredFile:
        """Raises Missing `file_not_found`, for another person's file too."""
        return _found(await self._db.fetchrow(_GET, file_id, user_id))

    async def keep(self, user_id: int, file_id: UUID, *, until: datetime) -> StoredFile:
        """The same, and the file stays at least until then: a job is going to need it."""
        return _found(await self._db.fetchrow(_KEEP, file_id, user_id, until))

    async def load(self, user_id: int, file_id: UUID) -> tuple[StoredFile, bytes]:
        """Raises Missing `file_not_found`, Unreadable."""
        stored = await self.get(user_id, file_id)
        key = await self._keys.of(user_id)
        try:
            sealed = await self._blobs.get(stored.blob_key)
        except Missing as error:
            raise Missing("file_not_found") from error
        return stored, await asyncio.to_thread(key.decrypt, sealed, purpose=FILE)


def _found(row: Row | None) -> StoredFile:
    if row is None:
        raise Missing("file_not_found")
    return _stored(row)


def _stored(row: Row) -> StoredFile:
    facts = FileFacts(
        media_type=row["media_type"],
        size_bytes=row["size_bytes"],
        width=row["width"],
        height=row["height"],
        frames=row["frames"],
        pages=row["pages"],
    )
    return StoredFile(
        id=row["id"],
        user_id=row["user_id"],
        sha256=row["sha256"],
        facts=facts,
        blob_key=row["blob_key"],
        key_version=row["key_version"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
