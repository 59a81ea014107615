"""Everything above the horizon: gradient, stars, sun or moon, clouds, aurora, nebulae and
planets.
"""

import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from workers.providers.local.canvas import (
    BICUBIC,
    glow,
    light,
    mix,
    noise,
    radial,
    ramp,
    shaped,
    shift,
    vertical,
)
from workers.providers.local.moods import Scene


def sky(scene: Scene, size: tuple[int, int], rnd: Random) -> Image.Image:
    """The whole canvas as sky; land is drawn over it."""
    width, height = size
    picture = vertical((width, max(2, round(height * scene.horizon * 1.06))), scene.sky)
    canvas = Image.new("RGB", size, scene.haze)
    canvas.paste(picture, (0, 0))
    if scene.light == "night":
        stars(canvas, rnd, count=420, below=scene.horizon)
    if "aurora" in scene.things:
        canvas = aurora(canvas, scene, rnd)
    sun(canvas, scene)
    if scene.light != "night" or "aurora" not in scene.things:
        canvas = clouds(canvas, scene, rnd)
    return canvas


def stars(picture: Image.Image, rnd: Random, *, count: int, below: float) -> None:
    """Points of light, most of them faint, a few with a glow."""
    width, height = picture.size
    draw = ImageDraw.Draw(picture, "RGBA")
    unit = max(width, height) / 1024
    for number in range(count):
        x, y = rnd.random() * width, rnd.random() ** 1.3 * height * below
        radius = unit * rnd.choice((0.5, 0.6, 0.7, 0.9, 1.3))
        tone = rnd.choice(((255, 255, 255), (214, 228, 255), (255, 238, 214)))
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), (*tone, rnd.randint(70, 235))
        )
        if number % 40 == 0:
            glow(picture, (x, y), 7 * unit, mix((0, 0, 0), tone, 0.6))


def sun(picture: Image.Image, scene: Scene) -> None:
    """A disc in three glows. At night it is the moon, with a shadow that makes it a crescent."""
    width, height = picture.size
    side = math.sqrt(width * height)
    x, y = scene.sun_x * width, scene.sun_y * height
    if scene.light == "storm":
        glow(picture, (x, y), side * 0.42, mix((0, 0, 0), scene.sun, 0.45))
        return
    warm = mix(scene.sun, scene.sky[3][1], 0.55)
    strength = 0.5 if scene.light == "night" else 0.85
    glow(picture, (x, y), side * 0.55, mix((0, 0, 0), warm, 0.5 * strength))
    glow(picture, (x, y), side * 0.24, mix((0, 0, 0), scene.sun, 0.75 * strength))
    radius = side * (0.03 if scene.light in ("night", "day") else 0.044)
    disc = Image.new("L", (256, 256))
    ImageDraw.Draw(disc).ellipse((8, 8, 247, 247), fill=255)
    if scene.light == "night":
        shadow = Image.new("L", (256, 256))
        ImageDraw.Draw(shadow).ellipse((-70, -30, 178, 218), fill=255)
        disc = ImageChops.subtract(disc, shadow.filter(ImageFilter.GaussianBlur(5)))
    edge = round(radius * 2)
    disc = disc.filter(ImageFilter.GaussianBlur(2)).resize((edge, edge), BICUBIC)
    picture.paste(scene.sun, (round(x - radius), round(y - radius)), disc)


