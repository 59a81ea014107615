"""Texts for people, by key and language: `data/texts/<language>.yaml`.

A text of an error (`error.<code>`) says what happened, what it cost and what to do next. Facts fill
`{placeholders}`: one pass, names only. A fact `price_units` is shown as credits under `{price}`.
"""

import string
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Literal

from schemas.data import load_yaml
from schemas.errors import LeydenError
from schemas.money import format_units

Language = Literal["en", "ru"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ru")
DEFAULT_LANGUAGE: Final[Language] = "en"
UNKNOWN: Final = "…"


def language_of(code: str | None) -> Language:
    """The nearest language we speak: `ru-RU` is `ru`, anything unknown is English."""
    return "ru" if (code or "").lower().startswith("ru") else DEFAULT_LANGUAGE


def text(key: str, language: Language = DEFAULT_LANGUAGE, /, **facts: Any) -> str:
    """The text of `key`, filled. A missing fact shows as `…`. Raises KeyError for an unknown key."""
    return string.Formatter().vformat(_texts(language)[key], (), _Facts(facts))


def error_text(error: LeydenError, language: Language = DEFAULT_LANGUAGE) -> str:
    """What the person is told about an error; one without a text of its own is told as `internal`."""
    key = error.text_key if error.text_key in _texts(language) else "error.internal"
    return text(key, language, **error.facts)


def keys(language: Language) -> frozenset[str]:
    return frozenset(_texts(language))


def placeholders(key: str, language: Language) -> frozenset[str]:
    """The names a text asks for."""
    parts = string.Formatter().parse(_texts(language)[key])
    return frozenset(name for _, name, _, _ in parts if name)


class _Facts(dict[str, Any]):
    """Amounts by their name without `_units`, as credits; anything missing as an ellipsis."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(facts)
        for name, value in facts.items():
            if name.endswith("_units") and isinstance(value, int):
                self[name.removesuffix("_units")] = format_units(value)

    def __missing__(self, key: str) -> str:
        return UNKNOWN


@cache
def _texts(language: Language) -> dict[str, str]:
    """Nested maps of the file as dotted keys. Raises ValueError for a text that is no text."""
    return dict(_flat("", load_yaml(f"texts/{language}.yaml")))


def _flat(prefix: str, node: Any) -> list[tuple[str, str]]:
    if isinstance(node, str):
        return [(prefix, node.strip())]
    if not isinstance(node, dict):
        message = f"{prefix} is not a text"
        raise ValueError(message)  # noqa: TRY004 (a fault of the file, like any other)
    return [
        pair
        for name, child in node.items()
        for pair in _flat(f"{prefix}.{name}" if prefix else str(name), child)
    ]
