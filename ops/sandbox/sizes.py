"""Sizes as the providers let them be asked for: `1024x1536`, an aspect ratio, a resolution."""

import re
from typing import Final

from ops.sandbox.refusals import Refusal

STEP: Final = 16
LONG_SIDES: Final = {
    "512": 512, "1K": 1024, "2K": 2048, "4K": 3840,
    "360p": 640, "480p": 854, "540p": 960, "580p": 1024, "720p": 1280, "768p": 1366, "1080p": 1920,
}  # fmt: skip
_SIZE: Final = re.compile(r"(\d{1,4})x(\d{1,4})")
_RATIO: Final = re.compile(r"(\d{1,2}):(\d{1,2})")


def exact(size: str, *, most: int, step: int = 1) -> tuple[int, int]:
    """`WxH` -> pixels. Raises Refusal 400."""
    found = _SIZE.fullmatch(size)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (step <= width <= most and step <= height <= most) or width % step or height % step:
        message = f"Invalid size {size!r}: at most {most} a side, in steps of {step}."
        raise Refusal(400, "invalid_size", message, param="size")
    return width, height


def by_ratio(ratio: str, resolution: str) -> tuple[int, int]:
    """`16:9` and `2K` -> pixels; `auto` is square for a picture. Raises Refusal 422."""
    found = _RATIO.fullmatch("1:1" if ratio.lower() == "auto" else ratio)
    known = {name.lower(): side for name, side in LONG_SIDES.items()}
    long_side = known.get(resolution.lower())
    if found is None or long_side is None or "0" in (found[1], found[2]):
        message = f"This aspect ratio or resolution is not supported: {ratio}, {resolution}"
        raise Refusal(422, "invalid_value", message)
    across, down = int(found[1]), int(found[2])
    longest = max(across, down)
    return _stepped(long_side * across / longest), _stepped(long_side * down / longest)


def _stepped(side: float) -> int:
    return max(STEP, round(side / STEP) * STEP)
