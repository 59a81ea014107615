"""Prompts that are improved: what our own rules add, what a model is told, and what follows is made of."""

from random import Random

import pytest

from producers.bot.keeper import joined
from schemas.payloads import STYLES
from storage.inspect import PAGE_CHARACTERS
from workers.providers.local import prompts
from workers.providers.local.moods import scene_of
from workers.providers.local.text import improve
from workers.providers.wire_words import to_improve


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat.", "a cat, soft light, balanced composition, fine detail"),
        ("a lighthouse, wide shot", "a lighthouse, wide shot, soft light, fine detail"),
        (
            "teh lighthouse at dusk, from above, as a sketch",
            "the lighthouse at dusk, from above, as a sketch",
        ),
        (
            "кот на крыше, акварель, на закате",
            "кот на крыше, акварель, на закате, выверенная композиция",
        ),
        ("un chat qui dort sur le toit de la maison", "un chat qui dort sur le toit de la maison"),
    ],
)
def test_rules_name_only_what_a_prompt_does_not(prompt: str, expected: str) -> None:
    made = improve(prompt, "prompt")
    assert made.text == expected
    assert improve(made.text, "prompt").text == expected


@pytest.mark.parametrize("language", sorted(prompts.LANGUAGES))
def test_what_is_added_draws_nothing_of_its_own(language: str) -> None:
    added, lines = prompts.fuller("xyz", language)
    assert len(lines) == 3
    assert scene_of(added, Random(1)).things == {"abstract"}
    assert scene_of(added, Random(1)) == scene_of("xyz", Random(1))


def test_it_is_no_style_of_a_text() -> None:
    assert "prompt" not in STYLES
    assert "picture or a video" in to_improve("prompt")
    assert all("picture or a video" not in to_improve(style) for style in STYLES)  # type: ignore[arg-type]


def test_one_text_of_several_is_a_page_at_most_and_has_something_of_each() -> None:
    long = "One. " + "word " * 1_000
    told = [f"Picture {number}. {long}" for number in range(10)]
    whole = joined(told, most=90_000)
    assert len(whole) <= PAGE_CHARACTERS
    assert [f"Picture {number}. One." in whole for number in range(10)] == [True] * 10
    assert joined(["short", "texts"], most=90_000) == "short\n\ntexts"
    assert joined([long], most=90_000) == long
    assert joined(["x" * 5_000, "y"], most=90_000).endswith("x\n\ny")
