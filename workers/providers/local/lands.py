"""Land below the horizon: ridges and hills, snow, woods, dunes, meadows; and birds above it."""

# ruff: noqa: PLR2004 (shares and proportions of a drawing; a name for each would say no more)

import math
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from workers.providers.local.canvas import Rgb, mix, noise, ramp, shaped, shift, tint, vertical
from workers.providers.local.moods import Scene

Line = list[float]
"""Heights of a skyline, 0..1 of the picture from its top, at even steps from left to right."""

_STEPS = 512


def ridge(rnd: Random, *, base: float, rise: float, rough: float) -> Line:
    """A mountain line by halving: each step adds a bump `rough` times the one before."""
    points = [rnd.uniform(-0.3, 0.3), rnd.uniform(-0.3, 0.3)]
    bump = 1.0
    while len(points) < _STEPS:
        between = [(a + b) / 2 + rnd.uniform(-bump, bump) for a, b in pairwise(points)]
        points = [p for pair in zip(points, between, strict=False) for p in pair] + points[-1:]
        bump *= rough
    low, high = min(points), max(points)
    return [base - rise * (p - low) / (high - low) for p in points]


def wave(rnd: Random, *, base: float, rise: float, folds: float) -> Line:
    """A soft line of hills or dunes."""
    phases = [rnd.uniform(0, 6.28) for _ in range(4)]
    return [
        base
        - rise
        * sum(
            math.sin(x / _STEPS * 6.28 * folds * (k + 1) * 0.6 + p) / (k + 1.5)
            for k, p in enumerate(phases)
        )
        * 0.5
        for x in range(_STEPS + 1)
    ]


def mask_below(line: Line, size: tuple[int, int]) -> Image.Image:
    """Everything under a line, with smooth edges."""
    width, height = size
    step = width / (len(line) - 1)
    points = [(x * step * 2, y * height * 2) for x, y in enumerate(line)]
    mask = Image.new("L", (width * 2, height * 2))
    ImageDraw.Draw(mask).polygon([(0, height * 2), *points, (width * 2, height * 2)], fill=255)
    return mask.resize(size, Image.Resampling.BOX)


def lay(picture: Image.Image, line: Line, top: Rgb, foot: Rgb, *, deep: float) -> None:
    """Fills under a line: `top` at its crest, fading to `foot` (mist) over `deep` of the height."""
    height = picture.height
    crest = min(line)
    fill = vertical(
        picture.size,
        ((0, top), (max(0.001, crest), top), (min(0.998, crest + deep), foot), (1, foot)),
    )
    picture.paste(fill, (0, 0), mask_below(line, (picture.width, height)))


