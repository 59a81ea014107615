"""Small pictures for the workspace: a preview of an image, the poster of a video. Runs in a child.

Only what it needs is imported, so that a child starts quickly.
"""

from io import BytesIO
from typing import Any, Final

SIDE_MAX_PIXELS: Final = 1_024
SIZE_MAX_BYTES: Final = 96 * 1024
POSTER_AT_S: Final = 1.0
QUALITIES: Final = (82, 70, 55, 40, 25)
_MADE_BY_MACHINE: Final = (
    "http://cv.iptc.org/newscodes/digitalsourcetype/{}"  # IPTC NewsCodes, digital source type
)
_XMP: Final = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#"><rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{}"/></rdf:RDF></x:xmpmeta>'
)


def image_preview(data: bytes, source_type: str | None) -> bytes:
    """A WebP of at most SIZE_MAX_BYTES; `source_type` is the mark of a picture made by a machine."""
    from PIL import Image

    with Image.open(BytesIO(data)) as picture:
        return _webp(picture, source_type)


def video_poster(data: bytes, source_type: str | None) -> bytes:
    """A frame of a video as such a WebP: a second in, for films begin in the dark; of a shorter one the
    last. ValueError when it has none.
    """
    import av

    shown: Any = None
    with av.open(BytesIO(data), mode="r") as container:
        for shown in container.decode(video=0):
            if shown.time is None or shown.time >= POSTER_AT_S:
                break
        if shown is None:
            message = "a video without a frame"
            raise ValueError(message)
        return _webp(shown.to_image(), source_type)


def _webp(picture: Any, source_type: str | None) -> bytes:
    """Lower quality first, then half the size: it always ends, and it always fits."""
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    small = picture.convert("RGBA" if has_alpha else "RGB")
    side = SIDE_MAX_PIXELS
    xmp = _XMP.format(_MADE_BY_MACHINE.format(source_type)).encode() if source_type else b""
    while True:
        small.thumbnail((side, side))
        for quality in QUALITIES:
            out = BytesIO()
            small.save(out, "WEBP", quality=quality, method=4, xmp=xmp)
            if out.tell() <= SIZE_MAX_BYTES:
                return out.getvalue()
        side //= 2
