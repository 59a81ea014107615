"""Texts as Telegram's HTML: what we say is trusted as it is, what we were told is escaped.

`html()` returns `Html`, which another `html()` takes as it is, so texts can be put into texts.
"""

from html import escape
from typing import Any, Final

from schemas.texts import DEFAULT_LANGUAGE, Language, fill

TAGS: Final = frozenset(
    {"b", "i", "u", "s", "a", "code", "pre", "blockquote", "tg-spoiler", "tg-emoji", "tg-time"}
)
"""What may stand in a text of ours; Telegram knows no others."""


class Html(str):
    """A piece of Telegram's HTML, ready to be sent."""

    __slots__ = ()


def quoted(told: str) -> Html:
    """A person's or a model's words, safe between tags and between double quotes."""
    return (
        told if isinstance(told, Html) else Html(escape(told, quote=False).replace('"', "&quot;"))
    )


def html(key: str, language: Language = DEFAULT_LANGUAGE, /, **facts: Any) -> Html:
    """`text(key, language, **facts)` with every fact escaped but those that are `Html`.

    Raises KeyError for an unknown key.
    """
    return Html(fill(key, language, facts, dress=quoted))
