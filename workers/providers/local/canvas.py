"""Colour, gradients and seeded noise for drawing with Pillow alone.

All noise comes from the `random.Random` that is passed in, so the same seed draws the same picture
in every process; Pillow's own noise has a hidden state and is not used.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageFilter

Rgb = tuple[int, int, int]
Stops = Sequence[tuple[float, Rgb]]

BICUBIC = Image.Resampling.BICUBIC


def rgb(code: str) -> Rgb:
    """`#rrggbb` as a colour."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def mix(start: Rgb, end: Rgb, share: float) -> Rgb:
    """`share` of the way from one colour to the other."""
    share = min(1.0, max(0.0, share))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def at(stops: Stops, place: float) -> Rgb:
    """The colour at `place`, 0..1, of a row of stops that begins at 0 and ends at 1."""
    for (left, start), (right, end) in pairwise(stops):
        if place <= right:
            return mix(start, end, (place - left) / (right - left))
    return stops[-1][1]


def vertical(size: tuple[int, int], stops: Stops) -> Image.Image:
    """Top to bottom through the stops."""
    strip = Image.new("RGB", (1, 512))
    for y in range(512):
        strip.putpixel((0, y), at(stops, y / 511))
    return strip.resize(size, BICUBIC)


def ramp(size: tuple[int, int], curve: Callable[[float], float]) -> Image.Image:
    """A mask whose strength at height 0..1 is `curve`, 0..1."""
    strip = Image.new("L", (1, 512))
    for y in range(512):
        strip.putpixel((0, y), round(255 * min(1.0, max(0.0, curve(y / 511)))))
    return strip.resize(size, BICUBIC)


def noise(
    size: tuple[int, int], rnd: Random, *, cells: tuple[int, int], octaves: int = 5
) -> Image.Image:
    """Cloud-like noise as a mask, stretched to the whole range; `cells` of the coarsest octave."""
    total: Image.Image | None = None
    work = (max(2, size[0] // 2), max(2, size[1] // 2))
    for octave in range(octaves):
        grid = (cells[0] * 2**octave + 1, cells[1] * 2**octave + 1)
        layer = Image.frombytes("L", grid, rnd.randbytes(grid[0] * grid[1])).resize(work, BICUBIC)
        share = 0.5 if octave == 0 else 1 / (2 + 1.1 * octave)
        total = layer if total is None else Image.blend(total, layer, share * 0.8)
    assert total is not None  # noqa: S101 (at least one octave)
    used = total.filter(ImageFilter.GaussianBlur(1)).histogram()
    low = next(v for v in range(256) if used[v])
    high = next(v for v in range(255, -1, -1) if used[v])
    spread = max(1, high - low)
    stretched = total.point([min(255, max(0, (v - low) * 255 // spread)) for v in range(256)])
    return stretched.resize(size, BICUBIC)


def shaped(mask: Image.Image, *, floor: float, gain: float) -> Image.Image:
    """Only what is above `floor` (0..1) is kept, `gain` times as strong."""
    return mask.point(lambda v: min(255, max(0, round((v / 255 - floor) * gain * 255))))


@cache
def radial() -> Image.Image:
    """Distance from the centre as a mask: 0 there, 180 at the middle of an edge, 255 in a
    corner.
    """
    middle = 127.5
    row = [(x - middle) / middle for x in range(256)]
    return Image.frombytes(
        "L", (256, 256), bytes(min(255, round(180 * math.hypot(x, y))) for y in row for x in row)
    )


def shift(mask: Image.Image, dx: int, dy: int) -> Image.Image:
    """The mask moved right and down; what comes in at the edges is empty."""
    width, height = mask.size
    return mask.crop((-dx, -dy, width - dx, height - dy))


def glow(picture: Image.Image, centre: tuple[float, float], radius: float, color: Rgb) -> None:
    """Light around a point, added in place. `centre` and `radius` in pixels."""
    side = max(2, round(radius * 2))
    fall = radial().point([round(max(0.0, 1 - v / 180) ** 2.2 * 255) for v in range(256)])
    fall = fall.resize((side, side), BICUBIC)
    left, top = round(centre[0] - radius), round(centre[1] - radius)
    patch = picture.crop((left, top, left + side, top + side))
    light = Image.composite(
        Image.new("RGB", (side, side), color), Image.new("RGB", (side, side)), fall
    )
    picture.paste(ImageChops.screen(patch, light), (left, top))


def tint(picture: Image.Image, color: Rgb, mask: Image.Image) -> None:
    """Paints a colour through a mask of the picture's size, in place."""
    picture.paste(Image.new("RGB", picture.size, color), (0, 0), mask)


def light(picture: Image.Image, color: Rgb, mask: Image.Image) -> Image.Image:
    """The picture with light of a colour added where the mask is."""
    beam = Image.new("RGB", picture.size)
    beam.paste(Image.new("RGB", picture.size, color), (0, 0), mask)
    return ImageChops.screen(picture, beam)


def finish(picture: Image.Image, rnd: Random) -> Image.Image:
    """A light vignette and grain: they hide the banding of smooth gradients."""
    width, height = picture.size
    edge = radial().point([round(max(0.0, v / 255 - 0.5) * 0.6 * 255) for v in range(256)])
    edge = edge.resize((width, height), BICUBIC)
    tint(picture, (4, 5, 14), edge)
    tile = Image.frombytes("L", (256, 256), rnd.randbytes(256 * 256)).filter(
        ImageFilter.GaussianBlur(0.6)
    )
    grain = Image.new("L", (width, height))
    for top in range(0, height, 256):
        for left in range(0, width, 256):
            grain.paste(tile, (left, top))
    soft = ImageChops.soft_light(picture, Image.merge("RGB", (grain, grain, grain)))
    return Image.blend(picture, soft, 0.09)
