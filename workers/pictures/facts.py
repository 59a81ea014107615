"""What can be measured in a picture: size, colours, brightness, sharpness, a few EXIF fields.

Facts, not a pretended description: nobody has looked at the picture.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import ExifTags, Image, ImageColor, ImageFilter, ImageStat

from workers.pictures.opening import flat, opened

Rgb = tuple[int, int, int]

WORK_SIDE: Final = 512
COLORS: Final = 14
SHARE_MIN: Final = 0.02
_SHARP_VARIANCE: Final = 350.0
"""Variance of the Laplacian at which `sharpness` is one half: a clean photo scaled to WORK_SIDE."""

NAMES: Final[dict[str, str]] = {
    "black": "#0b0b0d",
    "dark grey": "#3c3d42",
    "grey": "#808288",
    "light grey": "#c3c5c9",
    "white": "#fafafa",
    "cream": "#f6ecd2",
    "beige": "#d8c3a0",
    "brown": "#7a4b28",
    "dark brown": "#3b2417",
    "red": "#d0202a",
    "dark red": "#7a1420",
    "coral": "#f2705a",
    "orange": "#f28a1e",
    "gold": "#e2b33c",
    "yellow": "#f6e04a",
    "olive": "#7c7c2c",
    "lime": "#9ad83c",
    "green": "#2f9a44",
    "dark green": "#16482a",
    "mint": "#a2dcc0",
    "teal": "#1c8585",
    "turquoise": "#40c8c4",
    "light blue": "#9ccbee",
    "blue": "#2c66d0",
    "navy": "#14234e",
    "slate blue": "#5a6a94",
    "lavender": "#b9a6e0",
    "purple": "#7a3aa6",
    "dark purple": "#33194e",
    "magenta": "#cc3a9a",
    "pink": "#f5a8c2",
    "peach": "#f8cba6",
    "dusty rose": "#b07c80",
    "mauve": "#8c6a8a",
    "plum": "#5c3a5e",
    "sand": "#e0b878",
    "sage": "#8ca488",
    "steel blue": "#4a7ca8",
}
_EXIF_FIELDS: Final[dict[str, int]] = {
    "camera_make": ExifTags.Base.Make,
    "camera_model": ExifTags.Base.Model,
    "taken_at": ExifTags.Base.DateTimeOriginal,
    "exposure_s": ExifTags.Base.ExposureTime,
    "aperture_f": ExifTags.Base.FNumber,
    "iso": ExifTags.Base.ISOSpeedRatings,
    "focal_length_mm": ExifTags.Base.FocalLength,
}
"""What is shown of the EXIF data. Places and serial numbers are not."""
_EXIF_VALUE_MAX_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Facts:
    """`palette`: name, `#rrggbb`, share of the picture; the largest first."""

    width: int
    height: int
    format: str
    palette: tuple[tuple[str, str, float], ...]
    brightness: float
    sharpness: float
    exif: dict[str, str]
    text: str


def measure(data: bytes) -> Facts:
    """For a DECODE child. Width and height as seen, after an EXIF turn. Raises Permanent as
    `opened`.
    """
    picture, kind, (width, height) = opened(data, WORK_SIDE)
    see_through = picture.mode == "RGBA"
    exif = _exif(data)
    plain = flat(picture)
    grey = plain.convert("L")
    palette = _palette(plain)
    brightness = round(ImageStat.Stat(grey).mean[0] / 255, 3)
    sharpness = round(_sharpness(grey), 3)
    text = _sentences((width, height), kind, palette, brightness, sharpness)
    if see_through:
        text += " Parts of it are transparent; they were measured on white."
    return Facts(width, height, kind, palette, brightness, sharpness, exif, text)


def name_of(color: Rgb) -> str:
    """The nearest named colour, by a distance that weighs red and blue as the eye does."""
    return min(NAMES, key=lambda name: _distance(_rgb(NAMES[name]), color))


def _rgb(code: str) -> Rgb:
    red, green, blue = ImageColor.getrgb(code)[:3]
    return red, green, blue


def _palette(picture: Image.Image) -> tuple[tuple[str, str, float], ...]:
    small = picture.resize((128, 128), Image.Resampling.BOX)
    counted = small.quantize(COLORS, method=Image.Quantize.MEDIANCUT).convert("RGB").getcolors()
    merged: dict[str, tuple[str, float]] = {}
    for count, color in sorted(counted or (), reverse=True):
        assert isinstance(color, tuple)  # noqa: S101 (RGB was asked for)
        red, green, blue = color[:3]
        name, share = name_of((red, green, blue)), count / (128 * 128)
        code, before = merged.get(name, (f"#{red:02x}{green:02x}{blue:02x}", 0.0))
        merged[name] = (code, before + share)
    rows = [(name, code, round(share, 3)) for name, (code, share) in merged.items()]
    rows.sort(key=lambda row: -row[2])
    return tuple(row for row in rows if row[2] >= SHARE_MIN)


def _sharpness(grey: Image.Image) -> float:
    """Variance of the Laplacian, brought to 0..1."""
    kernel = ImageFilter.Kernel((3, 3), (0, 1, 0, 1, -4, 1, 0, 1, 0), scale=1, offset=128)
    inner = grey.filter(kernel).crop((1, 1, max(2, grey.width - 1), max(2, grey.height - 1)))
    variance = ImageStat.Stat(inner).var[0]
    return variance / (variance + _SHARP_VARIANCE)


def _exif(data: bytes) -> dict[str, str]:
    try:
        with Image.open(BytesIO(data)) as source:
            tags = source.getexif()
            values = dict(tags) | dict(tags.get_ifd(ExifTags.IFD.Exif))
    except (OSError, SyntaxError, ValueError, KeyError, TypeError):
        return {}  # broken EXIF in a picture that opens is no fault of the picture
    found: dict[str, str] = {}
    for name, tag in _EXIF_FIELDS.items():
        text = str(values.get(tag, "")).replace("\x00", "").strip()
        if text and text.isprintable():
            found[name] = text[:_EXIF_VALUE_MAX_CHARACTERS]
    return found


def _sentences(
    size: tuple[int, int],
    kind: str,
    palette: tuple[tuple[str, str, float], ...],
    brightness: float,
    sharpness: float,
) -> str:
    width, height = size
    shape = "square" if width == height else "landscape" if width > height else "portrait"
    colors = ", ".join(f"{name} ({share:.0%})" for name, _, share in palette[:4])
    tone = _word(brightness, ("very dark", "dark", "of middle brightness", "bright", "very bright"))
    edge = _word(sharpness, ("blurred", "soft", "fairly sharp", "sharp", "very sharp"))
    return (
        f"A {shape} {kind} picture of {width} × {height} pixels "
        f"({width * height / 1e6:.1f} megapixels). Main colours: {colors}. "
        f"It is {tone} ({brightness:.2f}) and {edge} ({sharpness:.2f}), both measured from 0 to 1."
    )


def _word(share: float, words: tuple[str, ...]) -> str:
    return words[min(len(words) - 1, int(share * len(words)))]


def _distance(left: Rgb, right: Rgb) -> float:
    mean = (left[0] + right[0]) / 2
    red, green, blue = (a - b for a, b in zip(left, right, strict=True))
    return (2 + mean / 256) * red**2 + 4 * green**2 + (2 + (255 - mean) / 256) * blue**2
