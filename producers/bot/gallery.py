"""`/gallery`: the workspace in pages of thumbnails, with search, codes, deleting and how full it is."""

from typing import Final

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from ops.base.children import ChildFault
from producers.bot.amounts import local
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.private import InPrivate
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Keyboard
from producers.bot.sheet import Tile, sheet
from producers.bot.show import Show, show
from schemas.buttons import POST, Press
from schemas.errors import InvalidInput, Missing
from schemas.speech import Html, html
from schemas.texts import text
from storage.crypto import Unreadable
from storage.gallery import Gallery, GalleryPage
from storage.projects import Project, Storage

PAGE: Final = 6
BAR: Final = 10
TITLE_MAX: Final = 60
CAPTION_MAX: Final = 1_024
TEXT_SHOWN_MAX: Final = 3_500
VIDEO_MAX_BYTES: Final = 50 * 1024 * 1024
"""What a bot may upload (Bot API, sendVideo)."""
WORDS_MAX_BYTES: Final = 40
"""Of a search that travels in a button."""

GALLERY: Final = "gallery"
PROJECT: Final = "project"
REMOVE: Final = "remove"


def router() -> Router:
    made = InPrivate.guard(Router(name="gallery"))
    made.message.register(on_gallery, Command("gallery"))
    made.callback_query.register(on_page, Pressed(GALLERY), F.message)
    made.callback_query.register(on_project, Pressed(PROJECT), F.message)
    made.callback_query.register(on_remove, Pressed(REMOVE), F.message)
    return made


async def on_gallery(_: Message, command: CommandObject, room: Room, guest: Guest) -> None:
    """`/gallery` and, after it, words to look for or a code."""
    async with refusals(room, guest):
        await _show_page(room, guest, 0, (command.args or "").strip())


