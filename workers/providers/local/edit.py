"""Plain tools for a picture: crop, resize, tone, sharpen, caption, upscale.

Runs in a DECODE child, so an operation is a plain dict (`op` and its fields, as in the payload).
The result carries none of the source's metadata: no place, no camera.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from ops.base.child import tell_progress
from schemas.errors import Permanent
from workers.pictures import marks
from workers.pictures.opening import WITH_ALPHA, opened
from workers.providers.local.fonts import bold

MADE_BY: Final = "local provider (picture tools, not a neural model)"
SIDE_MAX: Final = 4_096
PNG_PIXELS_MAX: Final = 4_000_000
"""A larger picture without transparency becomes a JPEG, as a PNG it would be tens of megabytes."""
CAPTION_LINES_MAX: Final = 4

_LANCZOS: Final = Image.Resampling.LANCZOS
Op = Mapping[str, Any]
Edited = tuple[bytes, str, int, int]


def edit(data: bytes, operations: tuple[Op, ...]) -> Edited:
    """The picture after all operations in order: bytes, media type, width, height.

    Raises Permanent `media_too_heavy`, `file_unreadable`, `invalid_input` (a caption no font has).
    """
    picture, kind, _ = opened(data, SIDE_MAX)
    for number, operation in enumerate(operations, 1):
        picture = TOOLS[operation["op"]](picture, operation)
        tell_progress(0.9 * number / len(operations))
    done = ", ".join(str(operation["op"]) for operation in operations)
    small = picture.width * picture.height <= PNG_PIXELS_MAX
    if picture.mode == WITH_ALPHA or (kind in ("PNG", "GIF") and small):
        body = marks.png(picture, made_by=MADE_BY, description=done, source_type=marks.ENHANCED)
        return body, "image/png", picture.width, picture.height
    body = marks.jpeg(picture, made_by=MADE_BY, description=done, source_type=marks.ENHANCED)
    return body, "image/jpeg", picture.width, picture.height


def crop(picture: Image.Image, op: Op) -> Image.Image:
    width, height = picture.size
    left, top = int(op["left"] * width), int(op["top"] * height)
    right, bottom = round(op["right"] * width), round(op["bottom"] * height)
    return picture.crop((left, top, max(left + 1, right), max(top + 1, bottom)))


def resize(picture: Image.Image, op: Op) -> Image.Image:
    """To the width, and to the height or else in proportion, at most SIDE_MAX high."""
    width = int(op["width"])
    height = op["height"] or round(picture.height * width / picture.width)
    return picture.resize((width, min(SIDE_MAX, max(1, int(height)))), _LANCZOS)


def tone(picture: Image.Image, op: Op) -> Image.Image:
    for name, tool in (
        ("brightness", ImageEnhance.Brightness),
        ("contrast", ImageEnhance.Contrast),
        ("saturation", ImageEnhance.Color),
    ):
        if op[name] != 1:
            picture = tool(picture).enhance(float(op[name]))
    return picture


def sharpen(picture: Image.Image, op: Op) -> Image.Image:
    percent = round(110 * float(op["amount"]))
    return picture.filter(ImageFilter.UnsharpMask(radius=2, percent=percent, threshold=2))


def upscale(picture: Image.Image, op: Op) -> Image.Image:
    """Lanczos and a light unsharp mask; less than the factor where SIDE_MAX would be passed."""
    factor = min(float(op["factor"]), SIDE_MAX / max(picture.size))
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    larger = picture.resize(size, _LANCZOS)
    return larger.filter(ImageFilter.UnsharpMask(radius=1.6, percent=70, threshold=2))


def caption(picture: Image.Image, op: Op) -> Image.Image:
    """White letters on a darkened edge, as large as fits in a few lines."""
    font, lines = _fit(str(op["text"]), picture.size)
    line_height = round(font.size * 1.28)
    pad = round(font.size * 0.7)
    tall = min(picture.height, line_height * len(lines) + 2 * pad)
    at_top = op["place"] == "top"
    top = 0 if at_top else picture.height - tall
    result = picture.copy()
    _darken(result, top=top, tall=tall, at_top=at_top)
    draw = ImageDraw.Draw(result)
    for number, line in enumerate(lines):
        middle = top + pad + line_height * (number + 0.5)
        draw.text(
            (picture.width / 2, middle),
            line,
            font=font,
            anchor="mm",
            fill="white",
            stroke_width=max(1, round(font.size / 24)),
            stroke_fill=(12, 12, 18),
        )
    return result


def _darken(picture: Image.Image, *, top: int, tall: int, at_top: bool) -> None:
    """A shadow that fades toward the middle of the picture."""
    strip = Image.new("L", (1, 64))
    for y in range(64):
        near_edge = 1 - y / 63 if at_top else y / 63
        strip.putpixel((0, y), round(190 * min(1.0, near_edge * 1.6)))
    shade = strip.resize((picture.width, tall), Image.Resampling.BICUBIC)
    dark = Image.new(picture.mode, shade.size, (8, 8, 14))
    picture.paste(dark, (0, top), shade)


def _fit(text: str, size: tuple[int, int]) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest font with which the text takes few lines, each inside 92 % of the width."""
    width, height = size
    points = max(8, min(width // 17, height // 11))
    while True:
        font, shown = bold(points, text)
        if not shown.strip():
            raise Permanent(
                "invalid_input", field="caption", problem="the caption has no visible letters"
            )
        lines = _wrapped(shown, font, width * 0.92)
        fits = all(font.getlength(line) <= width * 0.92 for line in lines)
        low = len(lines) * points * 1.28 <= height * 0.5
        if (len(lines) <= CAPTION_LINES_MAX and fits and low) or points <= 8:  # noqa: PLR2004
            return font, lines[:CAPTION_LINES_MAX]
        points = max(8, round(points * 0.88))


def _wrapped(text: str, font: ImageFont.FreeTypeFont, room: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


TOOLS: Final[dict[str, Callable[[Image.Image, Op], Image.Image]]] = {
    "crop": crop,
    "resize": resize,
    "tone": tone,
    "sharpen": sharpen,
    "caption": caption,
    "upscale": upscale,
}
