"""The workspace in pages, for eyes: by number, or by what somebody remembers of a title.

Titles are encrypted, so a search opens the titles of this one person, which the quota keeps few.
"""

import json
from dataclasses import dataclass
from typing import Final

from schemas.money import App
from storage.crypto import METADATA, TITLE, DataKey, Keys
from storage.pool import Database, Row
from storage.projects import Project

SEARCHED_MAX: Final = 5_000
WORDS_MAX_CHARACTERS: Final = 100

_PAGE: Final = """
select code, app, type, job_id, title, metadata, size_bytes, created_at,
       count(*) over () as total
  from app.project where user_id = $1 order by created_at desc, code offset $2 limit $3
"""
_ALL: Final = """
select code, app, type, job_id, title, metadata, size_bytes, created_at, 0::bigint as total
  from app.project where user_id = $1 order by created_at desc, code limit $2
"""
_COUNT: Final = "select count(*) from app.project where user_id = $1"


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """`number` is from 0 and at most the last one. `total` counts projects, of the search if any."""

    projects: tuple[Project, ...]
    number: int
    pages: int
    total: int


class Gallery:
    def __init__(self, db: Database, keys: Keys) -> None:
        self._db = db
        self._keys = keys

    async def page(self, user_id: int, number: int, *, size: int) -> GalleryPage:
        """Newest first; a number beyond the end is the last page."""
        total = int(await self._db.fetchval(_COUNT, user_id))
        number = _within(number, total, size)
        rows = await self._db.fetch(_PAGE, user_id, number * size, size)
        key = await self._keys.of(user_id)
        return GalleryPage(
            tuple(_project(row, key) for row in rows), number, _pages(total, size), total
        )

    async def search(self, user_id: int, words: str, number: int, *, size: int) -> GalleryPage:
        """Projects that have every word in their code, title, or what their maker noted."""
        wanted = words[:WORDS_MAX_CHARACTERS].casefold().split()
        key = await self._keys.of(user_id)
        found = [
            project
            for row in await self._db.fetch(_ALL, user_id, SEARCHED_MAX)
            if _tells(project := _project(row, key), wanted)
        ]
        number = _within(number, len(found), size)
        shown = tuple(found[number * size : (number + 1) * size])
        return GalleryPage(shown, number, _pages(len(found), size), len(found))


def _tells(project: Project, wanted: list[str]) -> bool:
    noted = " ".join(str(value) for value in project.metadata.values())
    told = f"{project.code} {project.title} {noted}".casefold()
    return all(word in told for word in wanted)


def _pages(total: int, size: int) -> int:
    return max(1, -(-total // size))


def _within(number: int, total: int, size: int) -> int:
    return max(0, min(number, _pages(total, size) - 1))


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
