"""From the words of a prompt to a scene: what stands in it, and in which light. English and
Russian.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Final, Literal

from workers.providers.local.canvas import Rgb, Stops, mix, rgb

Light = Literal["sunset", "dawn", "day", "night", "storm", "golden"]
Thing = Literal[
    "mountains", "sea", "forest", "city", "desert", "space", "meadow", "snow", "aurora", "abstract"
]

_THINGS: Final[dict[Thing, str]] = {
    "mountains": "mountain hill peak alps ridge valley canyon =гора =горы =горе =горах =горам горн "
    "вершин холм альп долин скал",
    "sea": "sea ocean lake river beach coast bay water island wave boat ship море моря морем "
    "океан озер озёр =река =реки =реке =реку речн пляж берег =вода =воде =воду =водой "
    "остров волн лодк корабл",
    "forest": "forest wood tree pine taiga jungle =лес =леса =лесу =лесом лесн дерев сосн =ель =ели "
    "тайг роща",
    "city": "city town street skyline skyscraper downtown tower urban город улиц небоскр башн "
    "мегаполис",
    "desert": "desert dune sand sahara пустын дюн бархан песк песок песч",
    "space": "space galaxy planet cosmos nebula universe космос космич галактик планет туманност "
    "вселенн",
    "meadow": "meadow field flower garden tulip lavender poppy rose blossom =луг =луга =лугу =поле "
    "=поля =полем цветы цветок цветущ цветоч =сад =сада =саду тюльпан лаванд =мак =маки "
    "=роза =розы",
    "snow": "snow winter ice arctic frost christmas снег снеж зим =лёд =лед ледян мороз",
    "aurora": "aurora northern polar сияни полярн",
}
_LIGHTS: Final[dict[Light, str]] = {
    "sunset": "sunset dusk evening twilight закат вечер сумерк",
    "dawn": "dawn sunrise morning рассвет утр заря восход",
    "night": "night moon star midnight dark aurora ночь ночн ночи лун звёзд звезд полноч сияни",
    "storm": "storm rain fog mist cloudy grey gray gloomy шторм дожд туман пасмурн гроз",
    "golden": "gold golden autumn amber warm fall золот осен янтар тёпл тепл",
    "day": "day noon summer blue bright sunny clear день дня днём днем летн лето солнечн ясн",
}
_TINTS: Final[dict[str, str]] = {
    "#c0392b": "red crimson scarlet красн алый алая багров",
    "#1f6fd6": "blue azure cobalt =синий =синяя =синее =синие голуб лазур",
    "#1f9d61": "green emerald зелён зелен изумруд",
    "#8e44c9": "purple violet lilac фиолет сирен лилов пурпур",
    "#ff7fb2": "pink rose magenta розов",
    "#1ab6b6": "teal turquoise cyan бирюз",
    "#f08a24": "orange оранж",
}
_SKIES: Final[dict[Light, tuple[tuple[str, ...], ...]]] = {
    "sunset": (
        ("#16224a", "#4b4383", "#b8527f", "#f58a5b", "#ffd28c"),
        ("#2a1a4a", "#7a3b7d", "#d9546b", "#ff9b54", "#ffe0a3"),
        ("#12304f", "#3f6a8c", "#d69a86", "#ffb36b", "#ffe2b0"),
    ),
    "dawn": (
        ("#2b3f73", "#7d7fb8", "#e3a9bd", "#ffd0b5", "#fff0d6"),
        ("#33527f", "#86a6c8", "#e9c4c9", "#ffdcc0", "#fff3df"),
    ),
    "day": (
        ("#1d63b8", "#4d97de", "#94c8f0", "#cfe8f7", "#eef7fa"),
        ("#2474b0", "#5fb0d8", "#a8dbe8", "#d9f0ee", "#f3f8ee"),
    ),
    "night": (
        ("#03060f", "#081330", "#122a55", "#27507f", "#4c7ba0"),
        ("#06040f", "#150f33", "#2b2358", "#4b3d7d", "#7b6aa0"),
    ),
    "storm": (
        ("#1d242c", "#3a4651", "#65727c", "#97a2a8", "#c3c9ca"),
        ("#23283a", "#454d66", "#6f7890", "#9ea6b4", "#cfd2d6"),
    ),
    "golden": (
        ("#2c4a6e", "#7f93a0", "#dcc391", "#f7c26c", "#ffe6b0"),
        ("#3a3a5c", "#8d7480", "#d99d74", "#f6bf68", "#ffe9b8"),
    ),
}
_LAND: Final[dict[Light, str]] = {
    "sunset": "#1a1230",
    "dawn": "#26304f",
    "day": "#123a3c",
    "night": "#02060f",
    "storm": "#12181d",
    "golden": "#2a2018",
}
_SUNS: Final[dict[Light, str]] = {
    "sunset": "#ffe2a8",
    "dawn": "#fff1d2",
    "day": "#fffbe6",
    "night": "#eaf2ff",
    "storm": "#e4e8ea",
    "golden": "#fff0c4",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What to draw. `sky` runs from the top to the horizon; places are shares of the picture."""

    things: frozenset[Thing]
    light: Light
    sky: Stops
    land: Rgb
    sun: Rgb
    sun_x: float
    sun_y: float
    horizon: float

    @property
    def haze(self) -> Rgb:
        """The colour of the air at the horizon, which far things fade into."""
        return self.sky[-1][1]

    def far(self, share: float) -> Rgb:
        """Colour of land: 0 right in front, 1 at the horizon."""
        return mix(self.land, mix(self.haze, self.sky[2][1], 0.45), share)


