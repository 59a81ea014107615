"""kie.ai's free file host: pictures go there first, and their addresses into the order."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import APIRouter, Depends
from starlette.datastructures import UploadFile
from starlette.requests import Request

from ops.base.clock import unix_s
from ops.sandbox.files import MEDIA_TYPES
from ops.sandbox.operations import FILES_PREFIX, KIE_PREFIX
from ops.sandbox.refusals import Refusal
from ops.sandbox.world import Order, Upload, order_of

router = APIRouter(prefix=f"{KIE_PREFIX}/api")
Counter = Annotated[Order, Depends(order_of)]
KEPT_S: Final = 86_400.0
BYTES_MAX: Final = 100 * 1024 * 1024
_BEGINNINGS: Final = {
    "png": b"\x89PNG", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF",
}  # fmt: skip


@router.post("/file-base64-upload")
async def by_base64(order: Counter) -> dict[str, Any]:
    body = order.question.body
    text = str(body.get("base64Data", ""))
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refusal(400, "invalid_value", "base64Data is not base64.") from None
    return _keep(order, data, name=str(body.get("fileName") or f"{uuid4().hex}.bin"), body=body)


@router.post("/file-stream-upload")
async def by_stream(order: Counter, request: Request) -> dict[str, Any]:
    async with request.form(max_files=1, max_part_size=BYTES_MAX) as form:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Refusal(400, "invalid_value", "file is required.")
        words = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        name = words.get("fileName") or part.filename or f"{uuid4().hex}.bin"
        return _keep(order, await part.read(), name=name, body=words)


def wrong_ending(uploads: Mapping[str, Upload], url: str) -> bool:
    """Whether an address of this host is of no file, or of one whose name belies its bytes."""
    path = urlsplit(url).path
    if not path.startswith(f"{FILES_PREFIX}/uploads/"):
        return False
    upload = uploads.get(path.split("/")[-2])
    if upload is None or upload.expires < unix_s():
        return True
    beginning = _BEGINNINGS.get(upload.name.rpartition(".")[2].lower())
    return beginning is None or not upload.data.startswith(beginning)


def _keep(order: Order, data: bytes, *, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    if not data or len(data) > BYTES_MAX:
        raise Refusal(400, "invalid_value", "The file is empty or too large.")
    if not body.get("uploadPath"):
        raise Refusal(400, "invalid_value", "uploadPath is required.")
    name = name.rpartition("/")[2]
    upload_id = uuid4().hex
    order.world.uploads[upload_id] = Upload(name, data, unix_s() + KEPT_S)
    ending = name.rpartition(".")[2].lower()
    found = {
        "fileName": name,
        "filePath": f"{body['uploadPath']}/{name}",
        "downloadUrl": f"{order.base_url}{FILES_PREFIX}/uploads/{upload_id}/{name}",
        "fileSize": len(data),
        "mimeType": MEDIA_TYPES.get(ending, "application/octet-stream"),
    }
    return {"success": True, "code": 200, "msg": "File uploaded successfully", "data": found}
