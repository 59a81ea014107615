"""Improving a text by rules: which rules fit its language and the style asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ops.base.child import tell_progress
from schemas.payloads import PROMPT_STYLE
from workers.providers.local import grammar, prompts, styles, typography
from workers.providers.local.languages import language_of

MADE_BY: Final = "local provider (grammar rules, not a neural model)"
CHANGES_MAX: Final = 200
_RULES_SHARE: Final = 0.95

_STYLES: Final[dict[str, Callable[[str], styles.Styled]]] = {
    "concise": styles.concise,
    "formal": styles.formal,
    "friendly": styles.friendly,
}
_STYLE_NOTES: Final = {
    "concise": "Concise drops filler words and shortens set phrases; sentences are not rewritten.",
    "formal": "Formal writes contractions out and swaps everyday words; sentences stay as they are.",
    "friendly": "Friendly uses contractions and everyday words; sentences are not rewritten.",
}


@dataclass(frozen=True, slots=True)
class Improved:
    text: str
    changes: tuple[str, ...]
    notes: tuple[str, ...]


def improve(text: str, style: str) -> Improved:
    """`text` made better as far as rules go; `notes` says where they stop."""
    language = language_of(text)
    if language != "en":
        return _typography_only(text, style, russian=language == "ru")
    if style == "headline":
        text = styles.first_sentence(text)
    tidied, changes = typography.tidy(text, russian=False)
    fixed = grammar.correct(tidied, lambda share: tell_progress(share * _RULES_SHARE))
    changes += fixed.changes
    notes: tuple[str, ...] = ()
    if fixed.left:
        notes += (f"Words left as they are, possibly names: {', '.join(fixed.left)}.",)
    text = fixed.text
    if style == "headline":
        return _headline(text, changes, notes)
    if style == PROMPT_STYLE:
        return _prompt(text, changes, notes, language=language)
    if style in _STYLES:
        text, styled = _STYLES[style](text)
        changes += styled
        notes += (_STYLE_NOTES[style],)
    if not changes:
        notes += ("The rules found nothing to change.",)
    return Improved(text, _bounded(changes), notes)


def _headline(text: str, changes: tuple[str, ...], notes: tuple[str, ...]) -> Improved:
    import harper

    title = harper.to_title_case(text)
    notes += ("The headline is the first sentence in title case; nothing was summed up.",)
    return Improved(title, (*_bounded(changes), "first sentence set in title case"), notes)


def _prompt(
    text: str, changes: tuple[str, ...], notes: tuple[str, ...], *, language: str
) -> Improved:
    text, added = prompts.fuller(text, language)
    if language in prompts.LANGUAGES:
        notes += (prompts.NOTE,)
    return Improved(text, _bounded(changes + added), notes)


def _typography_only(text: str, style: str, *, russian: bool) -> Improved:
    tidied, changes = typography.tidy(text, russian=russian)
    what = "spaces, dashes, quotation marks and doubled words" if russian else "spaces"
    language = "Russian" if russian else "this language"
    notes = [f"For {language} only typography was checked ({what}); grammar and spelling were not."]
    if style == PROMPT_STYLE:
        return _prompt(tidied, changes, tuple(notes), language="ru" if russian else "other")
    if style == "headline":
        tidied = styles.first_sentence(tidied)
        notes.append("The headline is the first sentence; nothing was summed up.")
    elif style != "correct":
        notes.append(f"The style “{style}” works for English only and was not applied.")
    if not changes:
        notes.append("The rules found nothing to change.")
    return Improved(tidied, _bounded(changes), tuple(notes))


def _bounded(changes: tuple[str, ...]) -> tuple[str, ...]:
    if len(changes) <= CHANGES_MAX:
        return changes
    return (*changes[:CHANGES_MAX], f"and {len(changes) - CHANGES_MAX} more")
