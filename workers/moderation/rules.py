"""Our own words and patterns, English and Russian: few, narrow, and about what nobody may have made.

Each rule needs two things near each other, so that a word alone (a bomb in a war novel, a minor key)
blocks nothing. Pure, and linear in the length of the text: every gap is bounded.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

GAP: Final = r"\W(?:.{0,60}\W)?"
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

_CHILD: Final = (
    r"(?:child(?:ren)?|kids?|toddlers?|under-?age|pre-?teens?|minors?|schoolgirls?|schoolboys?|"
    r"(?:[1-9]|1[0-7])[ -]years?[ -]old|реб[её]н\w*|дет(?:и|ей|ьми|ям|ях|ск\w*)|малолетн\w*|"
    r"несовершеннолетн\w*|школьниц\w*|школьник\w*)"
)
_SEXUAL: Final = (
    r"(?:porn\w*|nudes?|naked|sexual(?:ly|ized)?|sex|erotic\w*|explicit|порн\w*|обнаж[её]нн\w*|"
    r"гол(?:ый|ая|ые|ого|ую|ых|ыми)|секс\w*|эротич\w*|интимн\w*)"
)
_MAKE: Final = (
    r"(?:how (?:to|do i|can i)|instructions? (?:for|to)|recipe (?:for|to)|steps? to|build|make|"
    r"synthesi[sz]e|как (?:сделать|собрать|изготовить|синтезировать)|инструкци\w*|рецепт\w*)"
)
_WEAPON: Final = (
    r"(?:pipe bombs?|nail bombs?|car bombs?|suicide vests?|homemade (?:bombs?|explosives?)|"
    r"improvised explosives?|nerve agents?|sarin|vx gas|ricin|mustard gas|dirty bombs?|"
    r"самодельн\w* (?:бомб\w*|взрывчатк\w*|взрывн\w*)|взрывчатк\w*|пояс\w* смертника|зарин\w*|рицин\w*|"
    r"нервно-паралитическ\w*)"
)
_WAY: Final = (
    r"(?:how (?:to|do i|can i)|best way to|easiest way to|painless(?:ly)?|как(?: лучше| легко|"
    r" безболезненно)?|способ\w*)"
)
_SELF_HARM: Final = (
    r"(?:kill myself|commit suicide|end my (?:own )?life|hang myself|cut myself|покончить с собой|"
    r"убить себя|повеситься|вскрыть вены|порезать себя)"
)
_DESTROY: Final = (
    r"(?:kill|murder|exterminate|gas|wipe out|убить|убивать|уничтожить|истребить) "
    r"(?:all|every|всех)"
)
_PEOPLE: Final = (
    r"(?:jews?|muslims?|christians?|blacks?|whites?|asians?|arabs?|roma|gypsies|gays?|lesbians?|"
    r"immigrants?|refugees?|евреев|мусульман|христиан|цыган|геев|мигрантов|беженцев|негров)"
)
_STEAL: Final = r"(?:stolen|cloned|dumps? of|украденн\w*|крад[её]нн\w*)"
_CARDS: Final = r"(?:credit cards?|card numbers?|cvv|банковск\w* карт\w*|номер\w* карт\w*)"


@dataclass(frozen=True, slots=True)
class Finding:
    """`class_` is a word of the list that providers use too; `score` is 0..1."""

    class_: str
    score: float


@dataclass(frozen=True, slots=True)
class Rule:
    """`needs`: words of which one is in whatever the rule finds."""

    class_: str
    score: float
    pattern: re.Pattern[str]
    needs: str


def _near(class_: str, score: float, one: str, other: str, *, ordered: bool = False) -> Rule:
    ways = rf"\b{one}{GAP}{other}\b"
    if not ordered:
        ways = rf"(?:{ways}|\b{other}{GAP}{one}\b)"
    return Rule(class_, score, re.compile(ways), needs=other)


RULES: Final[tuple[Rule, ...]] = (
    _near("sexual/minors", 1.0, _CHILD, _SEXUAL),
    _near("illicit/violent", 0.95, _MAKE, _WEAPON, ordered=True),
    _near("self-harm/instructions", 0.9, _WAY, _SELF_HARM, ordered=True),
    _near("hate/threatening", 0.9, _DESTROY, _PEOPLE, ordered=True),
    _near("illicit", 0.8, _STEAL, _CARDS, ordered=True),
)


_NEEDS: Final = "|".join(rule.needs for rule in RULES)
_FIRST: Final = "".join(sorted(set(re.findall(r"(?<=[:|])\w", _NEEDS))))
_NEEDED: Final = re.compile(rf"(?=[{_FIRST}])\b(?:{_NEEDS})")
"""A text without any of these is looked through once, not once for each rule; and where none of their
first letters stands, none of the words is tried.
"""


def look(text: str) -> Finding | None:
    """The gravest finding in a text of any length; None for nearly everything."""
    plain = plainly(text)
    if _NEEDED.search(plain) is None:
        return None
    found = [Finding(rule.class_, rule.score) for rule in RULES if rule.pattern.search(plain)]
    return max(found, key=lambda finding: finding.score, default=None)


def plainly(text: str) -> str:
    """Without what hides a word from a pattern: width, case, invisible characters, line ends."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(text.casefold().split())
