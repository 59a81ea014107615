"""Pictures: drawing one that says what it is, and looking at those that clients send."""

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from ops.sandbox.refusals import Refusal

FORMATS: Final = {"png": "PNG", "webp": "WEBP", "jpeg": "JPEG", "jpg": "JPEG"}
INPUT_FORMATS: Final = ("PNG", "WEBP", "JPEG")
INPUT_MAX_BYTES: Final = 50 * 1024 * 1024
SIDE_MAX: Final = 4096
_TITLE: Final = "SANDBOX"
_WARNING: Final = "No model drew this picture."
_CELLS: Final = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that came from a client."""

    data: bytes
    file_format: str
    width: int
    height: int
    has_alpha: bool

    def described(self) -> str:
        return f"{self.file_format} {self.width}x{self.height}"


def look(data: bytes, *, param: str) -> Seen:
    """What kind of picture it is. Raises Refusal 400 for what is none, or too large."""
    if len(data) > INPUT_MAX_BYTES:
        raise Refusal(400, "image_too_large", "The image is larger than 50 MB.", param=param)
    try:
        with Image.open(io.BytesIO(data), formats=INPUT_FORMATS) as image:
            alpha = image.has_transparency_data
            seen = Seen(data, str(image.format), image.width, image.height, alpha)
            image.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        message = "The image cannot be read. Supported are png, webp and jpeg."
        raise Refusal(400, "invalid_image", message, param=param) from None
    return seen


def look_at_data_url(url: str, *, param: str) -> Seen:
    """The same for `data:image/...;base64,...`."""
    head, _, body = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise Refusal(400, "invalid_image_url", "Not a data URL of an image.", param=param)
    try:
        return look(base64.b64decode(body, validate=True), param=param)
    except binascii.Error:
        raise Refusal(400, "invalid_image_url", "Broken base64.", param=param) from None


def draw(*, width: int, height: int, caption: str, digest: str, file_format: str = "png") -> bytes:
    """A real file of exactly this size; what it shows follows from `digest` alone."""
    image = Image.new("RGB", (width, height), _color(digest, 0))
    _pattern(image, digest)
    _label(image, [_TITLE, _WARNING, *_latin(caption), f"request {digest[:12]}"])
    return encode(image, file_format)


def retouch(
    seen: Seen, *, caption: str, digest: str, size: tuple[int, int], file_format: str
) -> bytes:
    """The client's own picture at the size asked for, under a label that says what happened."""
    with Image.open(io.BytesIO(seen.data), formats=INPUT_FORMATS) as source:
        image = source.convert("RGB").resize(size)
    title = f"{_TITLE}: your picture, not edited by any model"
    _label(image, [title, *_latin(caption), f"request {digest[:12]}"])
    return encode(image, file_format)


def encode(image: Image.Image, file_format: str) -> bytes:
    """The bytes of a file. The label is in a PNG's text as well."""
    out = io.BytesIO()
    if FORMATS[file_format] == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", "Made by the Leyden sandbox, not by a model")
        image.save(out, "PNG", compress_level=1, pnginfo=notes)
    else:
        image.save(out, FORMATS[file_format], quality=85)
    return out.getvalue()


def _pattern(image: Image.Image, digest: str) -> None:
    """Eight by eight fields, as the digest has nibbles: pictures of two requests look different."""
    draw_on = ImageDraw.Draw(image)
    across, down = image.width / _CELLS, image.height / _CELLS
    for number, nibble in enumerate(digest[: _CELLS * _CELLS]):
        if int(nibble, 16) % 2:
            left, top = number % _CELLS * across, number // _CELLS * down
            color = _color(digest, 1 + int(nibble, 16) // 6)
            draw_on.rectangle((left, top, left + across, top + down), fill=color)


def _label(image: Image.Image, lines: list[str]) -> None:
    """White on black at the foot."""
    draw_on = ImageDraw.Draw(image)
    size = max(8, min(image.width // 24, image.height // 12))
    font = ImageFont.load_default(size)
    line_height = round(size * 1.4)
    top = image.height - line_height * len(lines) - size // 2
    draw_on.rectangle((0, top - size // 2, image.width, image.height), fill="black")
    for number, line in enumerate(lines):
        draw_on.text((size // 2, top + number * line_height), line, font=font, fill="white")


def _latin(caption: str) -> list[str]:
    """The built-in font has Latin letters only; boxes would help nobody."""
    text = " ".join(caption.split())
    return [text[:60]] if text and text.isascii() else []


def _color(digest: str, number: int) -> tuple[int, int, int]:
    start = number * 6
    red, green, blue = bytes.fromhex(digest[start : start + 6])
    return red, green, blue
