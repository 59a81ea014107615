"""A prompt for a picture made fuller by rules: what it does not say about light, framing and detail."""

import re
from typing import Final, Literal

Aspect = Literal["light", "framing", "detail"]

_SAID: Final[dict[Aspect, str]] = {
    "light": (
        r"(?:sun|moon|back|day|star|candle)?light(?:s|ing)?\b|lit\b|backlit|sun(?:ny|set|rise)?\b|moon|dawn|"
        r"dusk|night|evening|morning|noon|shadow|glow|neon|dark|bright|golden hour|"
        r"свет|солн|лун[аыеу]|рассвет|закат|ноч|утр|вечер|полдень|тень|тени|неон|темн|тёмн|ярк"
    ),
    "framing": (
        r"close.?up|wide|portrait|panorama|aerial|from (?:above|below)|\w+ angle|composition|centered|"
        r"symmetr|foreground|background|macro|"
        r"крупн|общий план|портрет|панорам|сверху|снизу|ракурс|композиц|по центру|симметр|передн|фон|макро"
    ),
    "detail": (
        r"detail|texture|sharp|minimal|simple|sketch|realis|photo|paint|watercolou?r|cartoon|style|render|"
        r"детал|фактур|резк|минимал|прост|эскиз|реалис|фото|живопис|акварел|мульт|стил|рендер"
    ),
}
_NAMED: Final = {
    aspect: re.compile(rf"\b(?:{words})", re.IGNORECASE) for aspect, words in _SAID.items()
}
_ADDED: Final[dict[str, dict[Aspect, str]]] = {
    "en": {"light": "soft light", "framing": "balanced composition", "detail": "fine detail"},
    "ru": {
        "light": "мягкий свет",
        "framing": "выверенная композиция",
        "detail": "тонкая проработка деталей",
    },
}
LANGUAGES: Final = frozenset(_ADDED)
NOTE: Final = "Only light, framing and detail were named where the prompt named none."
_END: Final = " .,;:!…"


def fuller(prompt: str, language: str) -> tuple[str, tuple[str, ...]]:
    """The prompt and what it lacked behind it, in its own language; and a line for each addition.

    What it says already is never said again, and other languages than English and Russian stay as they
    are.
    """
    phrases = _ADDED.get(language, {})
    missing = [words for aspect, words in phrases.items() if not _NAMED[aspect].search(prompt)]
    if not missing:
        return prompt, ()
    return ", ".join([prompt.rstrip(_END), *missing]), tuple(f"added “{one}”" for one in missing)
