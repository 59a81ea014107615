"""Bytes of a user on their way out: never rendered by a browser as a page of ours."""

import re
from typing import Final

from fastapi.responses import Response

SAFE_TYPES: Final = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/webp",
        "image/gif",
        "video/mp4",
        "application/pdf",
        "text/plain",
        "application/json",
    }
)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def download(data: bytes, *, media_type: str, name: str) -> Response:
    """An attachment. A type we do not make ourselves goes out as plain bytes."""
    bare = media_type.partition(";")[0].strip().lower()
    shown = bare if bare in SAFE_TYPES else "application/octet-stream"
    if shown == "text/plain":
        shown = "text/plain; charset=utf-8"
    file_name = _UNSAFE.sub("_", name).strip("._") or "file"
    return Response(
        data,
        media_type=shown,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-store",
        },
    )
