"""What an uploaded file is, decided from its bytes: never from its name or what its sender
declared.

`inspect_bytes` is a pure function that runs in a DECODE child. It reads the header first and
refuses what would be too heavy before a single pixel is decoded; only then does it decode
everything once, so that a file that was let in is known to open.
"""

import logging
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from schemas.errors import InvalidInput

if TYPE_CHECKING:
    from PIL import Image

FRAME_PIXELS_MAX: Final = 24_000_000
TOTAL_PIXELS_MAX: Final = 200_000_000
PAGE_CHARACTERS: Final = 1_800

PDF: Final = "application/pdf"
TEXT: Final = "text/plain"
IMAGE_FORMATS: Final[dict[str, str]] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
}
"""Media type -> the one decoder that may look at it."""
ALLOWED: Final = (*IMAGE_FORMATS, PDF, TEXT)

_PDF_MARK_WITHIN: Final = 1024
_CONTROL: Final = frozenset(map(chr, range(32))) - frozenset("\t\n\v\f\r\x1b")


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Width and height in pixels as stored, before any EXIF turn; 0 where the medium has none.

    `frames` is 1 for a still picture and 0 for documents; `pages` is 0 for pictures.
    """

    media_type: str
    size_bytes: int
    width: int = 0
    height: int = 0
    frames: int = 0
    pages: int = 0


def facts_of(data: bytes) -> FileFacts:
    """Raises InvalidInput `wrong_file_type`, `media_too_heavy`, `file_unreadable`; MemoryError."""
    media_type = sniff(data)
    if media_type in IMAGE_FORMATS:
        return _picture(data, media_type)
    pages = _pdf_pages(data) if media_type == PDF else text_pages(data.decode("utf-8-sig"))
    return FileFacts(media_type, len(data), pages=pages)


def sniff(data: bytes) -> str:
    """The media type, one of ALLOWED. Raises InvalidInput `wrong_file_type`, `file_unreadable` if
    empty.
    """
    if not data:
        raise InvalidInput("file_unreadable", reason="empty")
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if b"%PDF-" in data[:_PDF_MARK_WITHIN]:
        return PDF
    if _is_text(data):
        return TEXT
    raise InvalidInput("wrong_file_type", allowed=", ".join(ALLOWED))


def text_pages(text: str) -> int:
    """Begun pages of 1,800 characters; at least one."""
    return max(1, -(-len(text) // PAGE_CHARACTERS))


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and _CONTROL.isdisjoint(text)


def _picture(data: bytes, media_type: str) -> FileFacts:
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own check below is stricter and has a code of its own
    try:
        with Image.open(BytesIO(data), formats=[IMAGE_FORMATS[media_type]]) as picture:
            _refuse_heavy(picture.width * picture.height, 1)
            frames = 1 if media_type == "image/jpeg" else int(getattr(picture, "n_frames", 1))
            _refuse_heavy(picture.width * picture.height, frames)
            _decode(picture, frames)
            return FileFacts(media_type, len(data), picture.width, picture.height, frames)
    except (OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError) as error:
        raise InvalidInput("file_unreadable", reason="broken_picture") from error


def _refuse_heavy(pixels: int, frames: int) -> None:
    if pixels > FRAME_PIXELS_MAX or pixels * frames > TOTAL_PIXELS_MAX:
        raise InvalidInput(
            "media_too_heavy", pixels=pixels, frames=frames, pixels_max=FRAME_PIXELS_MAX
        )


def _decode(picture: "Image.Image", frames: int) -> None:
    for number in range(frames):
        if frames > 1:
            picture.seek(number)
        picture.load()


def _pdf_pages(data: bytes) -> int:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it writes a line for every blemish
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted:
            raise InvalidInput("file_unreadable", reason="encrypted")
        pages = len(reader.pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise InvalidInput("file_unreadable", reason="broken_pdf") from error
    except RecursionError as error:
        raise InvalidInput("file_unreadable", reason="broken_pdf") from error
    if pages == 0:
        raise InvalidInput("file_unreadable", reason="no_pages")
    return pages
