"""What we hold of a person as files to take along: facts as JSON, the statement as CSV, every file.

The parts are ZIP archives of a size that a bot may send. Everything is read a page at a time and put into
the archive at once, so a part and the file that is added to it are all that is in memory; nothing is put
on a disk unencrypted. What the ledger says stays true after the person is erased; what is in here is what
the destroyed key would have opened.
"""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import asdict
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from ledger.statement import as_csv
from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.errors import Missing
from schemas.money import App, format_units
from schemas.results import Artifact, artifacts_of, parse_result
from schemas.texts import text
from storage.appeals import Appeals
from storage.copies import Copies, Fact
from storage.crypto import Unreadable
from storage.ledger_reads import TransferRow
from storage.projects import Filters, Project
from storage.promises import Promises
from storage.support import Support

PART_MAX_BYTES: Final = 40 * 1024 * 1024
LIST_MAX_BYTES: Final = 4 * 1024 * 1024
"""Of one file of facts; what is longer goes on in another: `jobs.json`, `jobs-2.json`."""
STATEMENT_ROWS: Final = 10_000
PAGE: Final = 100
_SUFFIXES: Final = {
    "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif",
    "video/mp4": "mp4", "application/json": "json", "application/pdf": "pdf",
}  # fmt: skip
Entry = tuple[str, bytes]


class Part:
    """One archive while it is filled."""

    def __init__(self) -> None:
        self._out = BytesIO()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED)

    def has_room(self, size_bytes: int) -> bool:
        """An empty one has room for anything."""
        return not self._zip.namelist() or self._out.tell() + size_bytes <= PART_MAX_BYTES

    def add(self, name: str, data: bytes) -> None:
        self._zip.writestr(name, data)

    def closed(self) -> bytes:
        self._zip.close()
        return self._out.getvalue()


async def parts(room: Room, guest: Guest) -> AsyncIterator[bytes]:
    """Archives, the facts in the first; each is complete in itself. Raises Unavailable."""
    part = Part()
    async for name, data in _entries(room, guest):
        if not part.has_room(len(data)):
            yield await asyncio.to_thread(part.closed)
            part = Part()
        await asyncio.to_thread(part.add, name, data)
    yield await asyncio.to_thread(part.closed)


async def _entries(room: Room, guest: Guest) -> AsyncIterator[Entry]:
    """Every file of the copy, one at a time; facts before files."""
    user_id, copies = guest.user_id, Copies(room.desk.db, room.desk.keys)
    yield "READ-ME.txt", text("privacy.contents", guest.language).encode()
    yield "account.json", _json(await _account(room, guest))
    lists = {
        "jobs": _told(copies.jobs(user_id)),
        "conversation": _answered(copies.turns(user_id)),
        "wishes": _told(copies.wishes(user_id)),
        "orders": copies.orders(user_id),
        "payments": copies.payments(user_id),
        "files": copies.files(user_id),
    }
    for name, facts in lists.items():
        async for entry in _listed(name, facts):
            yield entry
    async for entry in _statement(room, user_id):
        yield entry
    for source in (_projects(room, guest), _files(room, copies, user_id),
                   _artifacts(room, copies, user_id)):  # fmt: skip
        async for name, data in source:
            too_large = len(data) > PART_MAX_BYTES
            yield (f"{name}.too-large-to-send", b"") if too_large else (name, data)


async def _account(room: Room, guest: Guest) -> dict[str, Any]:
    desk, user_id = room.desk, guest.user_id
    wallets = await desk.wallets.balances(user_id)
    appeals, support = Appeals(desk.db, desk.keys), Support(desk.db, desk.keys)
    return {
        "account": asdict(await desk.users.get(user_id)),
        "names": await desk.users.names(user_id),
        "preferences": asdict(await room.preferences.of(user_id)),
        "wallets": {w.currency.value: format_units(w.balance_units, w.currency) for w in wallets},
        "storage": asdict(await desk.projects.storage(user_id)),
        "channels": [asdict(one) for one in await room.channels.list(user_id)],
        "invitations": asdict(await Promises(desk.db).invited(user_id)),
        "appeals": [asdict(one) for one in await appeals.of(user_id)],
        "questions about payments": [asdict(one) for one in await support.of(user_id)],
    }


