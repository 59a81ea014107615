"""A short film from a still: the camera moves slowly over a picture, or over one drawn for a
prompt.

H.264 in MP4, 24 frames a second, index at the front so that it plays while it loads.
"""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from ops.base.child import tell_progress
from workers.pictures import marks
from workers.providers.local.art import draw
from workers.providers.local.moods import dice

if TYPE_CHECKING:
    import av

MADE_BY: Final = "local provider (camera move over a still, not a neural model)"
FRAMES_PER_SECOND: Final = 24
LARGE: Final = ((1280, 720), (720, 1280), (720, 720))
SMALL: Final = ((640, 360), (360, 640), (480, 480))
STILL_SCALE: Final = 1.35
ZOOM: Final = 0.78
"""The closest view shows this share of the still's width."""
_WIDE: Final = 1.15
_DRAWING_SHARE: Final = 0.2

_LUMA: Final = [round(16 + value * 219 / 255) for value in range(256)]
_CHROMA: Final = [round(128 + (value - 128) * 224 / 255) for value in range(256)]
"""From the full range of pictures to that of films (ITU-R BT.601)."""

Film = tuple[bytes, int, int, float]
Box = tuple[float, float, float, float]


def film_of_prompt(prompt: str, seconds: int) -> Film:
    """Draws a picture larger than the frame and films it: MP4 bytes, width, height, seconds."""
    width, height = LARGE[0]
    size = round(width * STILL_SCALE), round(height * STILL_SCALE)
    still = draw(prompt, *size, None, lambda share: tell_progress(share * _DRAWING_SHARE))
    return _film(still, LARGE[0], seconds, prompt, marks.ALGORITHMIC)


def film_of_pixels(pixels: bytes, size: tuple[int, int], seconds: int, prompt: str) -> Film:
    """Films a picture given as raw RGB, in a frame of its own shape."""
    still = Image.frombytes("RGB", size, pixels)
    return _film(still, frame_for(size), seconds, prompt, marks.ENHANCED)


def frame_for(size: tuple[int, int]) -> tuple[int, int]:
    """Wide, tall or square as the picture is; small when the picture is small. Sides are even."""
    frames = LARGE if max(size) >= LARGE[0][0] and min(size) >= SMALL[0][1] else SMALL
    if size[0] > size[1] * _WIDE:
        return frames[0]
    return frames[1] if size[1] > size[0] * _WIDE else frames[2]


def _film(
    still: Image.Image, frame: tuple[int, int], seconds: int, prompt: str, source_type: str
) -> Film:
    import av

    views = _views(still.size, frame, seconds * FRAMES_PER_SECOND, prompt)
    comment = f"Made by {marks.SOFTWARE}, {MADE_BY}. DigitalSourceType: {source_type}"
    # The index can only be moved to the front of a file that can be read again, so not in memory.
    with tempfile.TemporaryDirectory(prefix="leyden-film-") as folder:
        path = Path(folder) / "film.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            container.metadata["comment"] = comment
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            stream.width, stream.height = frame
            stream.pix_fmt = "yuv420p"
            stream.time_base = Fraction(1, FRAMES_PER_SECOND)
            stream.options = {"crf": "23", "preset": "veryfast"}
            planes = _planes(still)
            for number, view in enumerate(views):
                shot = av.VideoFrame(*frame, "yuv420p")
                _shoot(planes, view, shot)
                container.mux(stream.encode(shot))
                tell_progress(_DRAWING_SHARE + (1 - _DRAWING_SHARE) * (number + 1) / len(views))
            container.mux(stream.encode())
        return path.read_bytes(), *frame, float(seconds)


def _planes(still: Image.Image) -> tuple[Image.Image, ...]:
    """Brightness, and two of colour at half the size, as H.264 keeps them: each frame is then cut from half
    of the bytes that a picture has, and nothing is left to convert.
    """
    luma, *chroma = still.convert("YCbCr").split()
    return luma.point(_LUMA), *(plane.reduce(2).point(_CHROMA) for plane in chroma)


def _shoot(planes: tuple[Image.Image, ...], view: Box, shot: "av.VideoFrame") -> None:
    """Fill `shot` with what is in `view`, in pixels of the first plane."""
    for plane, into in zip(planes, shot.planes, strict=True):
        scale = plane.width / planes[0].width
        left, top, right, bottom = (edge * scale for edge in view)
        box = (left, top, min(right, plane.width), min(bottom, plane.height))
        cut = plane.resize((into.width, into.height), Image.Resampling.BILINEAR, box=box)
        into.update(cut.crop((0, 0, into.line_size, into.height)).tobytes())


def _views(still: tuple[int, int], frame: tuple[int, int], count: int, prompt: str) -> list[Box]:
    """The part of the still that each frame shows: a zoom and a drift that start and end softly."""
    width, height = still
    wide = min(width, height * frame[0] / frame[1])
    rnd = dice(prompt, count)
    inward = rnd.random() < 0.6  # noqa: PLR2004
    start, end = (rnd.uniform(0.25, 0.45), rnd.uniform(0.55, 0.75))
    if rnd.random() < 0.5:  # noqa: PLR2004
        start, end = end, start
    views = []
    for number in range(count):
        t = number / max(1, count - 1)
        soft = t * t * (3 - 2 * t)
        near = soft if inward else 1 - soft
        view_w = wide * (1 - (1 - ZOOM) * near)
        view_h = view_w * frame[1] / frame[0]
        left = (width - view_w) * (start + (end - start) * soft)
        top = (height - view_h) * (0.5 - 0.12 * (soft - 0.5))
        views.append((left, top, left + view_w, top + view_h))
    return views
