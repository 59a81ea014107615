"""A page of the gallery as one picture: a tile for each project with its code. Runs in a child process.

Pure: bytes in, a JPEG out. A picture that does not open, and everything that is none, is a plain tile.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from PIL import Image

TILE: Final = 320
CAPTION: Final = 44
GAP: Final = 12
COLUMNS: Final = 3
PIXELS_MAX: Final = 24_000_000
GROUND: Final = (24, 26, 32)
INK: Final = (236, 238, 242)
COLORS: Final = {
    "text": (70, 96, 148), "image": (84, 120, 96), "ai_art": (128, 84, 140), "video": (150, 92, 70),
}  # fmt: skip
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")

Tile = tuple[str, str, bytes]
"""Code, type, and the bytes of a picture, empty for none."""


def sheet(tiles: Sequence[Tile]) -> bytes:
    """Three in a row; at least one tile wide, so that an empty page is a picture, too."""
    from PIL import Image

    columns = max(1, min(COLUMNS, len(tiles)))
    rows = max(1, -(-len(tiles) // COLUMNS))
    width = columns * (TILE + GAP) + GAP
    height = rows * (TILE + CAPTION + GAP) + GAP
    page = Image.new("RGB", (width, height), GROUND)
    for place, (code, kind, data) in enumerate(tiles):
        left = GAP + (place % COLUMNS) * (TILE + GAP)
        top = GAP + (place // COLUMNS) * (TILE + CAPTION + GAP)
        page.paste(_picture(data) or _plain(kind), (left, top))
        _caption(page, f"{place + 1}  {code}", left, top + TILE)
    out = BytesIO()
    page.save(out, "JPEG", quality=82)
    return out.getvalue()


def _picture(data: bytes) -> "Image.Image | None":
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not data:
        return None
    Image.MAX_IMAGE_PIXELS = None  # our own check is stricter
    try:
        with Image.open(BytesIO(data), formats=list(FORMATS)) as opened:
            if opened.width * opened.height > PIXELS_MAX:
                return None
            return ImageOps.fit(opened.convert("RGB"), (TILE, TILE))
    except (OSError, SyntaxError, ValueError, EOFError, UnidentifiedImageError):
        return None


def _plain(kind: str) -> "Image.Image":
    """A quiet tile with the mark of its type: lines for a text, a triangle for a video."""
    from PIL import Image, ImageDraw

    tile = Image.new("RGB", (TILE, TILE), COLORS.get(kind, COLORS["text"]))
    draw = ImageDraw.Draw(tile)
    if kind == "video":
        draw.polygon([(120, 96), (120, 224), (232, 160)], fill=INK)
    else:
        for line, length in enumerate((190, 220, 150, 205, 120)):
            top = 96 + line * 30
            draw.rounded_rectangle((50, top, 50 + length, top + 12), radius=6, fill=INK)
    return tile


def _caption(page: "Image.Image", words: str, left: int, top: int) -> None:
    from PIL import ImageDraw, ImageFont

    font: Any = ImageFont.load_default(size=26)
    ImageDraw.Draw(page).text((left + 4, top + 6), words, fill=INK, font=font)
