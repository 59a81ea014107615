"""What we hold of a person as files to take along: facts as JSON, the statement as CSV, every project.

The parts are ZIP archives of a size that a bot may send. What the ledger says stays true after the
person is erased; what is in here is what the destroyed key would have opened.
"""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import asdict
from io import BytesIO
from typing import Any, Final

from ledger.statement import as_csv
from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.money import format_units
from storage.appeals import Appeals
from storage.crypto import Unreadable
from storage.projects import Filters, Project
from storage.promises import Promises
from storage.results import JobFilters

PART_MAX_BYTES: Final = 40 * 1024 * 1024
PAGE: Final = 100
JOBS_MAX: Final = 10_000
_SUFFIXES: Final = {
    "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif",
    "video/mp4": "mp4", "application/json": "json",
}  # fmt: skip


async def parts(room: Room, guest: Guest) -> AsyncIterator[bytes]:
    """Archives, the facts in the first; each is complete in itself. Raises Unavailable."""
    files: list[tuple[str, bytes]] = [
        ("account.json", _json(await _account(room, guest))),
        ("jobs.json", _json(await _jobs(room, guest))),
        ("conversation.json", _json(await _talk(room, guest))),
        ("statement.csv", as_csv(await room.desk.statement.export(guest.user_id)).encode()),
    ]
    size_bytes = sum(len(data) for _, data in files)
    async for project, data in _projects(room, guest):
        if size_bytes + len(data) > PART_MAX_BYTES:
            yield await asyncio.to_thread(_zipped, files)
            files, size_bytes = [], 0
        files += [
            (f"projects/{project.code}.{_suffix(project)}", data),
            (f"projects/{project.code}.about.json", _json(_about(project))),
        ]
        size_bytes += len(data)
    yield await asyncio.to_thread(_zipped, files)


async def _account(room: Room, guest: Guest) -> dict[str, Any]:
    desk = room.desk
    wallets = await desk.wallets.balances(guest.user_id)
    return {
        "account": asdict(await desk.users.get(guest.user_id)),
        "names": await desk.users.names(guest.user_id),
        "preferences": asdict(await room.preferences.of(guest.user_id)),
        "wallets": {w.currency.value: format_units(w.balance_units, w.currency) for w in wallets},
        "storage": asdict(await desk.projects.storage(guest.user_id)),
        "channels": [asdict(one) for one in await room.channels.list(guest.user_id)],
        "invitations": asdict(await Promises(desk.db).invited(guest.user_id)),
        "appeals": [asdict(one) for one in await Appeals(desk.db, desk.keys).of(guest.user_id)],
    }


async def _jobs(room: Room, guest: Guest) -> list[dict[str, Any]]:
    """Newest first, with the text of each result that is still kept."""
    found: list[dict[str, Any]] = []
    filters = JobFilters(limit=PAGE)
    while len(found) < JOBS_MAX:
        page = await room.desk.results.list(guest.user_id, filters=filters)
        for view in page:
            whole = await room.desk.results.get(guest.user_id, view.id)
            facts = asdict(whole) | {"result": None}
            found.append(
                facts | {"result": whole.result.model_dump(mode="json") if whole.result else None}
            )
        if len(page) < PAGE:
            break
        filters = JobFilters(before=page[-1].id, limit=PAGE)
    return found


async def _talk(room: Room, guest: Guest) -> list[dict[str, Any]]:
    turns = await room.talks.turns(guest.user_id, guest.bot, guest.chat_id)
    return [asdict(turn) for turn in turns]


async def _projects(room: Room, guest: Guest) -> AsyncIterator[tuple[Project, bytes]]:
    """Newest first. One that cannot be opened is named, and stops none of the others."""
    filters = Filters(limit=PAGE)
    while True:
        page = await room.desk.projects.list(guest.user_id, filters=filters)
        for project in page:
            try:
                yield await room.desk.projects.content(guest.user_id, project.code)
            except Unreadable:
                yield project, b""
        if len(page) < PAGE:
            return
        filters = Filters(before=page[-1].created_at, limit=PAGE)


def _about(project: Project) -> dict[str, Any]:
    return asdict(project)


def _suffix(project: Project) -> str:
    bare = str(project.metadata.get("media_type", "")).partition(";")[0]
    return _SUFFIXES.get(bare, "txt")


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1, default=str).encode()


def _zipped(files: list[tuple[str, bytes]]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()
