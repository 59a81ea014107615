"""A picture drawn by formula from the words of a prompt: a landscape, a night sky, an abstract.

It follows the words it knows, in English and Russian, and is the same for the same prompt and seed.
No model has seen a picture to make it, and the picture's metadata says so.
"""

import math
from collections.abc import Callable
from random import Random
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from ops.base.child import tell_progress
from workers.pictures import marks
from workers.providers.local import lands, skies, towns, waters
from workers.providers.local.canvas import finish, light, mix, vertical
from workers.providers.local.moods import Scene, dice, scene_of

MADE_BY: Final = "local provider (procedural drawing, not a neural model)"
SMALL_SIDE: Final = 640

Tell = Callable[[float], None]


def unheard(_share: float) -> None:
    """Progress that nobody reads."""


def draw_png(prompt: str, width: int, height: int, seed: int | None) -> bytes:
    """A PNG of exactly this size, marked as made by an algorithm."""
    picture = draw(prompt, width, height, seed, lambda share: tell_progress(share * 0.9))
    return marks.png(picture, made_by=MADE_BY, description=prompt)


def draw(
    prompt: str, width: int, height: int, seed: int | None, tell: Tell = unheard
) -> Image.Image:
    """The picture itself. Small ones are drawn larger and scaled down: their edges come out
    fine.
    """
    rnd = dice(prompt, seed)
    scene = scene_of(prompt, rnd)
    scale = max(1, math.ceil(SMALL_SIDE / max(width, height)))
    size = (width * scale, height * scale)
    picture = finish(_compose(scene, size, rnd, tell), rnd)
    tell(1.0)
    return picture if scale == 1 else picture.resize((width, height), Image.Resampling.LANCZOS)


def _compose(scene: Scene, size: tuple[int, int], rnd: Random, tell: Tell) -> Image.Image:
    if "space" in scene.things and not scene.things & {"sea", "mountains", "forest", "city"}:
        return skies.deep_space(scene, size, rnd)
    if "abstract" in scene.things:
        return _ribbons(scene, size, rnd)
    picture = skies.sky(scene, size, rnd)
    tell(0.4)
    _land(picture, scene, rnd)
    tell(0.8)
    return picture


def _land(picture: Image.Image, scene: Scene, rnd: Random) -> None:
    """Far things first; water mirrors what was drawn before it, woods and meadows stand in
    front.
    """
    things = scene.things
    if things & {"mountains", "snow", "aurora"} or things in ({"forest"}, {"sea"}):
        lands.mountains(picture, scene, rnd)
    if "desert" in things:
        lands.dunes(picture, scene, rnd)
    if "snow" in things and "sea" not in things:
        lands.snowfield(picture, scene, rnd)
    if "city" in things:
        towns.town(picture, scene, rnd)
    if "sea" in things:
        waters.water(picture, scene, rnd)
        waters.boat(picture, scene, rnd)
    if "meadow" in things:
        lands.meadow(picture, scene, rnd)
    if "forest" in things or "aurora" in things:
        lands.woods(picture, scene, rnd, rows=2 if "sea" in things else 3)
    if "snow" in things:
        lands.snowfall(picture, rnd)
    elif scene.light in ("sunset", "dawn", "golden", "day"):
        lands.birds(picture, scene, rnd)


def _ribbons(scene: Scene, size: tuple[int, int], rnd: Random) -> Image.Image:
    """Bands of light that cross each other: for a prompt without a word this drawing knows."""
    width, height = size
    picture = vertical(size, ((0, scene.sky[0][1]), (0.6, scene.sky[1][1]), (1, scene.sky[0][1])))
    for number in range(16):
        hue = mix(scene.sky[2 + number % 3][1], scene.sun, rnd.random() * 0.4)
        phase, folds = rnd.uniform(0, 6.28), rnd.uniform(0.5, 1.3)
        centre, swing = rnd.gauss(0.5, 0.12), rnd.uniform(0.06, 0.2)
        thick = rnd.uniform(0.02, 0.11)
        upper, lower = [], []
        for step in range(161):
            u = step / 160
            bend = math.sin(u * 6.28 * folds + phase) + 0.4 * math.sin(u * 13 + phase * 1.7)
            half = thick * (0.25 + 0.75 * abs(math.sin(u * 3.14 * folds + phase * 0.6)))
            upper.append((u * width, (centre + swing * bend - half) * height))
            lower.append((u * width, (centre + swing * bend + half) * height))
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).polygon([*upper, *reversed(lower)], fill=rnd.randint(34, 92))
        edge = ImageDraw.Draw(mask)
        edge.line(upper, fill=190, width=max(1, height // 420))
        soft = mask.filter(ImageFilter.GaussianBlur(height / 460 if number % 3 else height / 60))
        picture = light(picture, hue, soft)
    return picture
