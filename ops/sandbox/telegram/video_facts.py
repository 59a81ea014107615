"""Size, length and first picture of a video, where PyAV is there to look; zeros otherwise."""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image

FRAME_SIDE: Final = 640


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Sizes in pixels, `frame_size` those of the JPEG."""

    width: int = 0
    height: int = 0
    duration_s: int = 0
    first_frame_jpeg: bytes = b""
    frame_size: tuple[int, int] = (0, 0)


def video_facts(data: bytes) -> VideoFacts:
    """Never raises: the real server takes a video that it cannot read, too."""
    try:
        import av
    except ImportError:
        return VideoFacts()
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.video[0]
            frame = next(container.decode(stream))
            image: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
            image.thumbnail((FRAME_SIDE, FRAME_SIDE))
            out = io.BytesIO()
            image.save(out, "JPEG", quality=80)
            seconds = round((container.duration or 0) / av.time_base)
            return VideoFacts(frame.width, frame.height, seconds, out.getvalue(), image.size)
    except (av.error.FFmpegError, IndexError, StopIteration, ValueError):
        return VideoFacts()
