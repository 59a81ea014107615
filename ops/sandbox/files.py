"""The host behind the links: results of tasks, and files that clients had uploaded."""

import asyncio
import hashlib
from functools import lru_cache
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from ops.base.clock import unix_s
from ops.sandbox import clips, pictures
from ops.sandbox.faults import Faults
from ops.sandbox.journal import Work
from ops.sandbox.links import is_expired
from ops.sandbox.operations import FILES_PREFIX
from ops.sandbox.tasks import Task
from ops.sandbox.world import World

router = APIRouter(prefix=FILES_PREFIX)
MEDIA_TYPES: Final = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp",
    "mp4": "video/mp4",
}  # fmt: skip


@router.get("/uploads/{upload_id}/{name}")
async def uploaded(upload_id: str, name: str, request: Request) -> Response:
    """Its type follows from its name alone, as at the real one."""
    world: World = request.state.world
    upload = world.uploads.get(upload_id)
    if upload is None or upload.name != name or upload.expires < unix_s():
        return PlainTextResponse("NoSuchKey", 404)
    ending = name.rpartition(".")[2].lower()
    return Response(upload.data, media_type=MEDIA_TYPES.get(ending, "application/octet-stream"))


@router.get("/{task_id}/{name}")
async def result(task_id: str, name: str, request: Request) -> Response:
    """A file of a finished task; no key is needed while the link is good."""
    world: World = request.state.world
    number, _, ending = name.partition(".")
    task = world.tasks.get(task_id)
    if task is None or task.phase != "success" or ending != task.order.work.file_format:
        return PlainTextResponse("NoSuchKey", 404)
    if not number.isdecimal() or int(number) >= task.order.work.count:
        return PlainTextResponse("NoSuchKey", 404)
    expired = is_expired(request.url.query)
    return await serve(task, int(number), request.state.faults, expired=expired)


async def serve(task: Task, number: int, faults: Faults, *, expired: bool) -> Response:
    """The file, or what a fault puts in its place."""
    target = faults.take("redirect_private") or task.order.fate.redirect
    if target:
        return RedirectResponse(target, 302)
    if expired or faults.take("expired_url") is not None:
        return PlainTextResponse("AccessDenied: Request has expired", 403)
    data = await asyncio.to_thread(_made, task.order.work, task.purchase.request_hash, number)
    return Response(data, media_type=MEDIA_TYPES[task.order.work.file_format])


@lru_cache(maxsize=64)
def _made(work: Work, request_hash: str, number: int) -> bytes:
    """The same request gives the same bytes."""
    mark = f"{request_hash}:{number}"
    if work.media == "video":
        size = {
            "width": min(work.width, clips.SIDE_MAX),
            "height": min(work.height, clips.SIDE_MAX),
        }
        return clips.clip(**size, seconds=work.seconds, mark=mark)
    digest = hashlib.sha256(mark.encode()).hexdigest()
    return pictures.draw(
        width=work.width, height=work.height, caption=work.caption, digest=digest,
        file_format=work.file_format,
    )  # fmt: skip
