"""Telling English, Russian and the rest apart, as far as rules need it."""

import re
from typing import Final, Literal

Language = Literal["en", "ru", "other"]

WORD: Final = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_CYRILLIC: Final = re.compile(r"[\u0400-\u04ff]")
_LATIN: Final = re.compile(r"[A-Za-z]")
_NOT_RUSSIAN: Final = re.compile(r"[\u0404\u0406\u0407\u0454\u0456\u0457\u0490\u0491\u040e\u045e]")
_SMALL_WORDS: Final = (
    "a an and are as at be but by can could did do does for from had has have he her his "
    "how i if in is it its me my not of on or our she so that the their them there they "
    "this to was we were what when which who will with would you your im dont its going "
    "about want need write make "
)
_ENGLISH_SMALL_WORDS: Final = frozenset(_SMALL_WORDS.split())
_SMALL_SHARE: Final = 0.12
_SHORT_TEXT_WORDS: Final = 5


def language_of(text: str) -> Language:
    """A guess from letters and small words. Ukrainian and Belarusian letters make a text
    `other`.
    """
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    if cyrillic > latin:
        return "other" if _NOT_RUSSIAN.search(text) else "ru"
    words = [word.lower() for word in WORD.findall(text)]
    if not words or not latin:
        return "other"
    known = sum(word in _ENGLISH_SMALL_WORDS for word in words)
    accents = sum(not word.isascii() and "’" not in word for word in words)
    if len(words) < _SHORT_TEXT_WORDS:
        return "en" if accents == 0 else "other"
    return "en" if known / len(words) >= _SMALL_SHARE and accents <= known else "other"
