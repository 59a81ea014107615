"""Styles of English text that a list of phrases can give: shorter, more formal, friendlier, a
headline.
"""

import re
from collections.abc import Mapping
from typing import Final

HEADLINE_MAX_CHARACTERS: Final = 110

WORDY: Final[Mapping[str, str]] = {
    "in order to": "to",
    "due to the fact that": "because",
    "in spite of the fact that": "although",
    "at this point in time": "now",
    "at the present time": "now",
    "in the event that": "if",
    "for the purpose of": "for",
    "with regard to": "about",
    "with reference to": "about",
    "a large number of": "many",
    "has the ability to": "can",
    "is able to": "can",
    "are able to": "can",
    "prior to": "before",
    "in close proximity to": "near",
    "until such time as": "until",
    "in the near future": "soon",
    "each and every": "every",
    "first and foremost": "first",
    "it is important to note that": "",
    "it should be noted that": "",
    "needless to say": "",
    "as a matter of fact": "",
    "for all intents and purposes": "",
    "basically": "",
    "actually": "",
    "literally": "",
    "really": "",
    "very": "",
    "quite": "",
    "simply": "",
    "honestly": "",
    "obviously": "",
}
"""Phrase -> what says the same in fewer words; an empty string where nothing is lost."""

INFORMAL: Final[Mapping[str, str]] = {
    "can't": "cannot",
    "won't": "will not",
    "shan't": "shall not",
    "let's": "let us",
    "i'm": "I am",
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "have to",
    "kinda": "rather",
    "sorta": "rather",
    "hi": "hello",
    "hey": "hello",
}
_ENDINGS: Final[Mapping[str, str]] = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will"}
_HAS_FOLLOWS: Final = r"(?!\s+(?:been|had|got|become|gone|done|\w+ed)\b)"
_IS: Final = re.compile(
    r"\b(it|that|there|here|what|where|who|he|she)'s\b" + _HAS_FOLLOWS, re.IGNORECASE
)

STIFF: Final[Mapping[str, str]] = {
    "do not": "don't",
    "does not": "doesn't",
    "did not": "didn't",
    "is not": "isn't",
    "are not": "aren't",
    "was not": "wasn't",
    "were not": "weren't",
    "have not": "haven't",
    "has not": "hasn't",
    "will not": "won't",
    "cannot": "can't",
    "could not": "couldn't",
    "would not": "wouldn't",
    "should not": "shouldn't",
    "let us": "let's",
    "therefore": "so",
    "regarding": "about",
    "assist": "help",
    "utilize": "use",
    "commence": "start",
    "obtain": "get",
}
_BEFORE_WORD: Final[Mapping[str, str]] = {
    "i am": "I'm",
    "we are": "we're",
    "you are": "you're",
    "they are": "they're",
    "it is": "it's",
    "we will": "we'll",
    "you will": "you'll",
}

# "not very good" is not "not good", "the very first" needs its word, "won't you?" is a question.
_BEFORE: Final = r"(?<!\bnot )(?<!n't )(?<!\bthe )(?<!\bhow )(?<!\bso )"
_AFTER: Final = r"(?!\s+(?:much|first|same|last|well|a|I|you|he|she|it|we|they)\b)"

Styled = tuple[str, tuple[str, ...]]


def concise(text: str) -> Styled:
    return _replace(text, WORDY)


def formal(text: str) -> Styled:
    """Contractions written out. `'s` only where it must mean `is`."""
    text, changes = _replace(text.replace("’", "'"), INFORMAL)
    for ending, full in _ENDINGS.items():
        pattern = re.compile(rf"\b(\w+){ending}\b{_AFTER}", re.IGNORECASE)
        changes += tuple(_line(match[0], match[1] + full) for match in pattern.finditer(text))
        text = pattern.sub(rf"\1{full}", text)
    changes += tuple(_line(match[0], f"{match[1]} is") for match in _IS.finditer(text))
    return _IS.sub(r"\1 is", text), changes


def friendly(text: str) -> Styled:
    """Contractions and everyday words; a pronoun is contracted only before another word."""
    text, changes = _replace(text, STIFF)
    text, more = _replace(text, _BEFORE_WORD, only_before=r"(?=\s+\w)")
    return text, changes + more


def first_sentence(text: str) -> str:
    """Up to the first end of a sentence, without its full stop, cut at a word when very long."""
    flat = " ".join(text.split())
    sentence = re.split(r"(?<=[.!?…])\s+(?=\S)", flat, maxsplit=1)[0].rstrip(".")
    if len(sentence) <= HEADLINE_MAX_CHARACTERS:
        return sentence
    return sentence[:HEADLINE_MAX_CHARACTERS].rsplit(" ", 1)[0].rstrip(",;:—-") + "…"


def _replace(text: str, phrases: Mapping[str, str], only_before: str = "") -> Styled:
    names = sorted(phrases, key=len, reverse=True)
    pattern = re.compile(
        rf"{_BEFORE}\b({'|'.join(map(re.escape, names))})\b{only_before}{_AFTER}(,?[ \t]*)",
        re.IGNORECASE,
    )
    changes: list[str] = []

    def put(match: re.Match[str]) -> str:
        old, new = match[1], phrases[match[1].lower()]
        changes.append(_line(old, new))
        if not new:
            return ""
        shown = new[0].upper() + new[1:] if old[0].isupper() else new
        return shown + match[2]

    text = pattern.sub(put, text)
    return (_mend(text) if changes else text), tuple(changes)


def _mend(text: str) -> str:
    """Spaces and capitals around words that were dropped."""
    text = re.sub(r"[ \t]+([,.;:!?])", r"\1", text)
    text = re.sub(r"(?<=\S)[ \t]{2,}", " ", text)
    return re.sub(r"(^|[.!?]\s+|\n\s*)([a-z])", lambda match: match[1] + match[2].upper(), text)


def _line(old: str, new: str) -> str:
    return f"“{old}” → “{new}”" if new else f"“{old}” dropped"
