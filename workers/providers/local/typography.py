"""Typographic rules that are safe without understanding a word: spaces, dashes, quotes.

Russian gets its dashes, « » and doubled words; other languages only spaces, because their own rules
differ (French keeps a space before `!`, German doubles words on purpose).
"""

import re
from typing import Final

Rule = tuple[re.Pattern[str], str, str]

_EVERYWHERE: Final[tuple[Rule, ...]] = (
    (re.compile(r"(?<=\S)[ \t]{2,}(?=\S)"), " ", "doubled space"),
    (re.compile(r"[ \t]+(?=\n)"), "", "space at the end of a line"),
    (re.compile(r"(?<=\w) +(?=[,.](?:\s|$))"), "", "space before a comma or full stop"),
)
_RUSSIAN: Final[tuple[Rule, ...]] = (
    (re.compile(r"(?<=[\w»)]) +(?=[;:!?…])"), "", "space before a punctuation mark"),
    (re.compile(r"(?<=[а-яёА-ЯЁ]),(?=[а-яёА-ЯЁ])"), ", ", "no space after a comma"),
    (re.compile(r" +,(?=[а-яёА-ЯЁ])"), ", ", "space before a comma or full stop"),
    (re.compile(r"(?<=\S) (?:-|–|--) (?=\S)"), " — ", "hyphen in place of a dash"),
    (re.compile(r"^- (?=[А-ЯЁ])", re.MULTILINE), "— ", "hyphen in place of a dash"),
    (re.compile(r"\.{3}(?!\.)"), "…", "three full stops in place of an ellipsis"),
    (re.compile(r"(?<=[а-яё])…(?=[А-ЯЁ])"), "… ", "no space after an ellipsis"),
    (re.compile(r'"([^"\n]*[а-яёА-ЯЁ][^"\n]*)"'), r"«\1»", "quotation marks"),
    (re.compile(r"“([^”\n]*[а-яёА-ЯЁ][^”\n]*)”"), r"«\1»", "quotation marks"),
    (re.compile(r"\b([а-яёА-ЯЁ]{2,})( +)\1\b", re.IGNORECASE), r"\1", "the same word twice"),
)
_LINK: Final = re.compile(r"(https?://\S+|www\.\S+|`[^`]*`)")


def tidy(text: str, *, russian: bool) -> tuple[str, tuple[str, ...]]:
    """The text with its typography put right, and a line for every kind of change."""
    rules = _EVERYWHERE + (_RUSSIAN if russian else ())
    counts: dict[str, int] = {}
    pieces = _LINK.split(text)
    for number, piece in enumerate(pieces):
        if number % 2 == 0:  # odd pieces are links and code
            pieces[number] = _apply(rules, piece, counts)
    return "".join(pieces), tuple(f"{why}: {times} put right" for why, times in counts.items())


def _apply(rules: tuple[Rule, ...], text: str, counts: dict[str, int]) -> str:
    for pattern, new, why in rules:
        text, times = pattern.subn(new, text)
        if times:
            counts[why] = counts.get(why, 0) + times
    return text
