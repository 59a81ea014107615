"""Towers in three rows, with lit windows."""

# ruff: noqa: PLR2004 (shares and proportions of a drawing; a name for each would say no more)

import math
from functools import partial
from random import Random

from PIL import Image, ImageDraw

from workers.providers.local.canvas import Rgb, mix, ramp, tint
from workers.providers.local.moods import Scene


def town(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """Three rows of towers with lit windows; by day the windows are panes of sky."""
    width, height = picture.size
    dark_hour = scene.light in ("night", "sunset", "dawn", "storm")
    on_water = "sea" in scene.things
    for row in range(3):
        near = row / 2
        base = scene.horizon + (0.004 if on_water else 0.04 + 0.12 * near)
        color = scene.far(0.66 - 0.54 * near)
        x = -rnd.uniform(0, 0.04)
        while x < 1.02:
            wide = rnd.uniform(0.028, 0.07) * (0.8 + 0.5 * near)
            heart = math.exp(-(((x - scene.sun_x) / 0.3) ** 2))
            tall = rnd.uniform(0.07, 0.2) + 0.17 * heart * rnd.random() * (1.1 - 0.4 * near)
            box = (x * width, (base - tall) * height, (x + wide) * width, height)
            tower(picture, box, color, scene, rnd, lit=0.34 * near + 0.06 if dark_hour else 0.1)
            x += wide * rnd.uniform(0.86, 1.25)
        if row < 2:
            mist = ramp(picture.size, partial(_mist, base))
            tint(picture, mix(scene.haze, color, 0.4), mist)


def _mist(base: float, y: float) -> float:
    """Strength of the mist at height `y` around the foot of a row."""
    return max(0.0, 0.5 - abs(y - base) * 6)


def tower(
    picture: Image.Image,
    box: tuple[float, float, float, float],
    color: Rgb,
    scene: Scene,
    rnd: Random,
    *,
    lit: float,
) -> None:
    left, top, right, foot = box
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.rectangle(box, fill=color)
    sunny = mix(color, scene.sun, 0.22)
    edge = max(1.0, (right - left) * 0.06)
    side = (
        (left, top, left + edge, foot)
        if scene.sun_x * picture.width < left
        else (right - edge, top, right, foot)
    )
    draw.rectangle(side, fill=sunny)
    if rnd.random() < 0.3:
        middle, mast = (left + right) / 2, (right - left) * rnd.uniform(0.4, 0.9)
        draw.line((middle, top - mast, middle, top), fill=color, width=max(1, round(edge / 2)))
    lit *= rnd.choice((0.25, 0.6, 1.0, 1.0, 1.5))
    pane = max(2.0, picture.height / 250)
    y = top + pane * 1.6
    while y < foot - pane:
        x = left + pane * 1.2
        while x < right - pane * 1.4:
            if rnd.random() < lit:
                tone = rnd.choice(
                    ((255, 214, 140), (255, 236, 190), (255, 190, 110), (200, 224, 255))
                )
                draw.rectangle(
                    (x, y, x + pane * 0.62, y + pane * 0.9), (*tone, rnd.randint(120, 235))
                )
            x += pane * 1.35
        y += pane * 1.9
