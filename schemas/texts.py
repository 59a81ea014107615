"""Texts for people, by key and language. The files are Fluent, `data/texts/<language>/<topic>.ftl`.

A text of an error (`error.<code>`) says what happened, what it cost and what to do next; `ended.<code>`
says it of a job that has ended so, where that needs other words. A dot of a key
is a dash in the files. A fact `price_units` is also there as `$price`: a number of credits that plural
forms can be chosen by. What a language does not say yet is said in English.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from schemas.errors import LeydenError
from schemas.money import format_units
from schemas.translations import DEFAULT_LANGUAGE, Translation, languages, translation

__all__ = [
    "DEFAULT_LANGUAGE",
    "Language",
    "end_text",
    "error_text",
    "fill",
    "has",
    "keys",
    "language_of",
    "languages",
    "placeholders",
    "text",
]

Language = str
UNKNOWN: Final = "…"
FACT_MAX: Final = 2_000
"""Fluent refuses a fact of more than 2,500 characters: longer ones are put in afterwards."""
_STAND_IN: Final = re.compile("\ue000(\\d+)\ue001")
_UNITS: Final = "_units"
_FRACTION_DIGITS: Final = 10
"""Enough for a rate of exchange; zeros at the end are not shown."""


def language_of(code: str | None) -> Language:
    """The nearest language we speak: `ru-RU` is `ru`, anything unknown is English."""
    wanted = (code or "").lower().replace("_", "-")
    spoken = {language.lower(): language for language in languages()}
    return spoken.get(wanted) or spoken.get(wanted.split("-")[0]) or DEFAULT_LANGUAGE


def text(key: str, language: Language = DEFAULT_LANGUAGE, /, **facts: Any) -> str:
    """The text of `key`, filled. A missing fact shows as `…`. Raises KeyError for an unknown key."""
    return fill(key, language, facts, dress=str)


def error_text(error: LeydenError, language: Language = DEFAULT_LANGUAGE) -> str:
    """What the person is told about an error; one without a text of its own is told as `internal`."""
    key = error.text_key if has(error.text_key) else "error.internal"
    return text(key, language, **error.facts)


def end_text(code: str | None, state: str, language: Language = DEFAULT_LANGUAGE) -> str:
    """Why a job that did not succeed ended. It has a code and no facts: a text that shows some is not
    for it.
    """
    for key in (f"ended.{code}", f"error.{code}", f"error.{state}"):
        if has(key) and not placeholders(key, DEFAULT_LANGUAGE):
            return text(key, language)
    return text("error.failed", language)


def has(key: str) -> bool:
    """Whether there is such a text: in English, and so in every language."""
    return _id(key) in translation(DEFAULT_LANGUAGE).ids


def keys(language: Language) -> frozenset[str]:
    """The ids that the files of this language hold, with dashes."""
    return translation(language).ids


def placeholders(key: str, language: Language) -> frozenset[str]:
    """The names a text asks for. Raises KeyError."""
    return translation(language).variables(_id(key))


def fill(
    key: str, language: Language, facts: Mapping[str, Any], *, dress: Callable[[str], str]
) -> str:
    """`text`, with every fact that is a text put through `dress`. Raises KeyError for an unknown key."""
    name = _id(key)
    speaker = _speaker(name, language)
    long: list[str] = []
    given: dict[str, Any] = dict.fromkeys(speaker.variables(name), UNKNOWN)
    for fact, value in facts.items():
        given[fact] = _shown(value, dress, long)
        if fact.endswith(_UNITS) and isinstance(value, int):
            amount = Decimal(format_units(value))
            given.setdefault(fact.removesuffix(_UNITS), UNKNOWN)
            given[fact.removesuffix(_UNITS)] = _number(amount)
    said = speaker.fill(name, given)
    return _STAND_IN.sub(lambda found: long[int(found[1])], said) if long else said


def _speaker(name: str, language: Language) -> Translation:
    """Who says it: the language, or English."""
    spoken = translation(language_of(language))
    return spoken if name in spoken.ids else translation(DEFAULT_LANGUAGE)


def _shown(value: Any, dress: Callable[[str], str], long: list[str]) -> Any:
    """A number stays one, for plural forms; the rest is text."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and isfinite(value):
        return _number(value)
    said = UNKNOWN if value is None else dress(value if isinstance(value, str) else str(value))
    if len(said) <= FACT_MAX:
        return said
    long.append(said)
    return f"\ue000{len(long) - 1}\ue001"


def _number(value: float | Decimal) -> Any:
    """Without groups: what is counted here is also an id, or a limit somebody types in."""
    from fluent.runtime.types import fluent_number

    whole = int(value)
    exact = whole if whole == value else value  # Russian plurals take 2 and Decimal(2) differently
    return fluent_number(exact, useGrouping=False, maximumFractionDigits=_FRACTION_DIGITS)


def _id(key: str) -> str:
    return key.replace(".", "-")
