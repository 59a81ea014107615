"""What a person asks to be changed in a picture, as operations, where plain words name one.

`brighter`, `black and white`, `crop to a square`, `caption: Hello` and the like are done by our own tools
exactly as said. Words beyond these are a wish that only a model understands.
"""

import re
from collections.abc import Callable
from typing import Any, Final

Operation = dict[str, Any]

OPERATIONS_MAX: Final = 8
CAPTION_MAX_CHARACTERS: Final = 200
_CAPTION: Final = re.compile(
    r"(?:^|[\s,;])(?:caption|write|подпись|подпиши|напиши)\s*[:«\"“]\s*(?P<text>[^»\"”\n]{1,200})[»\"”]?",
    re.IGNORECASE,
)
_TONES: Final[tuple[tuple[str, Operation], ...]] = (
    (r"brighter|lighter|lighten|brighten|ярче|светлее|осветли\w*", {"brightness": 1.25}),
    (r"darker|darken|темнее|затемни\w*", {"brightness": 0.8}),
    (r"more contrast|contrast|контраст\w*", {"contrast": 1.25}),
    (r"softer|less contrast|мягче", {"contrast": 0.85}),
    (r"black and white|black & white|b&w|monochrome|чб|ч/б|ч[её]рно-бел\w*", {"saturation": 0.0}),
    (r"more colou?r\w*|vivid|saturat\w*|насыщенн\w*|сочнее", {"saturation": 1.35}),
)
_OTHERS: Final[tuple[tuple[str, Operation], ...]] = (
    (r"sharp\w*|резче|резкост\w*|ч[её]тче", {"op": "sharpen", "amount": 1.2}),
    (
        r"square|квадрат\w*",
        {"op": "crop", "left": 0.125, "right": 0.875, "top": 0.125, "bottom": 0.875},
    ),
    (
        r"crop|closer|zoom in|обреж\w*|крупнее|ближе",
        {"op": "crop", "left": 0.1, "right": 0.9, "top": 0.1, "bottom": 0.9},
    ),
    (r"upscale|larger|enlarge|увелич\w*|апскейл", {"op": "upscale", "factor": 2}),
    (r"smaller|уменьш\w*", {"op": "resize", "width": 640}),
)
_FILLERS: Final = re.compile(
    r"\b(?:make|it|please|and|the|a|an|more|this|picture|photo|image|to|little|bit|"
    r"сделай\w*|пожалуйста|и|это|его|е[её]|фото|картинк\w*|изображени\w*|немного|чуть|поярче|в|на)\b",
    re.IGNORECASE,
)


def operations_of(words: str) -> tuple[list[Operation], str]:
    """The operations that are named, and the words that name none of them (empty: all understood)."""
    found: list[Operation] = []
    rest = words
    if caption := _CAPTION.search(rest):
        text = caption["text"].strip()[:CAPTION_MAX_CHARACTERS]
        found.append({"op": "caption", "text": text})
        rest = rest[: caption.start()] + " " + rest[caption.end() :]
    tone: Operation = {"op": "tone"}
    rest = _take(rest, _TONES, tone.update)
    if len(tone) > 1:
        found.insert(0, tone)
    rest = _take(rest, _OTHERS, found.append)
    left = re.sub(r"[\W_]+", " ", _FILLERS.sub(" ", rest)).strip()
    return found[:OPERATIONS_MAX], left


def _take(
    words: str, rules: tuple[tuple[str, Operation], ...], note: Callable[[Operation], None]
) -> str:
    """The words without those that name an operation."""
    for pattern, operation in rules:
        named = re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)
        if named.search(words):
            note(operation)
            words = named.sub(" ", words)
    return words
