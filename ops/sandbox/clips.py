"""Videos: a small real MP4, made once per size and length and then marked for each request."""

import io
import struct
from functools import lru_cache
from typing import Final

from PIL import Image, ImageDraw, ImageFont

FRAMES_PER_S: Final = 8
SIDE_MAX: Final = 1920
_HEADER_BYTES: Final = 8  # length and kind


def clip(*, width: int, height: int, seconds: int, mark: str) -> bytes:
    """H.264 in MP4. `mark` is in the bytes, so that two requests never give the same file.

    Raises ImportError without PyAV.
    """
    return _film(width - width % 2, height - height % 2, seconds) + _free_box(mark.encode())


@lru_cache(maxsize=16)
def _film(width: int, height: int, seconds: int) -> bytes:
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_S)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "32"}
        picture, total = _label(width, height), seconds * FRAMES_PER_S
        for number in range(total):
            _fill_bar(picture, number / total)
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def _label(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), "#24364b")
    draw_on = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(8, width // 18))
    text = "SANDBOX\nNo model made this film."
    draw_on.multiline_text((width // 16, height // 4), text, font=font, fill="white", spacing=12)
    return image


def _fill_bar(picture: Image.Image, share: float) -> None:
    """A bar at the lower edge says how much of the film is over; it only grows."""
    top = picture.height - picture.height // 12
    draw_on = ImageDraw.Draw(picture)
    draw_on.rectangle((0, top, round(picture.width * share), picture.height), fill="#f2b134")


def _free_box(mark: bytes) -> bytes:
    """A box of MP4 that players pass over (ISO/IEC 14496-12, `free`)."""
    return struct.pack(">I4s", _HEADER_BYTES + len(mark), b"free") + mark
