"""Files: what people send us, before a job names it."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile

from producers.api import shapes
from producers.api.auth import TheDesk, UserId
from schemas.errors import InvalidInput
from schemas.http import FileAccepted

router = APIRouter(prefix="/v1/files", tags=["files"])

FIELD = "file"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.post("", status_code=201, openapi_extra=_BODY)
async def upload(request: Request, user_id: UserId, desk: TheDesk) -> FileAccepted:
    """One file in the field `file`: a picture (PNG, JPEG, WebP, GIF), a PDF or UTF-8 text.

    The body is read only after the caller is known, and never beyond the cap.
    """
    data = await _read(request, limit_bytes=desk.settings.upload_max_bytes)
    return shapes.stored_file(await desk.receive(user_id, data))


async def _read(request: Request, *, limit_bytes: int) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput("invalid_input", problem="send multipart/form-data with a field `file`")
    async with request.form(max_files=1, max_fields=4) as form:
        sent = form.get(FIELD)
        if not isinstance(sent, UploadFile):
            raise InvalidInput("invalid_input", field=FIELD, problem="the field `file` is missing")
        if sent.size is not None and sent.size > limit_bytes:
            raise InvalidInput("payload_too_large", limit_bytes=limit_bytes)
        data = await sent.read()
    if not data:
        raise InvalidInput("file_unreadable", problem="the file is empty")
    return data
