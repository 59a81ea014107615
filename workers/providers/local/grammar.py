"""English correction with the rules of Harper, applied until they find nothing more.

A suggestion is taken only where it is likely to be right: names, links and foreign words are left
as they are, and what was left is said.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import harper

PASSES_MAX: Final = 4
LEFT_MAX: Final = 12

_MATTERS_OF_TASTE: Final = frozenset({"Enhancement", "Readability", "Regionalism", "Style"})
_WORD_FAULTS: Final = frozenset({"Spelling", "Capitalization"})
_PROTECTED: Final = re.compile(
    r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.\w+|[@#]\w+|`[^`]*`|\b\w+\.(?:com|org|net|io|ru|me)\b"
)
EDITS_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class Corrected:
    """`changes`: what became what and why. `left`: words nothing was sure about."""

    text: str
    changes: tuple[str, ...]
    left: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Fix:
    start: int
    end: int
    new: str
    line: str


@cache
def linter() -> "harper.Linter":
    """One per process: loading its dictionary takes about a second."""
    import harper

    return harper.Linter()


def correct(text: str, tell: Callable[[float], None]) -> Corrected:
    """Corrects paragraph by paragraph; a paragraph is read again only when it changed."""
    changes: list[str] = []
    left: dict[str, None] = {}
    parts = re.split(r"(\n+)", text)
    for number, part in enumerate(parts):
        if part.strip():
            parts[number] = _correct_part(part, changes, left)
        tell((number + 1) / len(parts))
    return Corrected("".join(parts), tuple(changes), tuple(left)[:LEFT_MAX])


def _correct_part(text: str, changes: list[str], left: dict[str, None]) -> str:
    seen = {text}
    for _ in range(PASSES_MAX):
        fixes = list(_fixes(text, left))
        if not fixes:
            break
        for fix in reversed(fixes):
            text = text[: fix.start] + fix.new + text[fix.end :]
        changes.extend(fix.line for fix in fixes)
        if text in seen:  # two rules undo each other
            break
        seen.add(text)
    return text


def _fixes(text: str, left: dict[str, None]) -> Iterator[_Fix]:
    """Suggestions worth taking, in order of place, none overlapping."""
    protected = [match.span() for match in _PROTECTED.finditer(text)]
    end = 0
    lints = linter().lint(text, language="plaintext")
    for lint in sorted(lints, key=lambda lint: lint.span.start):
        span = lint.span
        if span.start < end or lint.lint_kind in _MATTERS_OF_TASTE or not lint.suggestions:
            continue
        if any(start < span.end and span.start < stop for start, stop in protected):
            continue
        if not _is_sure(lint):
            left[lint.problem_text] = None
            continue
        yield (fix := _fix(lint))
        end = fix.end


def _is_sure(lint: "harper.Lint") -> bool:
    """Spelling is a guess: taken for a plain lower-case word close to the first suggestion."""
    word = lint.problem_text
    if not word.isascii():
        return "’" in word
    if lint.lint_kind != "Spelling":
        return True
    guess = lint.suggestions[0].replacement_text
    if not (word.islower() or (word.istitle() and _is_plain_word(guess.lower()))):
        return False
    return distance(word.lower(), guess.lower()) <= EDITS_MAX


@cache
def _is_plain_word(word: str) -> bool:
    """In the dictionary without a capital: what a capitalized slip may become; a name is not."""
    return not any(lint.lint_kind in _WORD_FAULTS for lint in linter().lint(f"The {word} is here."))


def _fix(lint: "harper.Lint") -> _Fix:
    start, end, old = lint.span.start, lint.span.end, lint.problem_text
    suggestion = lint.suggestions[0]
    new = suggestion.replacement_text
    if suggestion.kind.name == "INSERT_AFTER":
        return _Fix(end, end, new, _line(old, old + new, lint.message))
    return _Fix(start, end, new, _line(old, new, lint.message))


def _line(old: str, new: str, reason: str) -> str:
    reason = reason.strip().rstrip(".")
    if reason.startswith("Did you mean to spell"):
        reason = "spelling"
    became = f"“{old}” → “{new}”" if new else f"“{old}” removed"
    return f"{became}: {reason[:1].lower()}{reason[1:]}"


def distance(left: str, right: str) -> int:
    """Edits (insert, delete, replace, swap of neighbours) between two words."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
