"""Opening a stranger's picture, for the inside of a DECODE child."""

from io import BytesIO
from typing import Final, NamedTuple

from PIL import ExifTags, Image, ImageOps

from schemas.errors import Permanent
from storage.media import FRAME_PIXELS_MAX, IMAGE_FORMATS

OPAQUE: Final = "RGB"
WITH_ALPHA: Final = "RGBA"
_SMOOTH: Final = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
"""Kinds of pixel that can be scaled as they are; the others are converted first."""
_LYING: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height."""


class Opened(NamedTuple):
    """`picture` is RGB or RGBA; `size` is what its file holds, upright, before any reduction."""

    picture: Image.Image
    kind: str
    size: tuple[int, int]


def opened(data: bytes, side_max: int) -> Opened:
    """The first frame of a file, upright, reduced so that no side is above `side_max`.

    Raises Permanent `media_too_heavy` before decoding, `file_unreadable`.
    """
    Image.MAX_IMAGE_PIXELS = None  # the check below is stricter
    try:
        with Image.open(BytesIO(data), formats=list(IMAGE_FORMATS.values())) as source:
            if source.width * source.height > FRAME_PIXELS_MAX:
                raise Permanent("media_too_heavy", pixels=source.width * source.height)
            kind, size = source.format or "unknown", source.size
            if source.getexif().get(ExifTags.Base.Orientation) in _LYING:
                size = size[1], size[0]
            source.draft(OPAQUE, (side_max, side_max))
            # Reduced in place first: a second full copy would pass the memory cap of a child.
            source.load()
            if source.mode in _SMOOTH:
                source.thumbnail((side_max, side_max), Image.Resampling.LANCZOS)
            picture = _plain(ImageOps.exif_transpose(source))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Permanent("file_unreadable") from error
    picture.thumbnail((side_max, side_max), Image.Resampling.LANCZOS)
    return Opened(picture, kind, size)


def pixels(data: bytes, side_max: int) -> tuple[bytes, tuple[int, int]]:
    """Raw RGB of a picture and its size: a form that cannot hurt who reads it next."""
    picture = flat(opened(data, side_max).picture)
    return picture.tobytes(), picture.size


def flat(picture: Image.Image) -> Image.Image:
    """Without transparency: on white."""
    if picture.mode == OPAQUE:
        return picture
    ground = Image.new(OPAQUE, picture.size, (255, 255, 255))
    ground.paste(picture, (0, 0), picture.getchannel("A"))
    return ground


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16 bits a pixel; a plain conversion would clip to white
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    return picture.convert(WITH_ALPHA if picture.has_transparency_data else OPAQUE)
