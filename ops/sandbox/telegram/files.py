"""Files that bots and people send: kept in a folder, shown as the real server shows them.

A photo becomes a JPEG of at most 2560 pixels a side and loses its name; a document stays as it is.
"""

import asyncio
import hashlib
import io
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from ops.sandbox.telegram import wire
from ops.sandbox.telegram.records import StoredFile, Wire
from ops.sandbox.telegram.refusals import bad_request
from ops.sandbox.telegram.shelf import Shelf
from ops.sandbox.telegram.video_facts import video_facts

MIB: Final = 1024 * 1024
PHOTO_MAX_BYTES: Final = 10 * MIB
FILE_MAX_BYTES: Final = 50 * MIB
DOWNLOAD_MAX_BYTES: Final = 20 * MIB
SIDES_MAX: Final = 10_000
RATIO_MAX: Final = 20
PHOTO_SIDES: Final = (90, 320, 800, 1280, 2560)
THUMB_SIDE: Final = 320
NAME_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes as they came, with the name and type that the sender gave."""

    data: bytes
    name: str = "file"
    mime_type: str = "application/octet-stream"


class Files:
    """All files of the sandbox, by file id."""

    def __init__(self, shelf: Shelf[StoredFile], folder: Path) -> None:
        self._shelf = shelf
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, file_id: str) -> StoredFile | None:
        return self._shelf.get(file_id)

    def at(self, path: str) -> StoredFile | None:
        """By the `file_path` that getFile told."""
        return next((one for one in self._shelf if one.path == path), None)

    def place(self, file: StoredFile) -> Path:
        return self._folder / file.name_on_disk

    async def add_photo(self, upload: Upload) -> Wire:
        """`{"photo": […]}`, the smallest first. Raises BotApiRefusal 400."""
        if len(upload.data) > PHOTO_MAX_BYTES:
            raise bad_request("file is too big")
        copies = await asyncio.to_thread(_photo_copies, upload.data)
        kept = [self._keep(data, "photos", "jpg", "image/jpeg", size=size) for data, size in copies]
        return {"photo": [wire.photo_size(one) for one in kept]}

    async def add_document(self, upload: Upload) -> Wire:
        """`{"document": …}`. Raises BotApiRefusal 400."""
        self._check(upload)
        file = self._keep(
            upload.data, "documents", _extension(upload.name), upload.mime_type, name=upload.name
        )
        thumbnail = await self._thumbnail(upload)
        return {"document": wire.document(file, thumbnail)}

    async def add_video(self, upload: Upload, kind: str = "video") -> Wire:
        """`{"video": …}` or `{"animation": …}`. Raises BotApiRefusal 400."""
        self._check(upload)
        facts = await asyncio.to_thread(video_facts, upload.data)
        file = self._keep(
            upload.data, f"{kind}s", "mp4", "video/mp4", name=upload.name,
            size=(facts.width, facts.height), duration_s=facts.duration_s,
        )  # fmt: skip
        thumbnail = None
        if facts.first_frame_jpeg:
            image = self._keep(
                facts.first_frame_jpeg, "thumbnails", "jpg", "image/jpeg", size=facts.frame_size
            )
            thumbnail = wire.photo_size(image)
        return {kind: wire.video(file, thumbnail)}

    def _check(self, upload: Upload) -> None:
        if not upload.data:
            raise bad_request("file must be non-empty")
        if len(upload.data) > FILE_MAX_BYTES:
            raise bad_request("file is too big")

    async def _thumbnail(self, upload: Upload) -> Wire | None:
        if not upload.mime_type.startswith("image/"):
            return None
        try:
            data, size = (await asyncio.to_thread(_photo_copies, upload.data, (THUMB_SIDE,)))[0]
        except Exception:  # noqa: BLE001 (a document may be a broken picture; then it has no preview)
            return None
        return wire.photo_size(self._keep(data, "thumbnails", "jpg", "image/jpeg", size=size))

    def _keep(
        self,
        data: bytes,
        kind: str,
        extension: str,
        mime_type: str,
        *,
        name: str | None = None,
        size: tuple[int, int] = (0, 0),
        duration_s: int = 0,
    ) -> StoredFile:
        digest = hashlib.sha256(data).hexdigest()
        place = self._folder / digest
        if not place.exists():
            fresh = self._folder / f"{digest}.{secrets.token_hex(4)}"
            fresh.write_bytes(data)
            fresh.rename(place)  # killed within the write: no half file under the final name
        number = len(self._shelf)
        return self._shelf.put(
            StoredFile(
                file_id=f"PLAY{kind[:3].upper()}{secrets.token_urlsafe(30)}",
                unique_id=f"AQAD{digest[:12]}",
                path=f"{kind}/file_{number}.{extension}",
                name_on_disk=digest,
                size_bytes=len(data),
                mime_type=mime_type,
                name=name,
                width=size[0],
                height=size[1],
                duration_s=duration_s,
            )
        )


def _photo_copies(
    data: bytes, sides: tuple[int, ...] = PHOTO_SIDES
) -> list[tuple[bytes, tuple[int, int]]]:
    """The picture in each size it is large enough for. Raises BotApiRefusal 400."""
    try:
        opened = Image.open(io.BytesIO(data))
        width, height = opened.size
        if width + height > SIDES_MAX or max(width, height) > RATIO_MAX * min(width, height):
            raise bad_request("PHOTO_INVALID_DIMENSIONS")
        image = _on_white(ImageOps.exif_transpose(opened))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise bad_request("IMAGE_PROCESS_FAILED") from None
    longest = max(image.size)
    wanted = [side for side in sides if side < longest]
    wanted.append(min(longest, sides[-1]))
    return [_jpeg(image, side) for side in dict.fromkeys(wanted)]


def _on_white(image: Image.Image) -> Image.Image:
    """Photos know no transparency."""
    if image.mode in ("RGBA", "LA", "P", "PA"):
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    return image.convert("RGB")


def _jpeg(image: Image.Image, side: int) -> tuple[bytes, tuple[int, int]]:
    copy = image.copy()
    copy.thumbnail((side, side))
    out = io.BytesIO()
    copy.save(out, "JPEG", quality=87)
    return out.getvalue(), copy.size


def _extension(name: str) -> str:
    suffix = Path(name).suffix.lstrip(".").lower()
    return suffix if suffix.isalnum() and len(suffix) <= 8 else "bin"  # noqa: PLR2004 (as long as `torrents`)
