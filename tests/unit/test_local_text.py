"""Text rules of the local provider: they mend what they know, and leave and say the rest."""

import re

import pytest

from ops import samples
from workers.providers.local import drafts, grammar, styles, typography
from workers.providers.local.languages import Language, language_of
from workers.providers.local.text import improve


def test_known_mistakes_are_mended_and_every_change_is_told() -> None:
    made = improve(samples.TEXT_WITH_MISTAKES, "correct")
    for right in ("because my friend", "a new project", "I bought a new laptop", "could have"):
        assert right in made.text
    for wrong in (
        "becuase",
        "freind",
        "the the",
        "i has",
        "buyed",
        "recieve",
        "tommorow",
        "know what to do ,",
    ):
        assert wrong not in made.text
    assert any(line.startswith("“becuase” → “because”") for line in made.changes)


def test_names_links_and_paragraphs_are_left_alone() -> None:
    made = improve(samples.TEXT_WITH_MISTAKES, "correct")
    assert "Leyden" in made.text
    assert "https://example.com/teh-page" in made.text
    assert made.text.count("\n\n") == 1
    assert any("Leyden" in note for note in made.notes)


def test_a_right_text_stays_as_it_is_and_that_is_said() -> None:
    text = "The train leaves at nine. We will wait for you at the station."
    made = improve(text, "correct")
    assert (made.text, made.changes) == (text, ())
    assert "nothing to change" in made.notes[0]


def test_correction_ends_when_nothing_is_left_to_mend() -> None:
    once = improve(samples.TEXT_WITH_MISTAKES, "correct").text
    assert improve(once, "correct").text == once


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        ("concise", "In order to win, we basically need a plan.", "To win, we need a plan."),
        ("concise", "It is not very good.", "It is not very good."),
        ("formal", "It's late and we can't wait.", "It is late and we cannot wait."),
        ("formal", "It's been a year since we met.", "It's been a year since we met."),
        ("friendly", "We do not know if it is ready.", "We don't know if it's ready."),
        ("headline", "the cat sat on the mat. It slept.", "The Cat Sat on the Mat"),
    ],
)
def test_styles(style: str, text: str, expected: str) -> None:
    made = improve(text, style)
    assert made.text == expected
    assert made.notes


def test_russian_keeps_its_words_and_gets_its_typography() -> None:
    made = improve(samples.TEXT_IN_RUSSIAN, "formal")
    assert "«Дом книги» — было интересно, но" in made.text
    assert "весь день…" in made.text
    assert "у окна, и дети смеялись." in made.text
    before = re.findall(r"\w+", samples.TEXT_IN_RUSSIAN)
    before.remove("мы")
    assert re.findall(r"\w+", made.text) == before
    assert any("grammar and spelling were not" in note for note in made.notes)
    assert any("“formal” works for English only" in note for note in made.notes)


@pytest.mark.parametrize(
    "text",
    [
        "Nous nous sommes vus hier à Paris, c'était très bien !",
        "Der Mann, der der Frau half, ist gut und die Kinder spielen.",
        "Це гарний день — ми йдемо до міста",
    ],
)
def test_other_languages_are_not_touched(text: str) -> None:
    assert improve(text, "correct").text == text


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("this is the way to go home", "en"),
        ("Где находится библиотека?", "ru"),
        ("Де знаходиться бібліотека?", "other"),
        ("12345 !!!", "other"),
    ],
)
def test_languages(text: str, language: Language) -> None:
    assert language_of(text) == language


def test_a_text_of_the_largest_size_is_worked_through() -> None:
    text = (samples.TEXT_WITH_MISTAKES + "\n") * (90_000 // len(samples.TEXT_WITH_MISTAKES))
    made = improve(text, "correct")
    assert "becuase" not in made.text
    assert len(made.changes) == 201
    assert made.changes[-1].startswith("and ")


def test_distance_counts_a_swap_once() -> None:
    assert grammar.distance("becuase", "because") == 1
    assert grammar.distance("freind", "friend") == 1
    assert grammar.distance("", "abc") == 3


def test_links_are_no_place_for_typography() -> None:
    text = "см. https://пример.рф/а,б и `а,б`"
    assert typography.tidy(text, russian=True)[0] == text


def test_a_very_long_first_sentence_is_cut_at_a_word() -> None:
    cut = styles.first_sentence("word " * 100)
    assert len(cut) <= styles.HEADLINE_MAX_CHARACTERS + 1
    assert cut.endswith("word…")


@pytest.mark.parametrize("length", [1_800, 3_600, 9_000])
def test_a_draft_is_about_the_prompt_and_never_longer_than_paid_for(length: int) -> None:
    draft = drafts.draft("Write about how small {cafes} in coastal towns survive winter", length)
    assert draft.text.startswith("# How small {cafes} in coastal towns survive winter\n")
    assert 0.75 * length < len(draft.text) <= length
    assert "coastal" in draft.text
    assert "Checklist" in draft.text
    assert draft.notes[0].startswith("Template text")
    sections = re.findall(r"^## (.*)$", draft.text, re.MULTILINE)
    assert len(sections) == len(set(sections))


def test_a_draft_in_russian_is_russian() -> None:
    draft = drafts.draft("Напиши статью о пользе прогулок у моря", 3_600)
    assert draft.text.startswith("# О пользе прогулок у моря\n")
    assert "Проверка" in draft.text
    assert draft.notes[0].startswith("Это шаблон")


def test_a_draft_with_nothing_more_to_say_ends_and_says_so() -> None:
    draft = drafts.draft("Boats", 36_000)
    assert len(draft.text) < 5_000
    assert draft.notes[1].startswith("Shorter than asked for")


def test_a_prompt_of_one_endless_word_still_fits() -> None:
    assert len(drafts.draft("x" * 4_000, 1_800).text) <= 1_800