def clouds(picture: Image.Image, scene: Scene, rnd: Random) -> Image.Image:
    """Flat layers of noise, stretched along the horizon and lit from the side of the sun."""
    size = picture.size
    heavy = scene.light == "storm"
    fine = noise(size, rnd, cells=(5, 16), octaves=5)
    coarse = noise(size, rnd, cells=(2, 5), octaves=3)
    mask = shaped(Image.blend(coarse, fine, 0.42), floor=0.4 if heavy else 0.5, gain=2.4)
    mask = mask.filter(ImageFilter.GaussianBlur(size[1] / 700))
    top, low = scene.horizon * 0.12, scene.horizon
    band = ramp(size, lambda y: 0.0 if y > low else min(1.0, max(0.0, y - top) * 5) * (1.2 - y))
    mask = ImageChops.multiply(mask, band)
    offset = max(2, size[1] // 90)
    shade = ImageChops.subtract(mask, shift(mask, 0, -offset))
    shade = shade.filter(ImageFilter.GaussianBlur(offset / 2))
    lit = mix(scene.sun, scene.sky[3][1], 0.3 if not heavy else 0.8)
    dark = mix(scene.sky[1][1], scene.sky[2][1], 0.55)
    body = Image.new("RGB", size, mix(dark, lit, 0.42))
    picture = Image.composite(body, picture, mask.point(lambda v: round(v * 0.62)))
    return light(picture, mix((0, 0, 0), lit, 0.9), shade.point(lambda v: round(v * 1.3)))


def aurora(picture: Image.Image, scene: Scene, rnd: Random) -> Image.Image:
    """Curtains: columns of light hung on a slow wave, brightest at their lower edge."""
    width, height = 512, 512
    for color, base in (((64, 255, 170), 0.4), ((90, 190, 255), 0.32), ((190, 90, 255), 0.24)):
        curtain = Image.new("L", (width, height))
        draw = ImageDraw.Draw(curtain)
        phase, folds = rnd.uniform(0, 6.28), rnd.uniform(1.2, 2.2)
        for x in range(width):
            u = x / width
            wave = math.sin(u * 6.28 * folds + phase) + 0.45 * math.sin(u * 17 + phase * 2)
            foot = (base + 0.07 * wave) * height * scene.horizon / 0.6
            tall = height * (0.2 + 0.1 * math.sin(u * 9 + phase) + 0.03 * rnd.random())
            power = 0.55 + 0.45 * math.sin(u * 5 + phase * 3)
            for step in range(24):
                share = step / 24
                tone = round(150 * power * (1 - share) ** 1.6)
                draw.line((x, foot - tall * share, x, foot - tall * (share + 1 / 24)), fill=tone)
        mask = curtain.filter(ImageFilter.GaussianBlur(3)).resize(picture.size, BICUBIC)
        picture = light(picture, color, mask)
    return picture


def deep_space(scene: Scene, size: tuple[int, int], rnd: Random) -> Image.Image:
    """Nebulae in two or three hues, stars, and a planet with a lit side and sometimes a ring."""
    picture = vertical(size, ((0, (4, 4, 14)), (0.55, (10, 9, 30)), (1, (6, 5, 18))))
    hues = rnd.sample(
        ((210, 60, 130), (60, 90, 220), (30, 170, 190), (230, 130, 60), (130, 60, 210)), 3
    )
    for hue in (*hues, mix(scene.sky[2][1], hues[0], 0.4)):
        first = noise(size, rnd, cells=(1, 1), octaves=4)
        second = noise(size, rnd, cells=(2, 2), octaves=6)
        cloud = shaped(ImageChops.multiply(first, second), floor=0.1, gain=1.5)
        soft = cloud.filter(ImageFilter.GaussianBlur(size[1] / 300))
        picture = light(picture, hue, soft.point(lambda v: round(v * v / 255 * 0.95)))
    stars(picture, rnd, count=1100, below=1.0)
    planet(picture, rnd, scene)
    return picture


def planet(picture: Image.Image, rnd: Random, scene: Scene) -> None:
    """A banded ball, dark on the side away from the light."""
    width, height = picture.size
    radius = min(width, height) * rnd.uniform(0.17, 0.24)
    centre = (scene.sun_x * width, rnd.uniform(0.4, 0.6) * height)
    side = round(radius * 2)
    warm = rnd.choice(((222, 150, 104), (120, 170, 214), (206, 186, 150), (190, 110, 140)))
    bands = noise((side, side), rnd, cells=(1, 7), octaves=4)
    ball = Image.composite(
        Image.new("RGB", (side, side), mix(warm, (255, 250, 240), 0.45)),
        Image.new("RGB", (side, side), mix(warm, (20, 14, 30), 0.3)),
        bands,
    )
    reach = round(side * 2.0)
    shade = radial().resize((reach, reach), BICUBIC)
    corner = round(reach / 2 - side * 0.3)
    shade = shade.crop((corner, corner, corner + side, corner + side))
    dark = shade.point(lambda v: min(252, round(max(0.0, v / 180 - 0.2) ** 1.1 * 430)))
    ball.paste((3, 3, 10), (0, 0), dark)
    big = Image.new("L", (512, 512))
    ImageDraw.Draw(big).ellipse((4, 4, 507, 507), fill=255)
    glow(picture, centre, radius * 1.5, mix((0, 0, 0), warm, 0.4))
    place = (round(centre[0] - radius), round(centre[1] - radius))
    picture.paste(ball, place, big.resize((side, side), Image.Resampling.LANCZOS))