async def on_page(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """`ref` is the page, `arg` the words of a search."""
    async with refusals(room, guest, query):
        if not press.ref.isdecimal():
            raise InvalidInput
        await _show_page(room, guest, int(press.ref), press.arg, query)


async def on_project(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """One project with its content. Another person's code is as missing as one that never was."""
    async with refusals(room, guest, query):
        project, data = await room.desk.projects.content(guest.user_id, press.ref)
        await _show_project(room, guest, project, data)


async def on_remove(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """Asks first: `arg` is `yes` on the second button."""
    async with refusals(room, guest, query):
        project = await room.desk.projects.get(guest.user_id, press.ref)
        if press.arg != "yes":
            told = html("gallery.sure", guest.language, title=_short(project), code=project.code)
            yes = text("gallery.yes", guest.language)
            await room.say.send(guest, told, keyboard=[[button(yes, REMOVE, project.code, "yes")]])
            return
        freed_bytes = await room.desk.projects.delete(guest.user_id, project.code)
        told = html("gallery.removed", guest.language, code=project.code, size=_size(freed_bytes))
        await show(room, guest, told, [], query)


async def _show_page(
    room: Room, guest: Guest, number: int, words: str, query: CallbackQuery | None = None
) -> None:
    gallery = Gallery(room.desk.db, room.desk.keys)
    if words:
        page = await gallery.search(guest.user_id, words, number, size=PAGE)
    else:
        page = await gallery.page(guest.user_id, number, size=PAGE)
    storage = await room.desk.projects.storage(guest.user_id)
    if not page.projects:
        key = "gallery.nothing-found" if words else "gallery.empty"
        told = html(key, guest.language, words=words, storage=_bar(storage, guest))
        await room.say.send(guest, told)
        return
    caption, keyboard = _caption(page, storage, guest), _keys(page, words, guest)
    picture = await _picture(room, guest, page)
    pressed = query.message if query else None
    if picture is None:
        await show(room, guest, caption, keyboard)
    elif pressed is None or not await Show.of(room).swap_photo(
        guest, pressed.message_id, picture, caption, keyboard=keyboard
    ):
        await room.say.photo(guest, picture, caption, keyboard=keyboard)


async def _picture(room: Room, guest: Guest, page: GalleryPage) -> bytes | None:
    """The page as one picture, made in a child; None when it cannot be, and the list stands alone."""
    tiles: list[Tile] = []
    for project in page.projects:
        data = b""
        if str(project.metadata.get("media_type", "")).startswith("image/"):
            _, data = await room.desk.projects.content(guest.user_id, project.code)
        tiles.append((project.code, project.type, data))
    try:
        return await room.desk.children.run(sheet, tiles)
    except ChildFault:
        return None


async def _show_project(room: Room, guest: Guest, project: Project, data: bytes) -> None:
    about = _about(project, guest)
    keyboard = _project_keys(project, guest)
    media_type = str(project.metadata.get("media_type", ""))
    video = await _video(room, guest, project)
    if video is not None:
        await Show.of(room).video(guest, video, about, keyboard=keyboard)
    elif media_type.startswith("image/"):
        await room.say.photo(guest, data, about, keyboard=keyboard)
    else:
        words = data.decode("utf-8", errors="replace")
        if len(words) > TEXT_SHOWN_MAX:
            await room.say.document(guest, data, f"{project.code}.txt")
            await room.say.send(guest, about, keyboard=keyboard)
        else:
            shown = html("gallery.text", guest.language, about=about, words=words)
            await room.say.send(guest, shown, keyboard=keyboard)


async def _video(room: Room, guest: Guest, project: Project) -> bytes | None:
    """The video itself while it is kept; the workspace holds a picture of it."""
    if project.type != "video" or project.job_id is None:
        return None
    try:
        artifact, data = await room.desk.results.artifact(guest.user_id, project.job_id, 0)
    except (Missing, Unreadable):
        return None
    small = len(data) <= VIDEO_MAX_BYTES
    return data if small and artifact.media_type == "video/mp4" else None


def _project_keys(project: Project, guest: Guest) -> Keyboard:
    language = guest.language
    return [
        [
            button(text("gallery.post", language), POST, project.code, "project"),
            button(text("gallery.remove", language), REMOVE, project.code),
        ],
        [button(text("gallery.back", language), GALLERY, "0")],
    ]


def _keys(page: GalleryPage, words: str, guest: Guest) -> Keyboard:
    """A button for each project by its number on the picture, then the way to the other pages."""
    opens = [
        button(f"{place} · {project.code}", PROJECT, project.code)
        for place, project in enumerate(page.projects, start=1)
    ]
    carried = words.encode()[:WORDS_MAX_BYTES].decode(errors="ignore")
    turn = []
    if page.number > 0:
        newer = text("gallery.newer", guest.language)
        turn.append(button(newer, GALLERY, str(page.number - 1), carried))
    if page.number + 1 < page.pages:
        older = text("gallery.older", guest.language)
        turn.append(button(older, GALLERY, str(page.number + 1), carried))
    return [opens[:3], opens[3:], turn]


def _caption(page: GalleryPage, storage: Storage, guest: Guest) -> Html:
    lines = [
        html(
            "gallery.title",
            guest.language,
            page=page.number + 1,
            pages=page.pages,
            total=page.total,
        ),
        *(
            html("gallery.line", guest.language, number=n, title=_short(p), code=p.code)
            for n, p in enumerate(page.projects, start=1)
        ),
        _bar(storage, guest),
        html("gallery.how", guest.language),
    ]
    return Html("\n".join(lines))


def _about(project: Project, guest: Guest) -> Html:
    return html(
        "gallery.about",
        guest.language,
        title=_short(project),
        code=project.code,
        at=local(project.created_at, guest),
        size=_size(project.size_bytes),
    )


def _bar(storage: Storage, guest: Guest) -> Html:
    """▓▓▓░░░░░░░ and the numbers."""
    share = storage.used_bytes / storage.limit_bytes if storage.limit_bytes else 1.0
    full = min(BAR, max(round(share * BAR), 1 if storage.used_bytes else 0))
    return html(
        "gallery.storage",
        guest.language,
        bar="▓" * full + "░" * (BAR - full),
        used=_size(storage.used_bytes),
        limit=_size(storage.limit_bytes),
    )


def _short(project: Project) -> str:
    told = " ".join(project.title.split()) or project.code
    return told if len(told) <= TITLE_MAX else f"{told[: TITLE_MAX - 1]}…"


def _size(number_bytes: int) -> str:
    value = float(number_bytes)
    for unit in ("B", "KiB"):
        if value < 1024:  # noqa: PLR2004
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} MiB"
