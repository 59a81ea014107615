"""A draft from the words of a prompt: a skeleton with headings, questions and a checklist to fill
in.

This is a template, and says so. Nothing is invented: every fact is a gap for the writer. When the
template has nothing more to ask, the draft ends, even if more length was paid for.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workers.providers.local.languages import WORD, language_of
from workers.providers.local.templates import EN, RU, Words

MADE_BY: Final = "local provider (template from the words of the prompt, not a neural model)"
TERMS_MAX: Final = 6
TERM_MAX_CHARACTERS: Final = 40
TITLE_MAX_CHARACTERS: Final = 90
_TERM_MIN_CHARACTERS: Final = 4
_NEARLY: Final = 0.8
_ORDER: Final = re.compile(
    r"^(?:please\s+)?(?:write|make|create|prepare|draft|tell)\b.*?\b(?:about|on)\s+"
    r"|^(?:пожалуйста,?\s+)?(?:напиши|напишите|сделай|подготовь|составь|расскажи)\b.*?\s(?=(?:об?|про)\s)",
    re.IGNORECASE,
)
"""What comes before the topic in an order such as `Write an article about …`."""

_SKIPPED_EN_WORDS: Final = (
    "about after also and are because been before being between both but can could does "
    "done each for from give have help here him his how into its just like long make many "
    "more most must need not only other our out over page pages paragraph piece please post "
    "short should some such text than that the their them then there these they this those "
    "through tell very want was were what when where which while who why will with words "
    "would write article essay story letter your "
)
_SKIPPED_EN: Final = frozenset(_SKIPPED_EN_WORDS.split())
_SKIPPED_RU_WORDS: Final = (
    "без был была были быть вам ваш ведь весь вот все всё где для его если есть ещё или как "
    "какой когда который кто либо меня мне можно надо нас наш него нее нет них она они "
    "очень пожалуйста после потому почему при про сделай сделать статью статья текст тебя "
    "того тоже только том туда хочу чего чем что чтобы эта эти это этот напиши написать "
    "расскажи пост письмо нужно "
)
_SKIPPED_RU: Final = frozenset(_SKIPPED_RU_WORDS.split())


@dataclass(frozen=True, slots=True)
class Draft:
    text: str
    notes: tuple[str, ...]


def draft(prompt: str, length_characters: int) -> Draft:
    """At most `length_characters`, whole blocks only; the opening may be cut when that is very
    short.
    """
    words = RU if language_of(prompt) == "ru" else EN
    topic = _title(prompt)
    terms = _terms(prompt) or (topic,)
    facts = {"topic": topic, "terms": ", ".join(terms)}
    first = [f"# {topic}", *(block.format_map(_Literal(facts)) for block in words.opening)]
    last = [block.format_map(_Literal(facts)) for block in words.closing]
    blocks = list(first)
    room = length_characters - sum(len(block) + 2 for block in first + last)
    for section in _sections(terms, words):
        if len(section) + 2 > room:
            break
        blocks.append(section)
        room -= len(section) + 2
    text = "\n\n".join(blocks + last)
    notes: tuple[str, ...] = (words.label,)
    if len(text) < length_characters * _NEARLY:
        notes += (words.shorter,)
    return Draft(text[:length_characters], notes)


class _Literal(dict[str, str]):
    """Only names of the template are replaced; braces in a user's words stay words."""

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


def _sections(terms: tuple[str, ...], words: Words) -> Iterator[str]:
    """Each facet of a different term first, then the combinations that are left."""
    for turn in range(len(terms)):
        for number, (heading, advice, questions) in enumerate(words.facets):
            term = terms[(turn + number) % len(terms)]
            asked = "\n".join(f"- {question}" for question in questions)
            yield f"## {heading.replace('{term}', term)}\n\n{advice}\n\n{asked}\n\n{words.gap}"


def _title(prompt: str) -> str:
    first = re.split(r"(?<=[.!?])\s", " ".join(prompt.split()), maxsplit=1)[0].rstrip(".!? ")
    first = _ORDER.sub("", first) or first
    if len(first) > TITLE_MAX_CHARACTERS:
        first = first[:TITLE_MAX_CHARACTERS].rsplit(" ", 1)[0] + "…"
    return first[:1].upper() + first[1:]


def _terms(prompt: str) -> tuple[str, ...]:
    """The words a prompt turns on: in its own order, without small words, each once."""
    found: dict[str, str] = {}
    for word in WORD.findall(prompt):
        low = word.lower()
        skipped = low in _SKIPPED_EN or low in _SKIPPED_RU
        if len(low) >= _TERM_MIN_CHARACTERS and not skipped:
            found.setdefault(low, word[:TERM_MAX_CHARACTERS])
    return tuple(found.values())[:TERMS_MAX]
