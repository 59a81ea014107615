"""The workspace: what a person keeps, listed, read, counted and deleted. `succeed` does the saving.

A code is a name to say aloud and never a right: every statement asks for the owner as well.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from schemas.errors import Missing
from schemas.ids import is_project_code
from schemas.money import App
from storage.crypto import CONTENT, METADATA, TITLE, DataKey, Keys
from storage.pool import Database, Row

PAGE_MAX: Final = 100

_LIST = """
select code, app, type, job_id, title, metadata, size_bytes, created_at from app.project
 where user_id = $1 and ($2::smallint is null or app = $2) and ($3::text is null or type = $3)
   and ($4::timestamptz is null or created_at >= $4)
   and ($5::timestamptz is null or created_at < $5)
 order by created_at desc, code limit $6
"""
_GET = """
select code, app, type, job_id, title, metadata, size_bytes, created_at from app.project
 where user_id = $1 and code = $2
"""
_CONTENT = """
select p.code, p.app, p.type, p.job_id, p.title, p.metadata, p.size_bytes, p.created_at, c.body
  from app.project p join app.content c on c.user_id = p.user_id and c.sha256 = p.sha256
 where p.user_id = $1 and p.code = $2
"""
_DELETE = "select code, freed_bytes, used_bytes from app.delete_project($1, $2)"
_STATS = "select used_bytes, limit_bytes from app.workspace where user_id = $1"
_BREAKDOWN = """
select app, count(*) as projects, sum(size_bytes)::bigint as size_bytes
  from app.project where user_id = $1 group by app order by app
"""


@dataclass(frozen=True, slots=True)
class Project:
    """`metadata` is what the maker noted; `media_type` where the content is not plain text."""

    code: str
    app: App
    type: str
    job_id: UUID | None
    title: str
    metadata: dict[str, Any]
    size_bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AppShare:
    """One app's part. Content that two projects share is in both, and once in `used_bytes`."""

    app: App
    projects: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Storage:
    used_bytes: int
    limit_bytes: int
    by_app: tuple[AppShare, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """`since` is inclusive, `before` is not: the time of the last project seen pages on."""

    app: App | None = None
    type: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int = 50


class Projects:
    def __init__(self, db: Database, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def list(self, user_id: int, *, filters: Filters | None = None) -> list[Project]:
        """Newest first, at most PAGE_MAX."""
        wanted = filters or Filters()
        rows = await self._db.fetch(
            _LIST,
            user_id,
            wanted.app.number if wanted.app else None,
            wanted.type,
            wanted.since,
            wanted.before,
            max(1, min(wanted.limit, PAGE_MAX)),
        )
        key = await self._keys.of(user_id)
        return [_project(row, key) for row in rows]

    async def get(self, user_id: int, code: str) -> Project:
        """Raises Missing, for another person's code too."""
        row = await self._row(_GET, user_id, code)
        return _project(row, await self._keys.of(user_id))

    async def content(self, user_id: int, code: str) -> tuple[Project, bytes]:
        """Raises Missing, Unreadable."""
        row = await self._row(_CONTENT, user_id, code)
        key = await self._keys.of(user_id)
        return _project(row, key), key.decrypt(row["body"], purpose=CONTENT)

    async def delete(self, user_id: int, code: str) -> int:
        """Remove it and answer the bytes it gave back. Raises Missing."""
        row = await self._row(_DELETE, user_id, code)
        if row["code"] != "ok":
            raise Missing("not_found")
        freed: int = row["freed_bytes"]
        return freed

    async def storage(self, user_id: int) -> Storage:
        """How full the workspace is. Raises Missing `no_account`."""
        row = await self._db.fetchrow(_STATS, user_id)
        if row is None:
            raise Missing("no_account")
        shares = await self._db.fetch(_BREAKDOWN, user_id)
        return Storage(row["used_bytes"], row["limit_bytes"], tuple(map(_share, shares)))

    async def _row(self, sql: str, user_id: int, code: str) -> Row:
        row = await self._db.fetchrow(sql, user_id, code) if is_project_code(code) else None
        if row is None:
            raise Missing("not_found")
        return row


def _share(row: Row) -> AppShare:
    return AppShare(App.from_number(row["app"]), row["projects"], row["size_bytes"])


def _project(row: Row, key: DataKey) -> Project:
    return Project(
        code=row["code"],
        app=App.from_number(row["app"]),
        type=row["type"],
        job_id=row["job_id"],
        title=key.decrypt(row["title"], purpose=TITLE).decode(),
        metadata=json.loads(key.decrypt(row["metadata"], purpose=METADATA)),
        size_bytes=row["size_bytes"],
        created_at=row["created_at"],
    )