async def _listed(name: str, facts: AsyncIterator[Fact]) -> AsyncIterator[Entry]:
    """As JSON lists of a bounded length; an empty one where there is nothing."""
    rows: list[str] = []
    size_characters, number = 0, 1
    async for fact in facts:
        row = json.dumps(fact, ensure_ascii=False, indent=1, default=str)
        if rows and size_characters + len(row) > LIST_MAX_BYTES:
            yield _numbered(name, number, "json"), _list(rows)
            rows, size_characters, number = [], 0, number + 1
        rows.append(row)
        size_characters += len(row)
    yield _numbered(name, number, "json"), _list(rows)


async def _statement(room: Room, user_id: int) -> AsyncIterator[Entry]:
    rows: list[TransferRow] = []
    number = 1
    async for row in room.desk.statement.rows(user_id):
        rows.append(row)
        if len(rows) == STATEMENT_ROWS:
            yield _numbered("statement", number, "csv"), as_csv(rows).encode()
            rows, number = [], number + 1
    yield _numbered("statement", number, "csv"), as_csv(rows).encode()


async def _told(facts: AsyncIterator[Fact]) -> AsyncIterator[Fact]:
    """The app by its name."""
    async for fact in facts:
        yield fact | ({"app": App.from_number(fact["app"]).value} if "app" in fact else {})


async def _answered(turns: AsyncIterator[Fact]) -> AsyncIterator[Fact]:
    """The text of the answer; all of the result is with the jobs."""
    async for turn in turns:
        result = turn.pop("result") or {}
        yield turn | {"answered": result.get("text")}


async def _projects(room: Room, guest: Guest) -> AsyncIterator[Entry]:
    """Newest first. One that cannot be opened is named, and stops none of the others."""
    filters = Filters(limit=PAGE)
    while True:
        page = await room.desk.projects.list(guest.user_id, filters=filters)
        for project in page:
            try:
                _, data = await room.desk.projects.content(guest.user_id, project.code)
            except (Missing, Unreadable):
                data = b""
            yield f"projects/{project.code}.about.json", _json(asdict(project))
            yield f"projects/{project.code}.{_suffix(_media_type(project))}", data
        if len(page) < PAGE:
            return
        filters = Filters(before=page[-1].created_at, limit=PAGE)


async def _files(room: Room, copies: Copies, user_id: int) -> AsyncIterator[Entry]:
    """What they sent, as long as it is kept."""
    async for fact in copies.files(user_id):
        try:
            stored, data = await room.desk.files.load(user_id, fact["id"])
        except (Missing, Unreadable):
            continue
        yield f"files/{stored.id}.{_suffix(stored.facts.media_type)}", data


async def _artifacts(room: Room, copies: Copies, user_id: int) -> AsyncIterator[Entry]:
    """What was made and is in no project; of a video the project has a picture only."""
    async for job in copies.jobs(user_id):
        for number, artifact in enumerate(_made(job)):
            if job["project"] and not artifact.media_type.startswith("video/"):
                continue
            try:
                _, data = await room.desk.results.artifact(user_id, UUID(str(job["id"])), number)
            except (Missing, Unreadable):
                continue
            yield f"results/{job['id']}-{number + 1}.{_suffix(artifact.media_type)}", data


def _made(job: Fact) -> tuple[Artifact, ...]:
    if not job["result"]:
        return ()
    return tuple(artifacts_of(parse_result(json.dumps(job["result"]).encode())))


def _media_type(project: Project) -> str:
    return str(project.metadata.get("media_type", ""))


def _suffix(media_type: str) -> str:
    return _SUFFIXES.get(media_type.partition(";")[0], "txt")


def _numbered(name: str, number: int, suffix: str) -> str:
    return f"{name}.{suffix}" if number == 1 else f"{name}-{number}.{suffix}"


def _list(rows: list[str]) -> bytes:
    return f"[{','.join(rows)}]".encode()


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1, default=str).encode()