def mountains(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """Four ranges, each nearer, darker and lower, with mist in the valleys between."""
    horizon = scene.horizon
    snowy = "snow" in scene.things or rnd.random() < 0.5
    for number in range(4):
        near = number / 3
        base = horizon + 0.01 + (0.05 + 0.16 * near if "sea" not in scene.things else 0.015 * near)
        rise = (0.34 - 0.075 * number) * (0.8 if "sea" in scene.things else 1)
        line = ridge(rnd, base=base, rise=rise, rough=0.5 - 0.02 * number)
        color = mix(scene.far(0.74 - 0.56 * near), scene.sky[0][1], 0.3)
        mist = mix(scene.haze, color, 0.3 + 0.35 * near)
        lay(picture, line, color, mist, deep=rise * 1.1)
        if snowy and number < 2:
            snowcaps(picture, line, scene, rnd, rise)


def snowcaps(picture: Image.Image, line: Line, scene: Scene, rnd: Random, rise: float) -> None:
    """Snow on what is high: broken by noise, brighter toward the sun."""
    size = picture.size
    crest = min(line)
    high = ramp(size, lambda y: 1.25 - (y - crest) / (rise * 0.75))
    broken = noise(size, rnd, cells=(14, 22), octaves=4)
    patchy = shaped(ImageChops.add(high, broken, scale=2), floor=0.5, gain=9)
    mask = ImageChops.multiply(mask_below(line, size), patchy)
    lit = mix((246, 249, 255), scene.sun, 0.25)
    tint(picture, mix(lit, scene.sky[1][1], 0.3), mask.point(lambda v: round(v * 0.88)))
    step = max(1, size[0] // 260)
    ledge = ImageChops.subtract(mask, shift(mask, step, 0))
    ledge.paste(0, (0, 0, step, size[1]))  # nothing was shifted in from outside the picture
    tint(picture, mix(scene.land, scene.sky[0][1], 0.6), ledge.point(lambda v: round(v * 0.35)))


def woods(picture: Image.Image, scene: Scene, rnd: Random, *, rows: int = 3) -> None:
    """Rows of spruces on low hills, the nearest almost black."""
    width, height = picture.size
    for number in range(rows):
        near = (number + 1) / rows
        base = scene.horizon + 0.07 + 0.25 * near**1.4
        line = wave(rnd, base=base, rise=0.035, folds=rnd.uniform(0.6, 1.4))
        color = scene.far(0.5 * (1 - near) ** 1.2)
        layer = Image.new("L", (width * 2, height * 2))
        draw = ImageDraw.Draw(layer)
        tall = height * 2 * (0.05 + 0.12 * near**1.5)
        groves = noise((_STEPS // 4 + 1, 2), rnd, cells=(5, 1), octaves=3).tobytes()
        x = -tall * 0.2
        while x < width * 2 + tall:
            at = min(_STEPS, max(0, round(x / (width * 2) * _STEPS)))
            grown = 0.5 + 0.4 * groves[at // 4] / 255 + rnd.uniform(0, 0.55) ** 2
            spruce(draw, x, line[at] * height * 2 + tall * 0.1, tall * grown, rnd)
            x += tall * rnd.uniform(0.1, 0.34)
        mask = layer.resize(picture.size, Image.Resampling.BOX)
        mask = ImageChops.lighter(mask, mask_below(line, picture.size))
        foot = mix(color, scene.haze, 0.28 * (1 - near))
        fill = vertical(picture.size, ((0, color), (max(0.01, base - 0.02), color), (1, foot)))
        picture.paste(fill, (0, 0), mask)


def spruce(draw: ImageDraw.ImageDraw, x: float, foot: float, tall: float, rnd: Random) -> None:
    """A trunk and seven tiers of hanging branches, none quite like its mirror image."""
    tiers, wide = 7, tall * rnd.uniform(0.15, 0.2)
    draw.rectangle((x - tall * 0.012, foot - tall, x + tall * 0.012, foot + tall * 0.1), fill=255)
    for tier in range(tiers):
        top = foot - tall * (1 - tier / (tiers + 0.6) * 0.96)
        low = top + tall * 0.2
        left = wide * ((tier + 1) / tiers) ** 0.9 * rnd.uniform(0.82, 1.12)
        right = wide * ((tier + 1) / tiers) ** 0.9 * rnd.uniform(0.82, 1.12)
        draw.polygon(
            [
                (x, top - tall * 0.03),
                (x + right, low),
                (x + right * 0.4, low - tall * 0.03),
                (x, low),
                (x - left * 0.4, low - tall * 0.03),
                (x - left, low),
            ],
            fill=255,
        )


def dunes(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """Waves of sand: each crest has a lit side and a shadow that falls away from the sun."""
    sand = mix((226, 164, 98), scene.haze, 0.25)
    night = mix(sand, scene.land, 0.82 if scene.light == "night" else 0.42)
    for number in range(5):
        near = number / 4
        base = scene.horizon + 0.03 + 0.3 * near**1.2
        line = wave(rnd, base=base, rise=0.05 + 0.09 * near, folds=rnd.uniform(0.45, 0.95))
        top = mix(sand, scene.haze, 0.55 * (1 - near))
        lay(
            picture,
            line,
            mix(top, night, 0.18 + 0.25 * near),
            mix(night, scene.land, 0.45 * near),
            deep=0.3,
        )
        lee = [
            y + 0.012 + 0.05 * near * (0.5 + 0.5 * math.sin(x / 41 + number))
            for x, y in enumerate(line)
        ]
        rim = ImageChops.subtract(mask_below(line, picture.size), mask_below(lee, picture.size))
        soft = rim.filter(ImageFilter.GaussianBlur(picture.height / 500))
        tint(picture, mix(top, scene.sun, 0.35), soft.point(lambda v: round(v * 0.5)))


def meadow(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """Grass that darkens toward the viewer and blossoms that grow with nearness."""
    width, height = picture.size
    grass = mix((86, 150, 58), scene.land, 0.25 if scene.light != "night" else 0.6)
    for number in range(3):
        line = wave(rnd, base=scene.horizon - 0.03 + 0.05 * number, rise=0.07, folds=0.7)
        top = mix(grass, scene.haze, 0.62 - 0.22 * number)
        lay(picture, line, top, mix(grass, scene.land, 0.2 + 0.2 * number), deep=0.4)
    hues = rnd.sample(
        ((232, 84, 110), (250, 200, 70), (170, 110, 220), (255, 244, 236), (242, 130, 60)), 3
    )
    draw = ImageDraw.Draw(picture, "RGBA")
    for share in sorted(rnd.random() ** 1.5 for _ in range(2600)):
        y = (scene.horizon + 0.05 + share * (0.97 - scene.horizon)) * height
        x = rnd.random() * width
        patch = int(3.5 + 2.2 * math.sin(x / width * 9 + share * 5) + rnd.gauss(0, 0.5)) % 3
        size = (1.1 + 12 * share**1.7) * height / 1024
        stem = mix(grass, scene.land, 0.2 + 0.5 * share)
        draw.line(
            (x, y, x + size * 0.4, y + size * 3.2), fill=(*stem, 200), width=max(1, round(size / 4))
        )
        if rnd.random() < 0.62:
            tone = mix(hues[patch], scene.haze, 0.4 * (1 - share))
            draw.ellipse((x - size, y - size * 0.62, x + size, y + size * 0.62), fill=(*tone, 225))
            draw.ellipse(
                (x - size * 0.35, y - size * 0.3, x + size * 0.35, y + size * 0.1),
                fill=(*mix(tone, (255, 240, 190), 0.6), 210),
            )


def snowfield(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """Drifts with blue shadows, and flakes in the air."""
    white = mix((240, 246, 255), scene.haze, 0.3)
    blue = mix(white, scene.sky[1][1], 0.5 if scene.light != "night" else 0.75)
    for number in range(3):
        line = wave(rnd, base=scene.horizon + 0.1 + 0.13 * number, rise=0.05, folds=0.7)
        lay(picture, line, mix(white, blue, 0.2 * (2 - number)), blue, deep=0.3)


def snowfall(picture: Image.Image, rnd: Random) -> None:
    draw = ImageDraw.Draw(picture, "RGBA")
    width, height = picture.size
    for _ in range(420):
        x, y = rnd.random() * width, rnd.random() * height
        size = rnd.choice((0.8, 1, 1.2, 1.6, 2.6)) * height / 1024
        draw.ellipse(
            (x - size, y - size, x + size, y + size), (255, 255, 255, rnd.randint(60, 190))
        )


def birds(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    draw = ImageDraw.Draw(picture, "RGBA")
    width, height = picture.size
    x0, y0 = (1 - scene.sun_x) * width, scene.horizon * 0.45 * height
    for _ in range(rnd.randint(4, 7)):
        x, y = x0 + rnd.gauss(0, 0.07) * width, y0 + rnd.gauss(0, 0.03) * height
        size = rnd.uniform(0.006, 0.011) * width
        tone = (*scene.far(0.25), 210)
        thick = max(1, round(height / 640))
        for turn in (-1, 1):
            centre = x + turn * size * 0.5
            box = (centre - size * 0.5, y - size * 0.3, centre + size * 0.5, y + size * 0.5)
            draw.arc(
                box, 190 if turn < 0 else 200, 340 if turn < 0 else 350, fill=tone, width=thick
            )