def dice(prompt: str, seed: int | None) -> Random:
    """The only source of chance in a picture: the same prompt and seed, the same picture."""
    return Random(sha256(f"{' '.join(prompt.lower().split())}\x1f{seed}".encode()).digest())  # noqa: S311


def scene_of(prompt: str, rnd: Random) -> Scene:
    """Reads the words it knows; a prompt without any becomes an abstract picture."""
    words = re.findall(r"[^\W\d_]+", prompt.lower())
    things = frozenset(thing for thing, stems in _THINGS.items() if _said(stems, words))
    light = _light(words, things, rnd)
    sky = [rgb(code) for code in rnd.choice(_SKIES[light])]
    land, sun = rgb(_LAND[light]), rgb(_SUNS[light])
    for code, stems in _TINTS.items():
        if _said(stems, words):
            sky = [mix(color, rgb(code), 0.34) for color in sky]
            land = mix(land, rgb(code), 0.12)
    low_sun = light in ("sunset", "dawn", "golden")
    horizon = rnd.uniform(0.56, 0.62) if "sea" in things else rnd.uniform(0.6, 0.66)
    return Scene(
        things=things or frozenset({"abstract"}),
        light=light,
        sky=tuple(zip((0.0, 0.3, 0.58, 0.82, 1.0), sky, strict=True)),
        land=land,
        sun=sun,
        sun_x=rnd.choice((rnd.uniform(0.24, 0.4), rnd.uniform(0.6, 0.76))),
        sun_y=horizon - (rnd.uniform(0.07, 0.16) if low_sun else rnd.uniform(0.32, 0.42)),
        horizon=horizon,
    )


def _light(words: list[str], things: frozenset[Thing], rnd: Random) -> Light:
    for light, stems in _LIGHTS.items():
        if _said(stems, words):
            return light
    if things & {"space", "aurora"}:
        return "night"
    return rnd.choice(("sunset", "dawn", "day", "golden"))


def _said(stems: str, words: list[str]) -> bool:
    """English words in singular or plural; Russian stems with any ending, unless marked `=`."""
    return any(_is_form(word, stem) for stem in stems.split() for word in words)


def _is_form(word: str, stem: str) -> bool:
    if stem.isascii():
        return word in (stem, stem + "s", stem + "es", stem + "y")
    return word == stem[1:] if stem.startswith("=") else word.startswith(stem)
