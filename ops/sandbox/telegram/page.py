"""The chat page at `/chat`: the page itself, its scripts, the files people see, the line of events."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from string import Template
from typing import Final

from fastapi import APIRouter
from fastapi.responses import FileResponse, StreamingResponse
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ops.sandbox.telegram import page_api
from ops.sandbox.telegram.played import Played
from ops.sandbox.telegram.visitors import COOKIE, known_visitor, language_of, new_visitor
from ops.sandbox.telegram.world import TelegramWorld

HERE: Final = Path(__file__).parent
TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
INLINE: Final = ("image/jpeg", "image/png", "image/webp", "video/mp4")
COOKIE_S: Final = 180 * 24 * 3600
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
FILE_HEADERS: Final = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=86400",
}

TEMPLATE: Final = Template((HERE / "templates" / "chat.html").read_text(encoding="utf-8"))
NAMES: Final = {
    one.relative_to(HERE / "static").as_posix(): one
    for one in (HERE / "static").rglob("*")
    if one.suffix in TYPES
}

router = APIRouter(include_in_schema=False)
router.include_router(page_api.router)


@router.get("/chat")
async def chat(request: Request, world: Played) -> Response:
    """A visitor without a cookie becomes a person of the sandbox."""
    language = language_of(request)
    answer = HTMLResponse(TEMPLATE.substitute(language=language), headers=HEADERS)
    if known_visitor(world, request) is None:
        secret = new_visitor(world, language=language)
        answer.set_cookie(
            COOKIE, secret, max_age=COOKIE_S, path="/chat", httponly=True, samesite="strict"
        )
    return answer


@router.get("/chat/static/{name:path}")
async def static(name: str) -> Response:
    place = NAMES.get(name)
    if place is None:
        return Response(status_code=404)
    return FileResponse(place, media_type=TYPES[place.suffix], headers=HEADERS)


@router.get("/chat/media/{file_id}")
async def media(file_id: str, world: Played) -> Response:
    """What is not a known picture or video is only ever downloaded, never shown."""
    file = world.files.get(file_id)
    if file is None:
        return Response(status_code=404)
    place = world.files.place(file)
    if file.mime_type in INLINE:
        return FileResponse(place, media_type=file.mime_type, headers=FILE_HEADERS)
    name = file.name or Path(file.path).name
    return FileResponse(
        place, media_type="application/octet-stream", filename=name, headers=FILE_HEADERS
    )


@router.get("/chat/api/events")
async def events(request: Request, world: Played, after: int = 0) -> Response:
    """Server-sent events after a number; the page begins with the one its state named."""
    person = known_visitor(world, request)
    if person is None:
        return Response(status_code=401)
    headers = HEADERS | {"X-Accel-Buffering": "no"}
    lines = _lines(world, person.id, after)
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


async def _lines(world: TelegramWorld, person_id: int, after: int) -> AsyncIterator[str]:
    yield ": hello\n\n"
    async for event in world.feed.follow(person_id, after):
        if event is None:
            yield ": still here\n\n"
        else:
            body = json.dumps({"kind": event.kind} | event.body, ensure_ascii=False)
            yield f"id: {event.number}\ndata: {body}\n\n"
