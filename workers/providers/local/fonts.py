"""A font that can write Latin and Cyrillic: Manrope, which comes as a package of its own."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Final

from PIL import ImageFont

_SYSTEM: Final = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/Library/Fonts/Arial Unicode.ttf",
)
_NO_SUCH_CHARACTER: Final = "\U0010fffd"

Font = ImageFont.FreeTypeFont


def bold(size: int, text: str) -> tuple[Font, str]:
    """A bold font of `size` pixels and the part of `text` that it can write.

    The first font that has every character is taken; else the first font, without what it lacks.
    """
    fonts = [_load(path, size) for path in _paths()]
    for font in fonts:
        if writable(font, text) == text:
            return font, text
    return fonts[0], " ".join(writable(fonts[0], text).split())


def writable(font: Font, text: str) -> str:
    """`text` without the characters for which the font only has its empty box."""
    box = _shape(font, _NO_SUCH_CHARACTER)
    return "".join(char for char in text if char.isspace() or _shape(font, char) != box)


def _shape(font: Font, char: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(char)
    return mask.size, bytes(mask)


@cache
def _paths() -> tuple[Path | None, ...]:
    """Files to try in order; None is Pillow's own font, which knows Latin only."""
    found: list[Path | None] = []
    spec = importlib.util.find_spec("font_manrope")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "files" / "Manrope-Bold.ttf")
    found.extend(Path(name) for name in _SYSTEM)
    return (*(path for path in found if path is not None and path.is_file()), None)


@cache
def _load(path: Path | None, size: int) -> Font:
    font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):  # Pillow was built without FreeType
        msg = "Pillow has no FreeType"
        raise TypeError(msg)
    return font
