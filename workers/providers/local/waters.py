"""Water that mirrors what was drawn above it, the path of light on it, and a sail."""

import math
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from workers.providers.local.canvas import mix, ramp, tint
from workers.providers.local.moods import Scene


def water(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """Mirrors what stands above the horizon, broken into ripples that widen toward the viewer."""
    width, height = picture.size
    level = round(height * scene.horizon)
    deep = height - level
    above = picture.crop((0, max(0, level - round(deep * 1.15)), width, level))
    mirror = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width, deep))
    mirror = mirror.filter(ImageFilter.GaussianBlur(max(1.0, height / 700)))
    rippled = mirror.copy()  # what the shifted strips leave open at the sides
    y, phase = 0, rnd.uniform(0, 6.28)
    while y < deep:
        share = y / deep
        thick = max(1, round(1 + share * height / 170))
        swing = (1 + 26 * share**1.2) * width / 1024
        dx = round(swing * (math.sin(y * 0.9 / thick + phase) + rnd.uniform(-0.7, 0.7)))
        strip = mirror.crop((0, y, width, min(deep, y + thick)))
        rippled.paste(strip, (dx, y))
        y += thick
    tone = mix(scene.land, scene.sky[1][1], 0.5)
    cover = ramp((width, deep), lambda v: 0.16 + 0.5 * v)
    rippled.paste(Image.new("RGB", rippled.size, tone), (0, 0), cover)
    picture.paste(rippled.filter(ImageFilter.GaussianBlur(max(0.5, height / 1600))), (0, level))
    glitter(picture, scene, rnd, level)


def glitter(picture: Image.Image, scene: Scene, rnd: Random, level: int) -> None:
    """The path of light under the sun or moon."""
    width, height = picture.size
    deep = height - level
    layer = Image.new("L", picture.size)
    draw = ImageDraw.Draw(layer)
    for _ in range(520):
        share = rnd.random() ** 1.25
        x = rnd.gauss(scene.sun_x, 0.022 + 0.075 * share) * width
        y = level + share * deep
        long, thick = (3 + 30 * share) * rnd.uniform(0.3, 1) * width / 1024, (0.5 + 1.8 * share)
        thick *= height / 1024
        draw.ellipse((x - long, y - thick, x + long, y + thick), fill=rnd.randint(60, 210))
    power = 0.5 if scene.light in ("night", "storm") else 0.9
    soft = layer.filter(ImageFilter.GaussianBlur(max(0.5, height / 1400)))
    tint(picture, scene.sun, soft.point(lambda v: round(v * power)))


def boat(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """A small sail near the path of light: something for the eye to rest on."""
    width, height = picture.size
    x = (scene.sun_x + rnd.choice((-1, 1)) * rnd.uniform(0.09, 0.16)) * width
    y, size = (scene.horizon + 0.07) * height, height * 0.05
    dark = mix(scene.land, scene.sky[1][1], 0.12)
    layer = Image.new("L", picture.size)
    draw = ImageDraw.Draw(layer)
    draw.polygon(
        [
            (x - size * 0.6, y),
            (x + size * 0.62, y),
            (x + size * 0.4, y + size * 0.16),
            (x - size * 0.45, y + size * 0.16),
        ],
        fill=255,
    )
    draw.polygon(
        [(x, y - size * 1.35), (x + size * 0.5, y - size * 0.1), (x, y - size * 0.08)], fill=225
    )
    draw.polygon(
        [
            (x - size * 0.06, y - size * 1.2),
            (x - size * 0.42, y - size * 0.1),
            (x - size * 0.06, y - size * 0.08),
        ],
        fill=205,
    )
    draw.polygon(
        [(x - size * 0.4, y + size * 0.2), (x + size * 0.35, y + size * 0.2), (x, y + size * 1.1)],
        fill=70,
    )
    tint(picture, dark, layer.filter(ImageFilter.GaussianBlur(height / 2200)))
