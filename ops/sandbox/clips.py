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
        total = seconds * FRAMES_PER_S
        for number in range(total):
            picture = _frame(width, height, number / total)
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def _frame(width: int, height: int, share: float) -> Image.Image:
    """A label, and a bar that says how much of the film is over."""
    image = Image.new("RGB", (width, height), "#24364b")
    draw_on = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(8, width // 18))
    text = "SANDBOX\nNo model made this film."
    draw_on.multiline_text((width // 16, height // 4), text, font=font, fill="white", spacing=12)
    bar = height // 12
    draw_on.rectangle((0, height - bar, round(width * share), height), fill="#f2b134")
    return image


def _free_box(mark: bytes) -> bytes:
    """A box of MP4 that players pass over (ISO/IEC 14496-12, `free`)."""
    return struct.pack(">I4s", _HEADER_BYTES + len(mark), b"free") + mark
