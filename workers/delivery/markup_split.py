"""A long text in parts that Telegram takes: cut where it hurts least, never inside a character."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from workers.delivery.markup_rich import LINK, PRE, Rich, to_html, units

HTML_MAX_BYTES: Final = 30_000
"""Telegram reads at most 32 KiB of a text with its tags (github.com/tdlib/td, MessageEntity)."""
_JOINER: Final = "\u200d"
_SPARE: Final = 4
"""A part is at least a fourth full before a better place to cut is looked for."""
_PLACES: Final = ("\n\n", "\n", ". ", "! ", "? ", "; ", ", ", " ")
_FAMILY: Final = 16
"""So far back a character made of several is looked for: a family of four is 7 code points."""


def split(rich: Rich, *, limit_units: int) -> list[Rich]:
    """Parts with something to see in them, each of at most `limit_units`, in order.

    Raises ValueError for a limit below 32.
    """
    if limit_units < 2 * _FAMILY:
        message = "too short a limit to cut a text at"
        raise ValueError(message)
    parts = _within(rich, limit_units)
    return [part for whole in parts for part in _light(whole, limit_units)]


def _within(rich: Rich, limit_units: int) -> Iterator[Rich]:
    rest = rich.shown()
    while _seen(rest.text):
        reach = _reach(rest.text, limit_units)
        if reach == len(rest.text):
            yield rest
            return
        cut = _place(rest, reach)
        head = rest.part(0, cut).shown()
        if _seen(head.text):
            yield head
        rest = rest.part(cut, len(rest.text)).shown()


def _seen(text: str) -> bool:
    """Whether there is anything but blanks and marks of direction: Telegram refuses a text without."""
    return any(not char.isspace() and unicodedata.category(char) != "Cf" for char in text)


def _light(part: Rich, limit_units: int) -> list[Rich]:
    """Halved until the tags fit, too; a part that is all address loses its links."""
    if len(to_html(part).encode("utf-8", "replace")) <= HTML_MAX_BYTES:
        return [part]
    if limit_units >= 4 * _FAMILY:
        return split(part, limit_units=min(limit_units, units(part.text)) // 2)
    return [Rich(part.text, tuple(span for span in part.spans if span.kind != LINK))]


def _reach(text: str, limit_units: int) -> int:
    """How many characters fit."""
    reach, used = min(len(text), limit_units), units(text[:limit_units])
    while used > limit_units:
        reach -= 1
        used -= units(text[reach])
    return reach


def _place(rich: Rich, reach: int) -> int:
    """The best place to cut at or before `reach`: outside of code, between paragraphs, lines, words."""
    text, least = rich.text, reach // _SPARE
    for span in rich.spans:
        whole = span.end - span.start <= reach
        if span.kind == PRE and whole and least < span.start < reach < span.end:
            return span.start  # the block as a whole fits into the next part
    for place in _PLACES:
        at = text.rfind(place, least, reach + 1)
        if at > 0:
            return min(at + len(place), reach)
    return _between_characters(text, reach)


def _between_characters(text: str, reach: int) -> int:
    at = reach
    while at > max(1, reach - _FAMILY) and _glued(text, at):
        at -= 1
    return reach if _glued(text, at) else at


def _glued(text: str, at: int) -> bool:
    """Whether what stands on both sides of `at` is seen as one character."""
    after = text[at]
    return (
        unicodedata.category(after) in {"Mn", "Me", "Mc"}
        or _JOINER in (after, text[at - 1])
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # a skin tone
        or ("\U0001f1e6" <= after <= "\U0001f1ff" and "\U0001f1e6" <= text[at - 1] <= "\U0001f1ff")
    )
