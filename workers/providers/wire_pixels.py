"""Pictures and films on their way to and from a provider, for the inside of a DECODE child.

What leaves carries none of the source's metadata: no place, no camera. What comes is opened before it
is believed.
"""

from io import BytesIO
from typing import Final, NamedTuple

from PIL import Image, ImageOps

from schemas.errors import InvalidInput, Permanent
from storage.media import IMAGE_FORMATS, facts_of
from workers.pictures import marks
from workers.pictures.opening import WITH_ALPHA, flat, opened

TRAINED: Final = f"{marks.SOURCE_TYPES}trainedAlgorithmicMedia"
"""IPTC: made by a model that was trained on samples."""
SENT_JPEG_QUALITY: Final = 92
SUFFIXES: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
}
FILM_SIDE_MAX: Final = 8_192
FILM_MAX_S: Final = 120.0
_MICROSECONDS: Final = 1_000_000


class Picture(NamedTuple):
    data: bytes
    media_type: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """A file name whose ending is true: some providers believe it and not the bytes."""
        return f"picture.{SUFFIXES[self.media_type]}"


class Film(NamedTuple):
    width: int
    height: int
    duration_s: float


def to_send(data: bytes, side_max: int) -> Picture:
    """A user's picture as providers take it: upright, PNG if it has transparency, else JPEG.

    Raises Permanent `file_unreadable`, `media_too_heavy`.
    """
    picture = opened(data, side_max).picture
    out = BytesIO()
    if picture.mode == WITH_ALPHA:
        picture.save(out, "PNG", compress_level=6)
        return Picture(out.getvalue(), "image/png", *picture.size)
    picture.save(out, "JPEG", quality=SENT_JPEG_QUALITY)
    return Picture(out.getvalue(), "image/jpeg", *picture.size)


def mask_to_send(data: bytes, size: tuple[int, int]) -> bytes:
    """A mask as a PNG with transparency, of the size of the picture that is sent.

    Raises Permanent `file_unreadable`, `media_too_heavy`, `invalid_input` for one without transparency.
    """
    mask = opened(data, max(size)).picture
    if mask.mode != WITH_ALPHA:
        raise Permanent("invalid_input", problem="the mask has no transparent part")
    out = BytesIO()
    mask.resize(size, Image.Resampling.NEAREST).save(out, "PNG", compress_level=6)
    return out.getvalue()


def received(data: bytes, size: tuple[int, int] | None, made_by: str) -> Picture:
    """A provider's picture, believed once it has opened; brought to `size` where it has another.

    Providers make few sizes: the middle is kept and scaled. Raises Permanent `bad_result`.
    """
    try:
        facts = facts_of(data)
    except InvalidInput as error:
        raise Permanent("bad_result", reason=error.code) from error
    if facts.media_type not in IMAGE_FORMATS:
        raise Permanent("bad_result", reason="no_picture")
    if size is None or size == (facts.width, facts.height):
        return Picture(data, facts.media_type, facts.width, facts.height)
    picture = opened(data, max(facts.width, facts.height)).picture
    fitted = ImageOps.fit(picture, size, Image.Resampling.LANCZOS)
    body = marks.png(fitted, made_by=made_by, description="", source_type=TRAINED)
    return Picture(body, "image/png", *size)


def still(data: bytes, size: tuple[int, int]) -> Picture:
    """The first frame of a film: a user's picture in the shape of a film, on white, as JPEG.

    Raises Permanent `file_unreadable`, `media_too_heavy`.
    """
    picture = ImageOps.fit(flat(opened(data, 2 * max(size)).picture), size)
    out = BytesIO()
    picture.save(out, "JPEG", quality=SENT_JPEG_QUALITY)
    return Picture(out.getvalue(), "image/jpeg", *size)


def film(data: bytes) -> Film:
    """Size and length of a film whose first frame decodes. Raises Permanent `bad_result`."""
    import av

    try:
        with av.open(BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            frame = next(container.decode(stream))
            length_s = float(container.duration or 0) / _MICROSECONDS
            width, height = frame.width, frame.height
    except (av.FFmpegError, IndexError, StopIteration, ValueError) as error:
        raise Permanent("bad_result", reason="no_film") from error
    if max(width, height) > FILM_SIDE_MAX or not 0 < length_s <= FILM_MAX_S:
        raise Permanent("bad_result", reason="odd_film")
    return Film(width, height, length_s)
