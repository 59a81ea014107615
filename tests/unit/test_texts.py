"""Every code has a text in every language, and a text never breaks the answer it explains."""

import inspect

import pytest

from schemas import errors
from schemas.errors import REFUSALS, STATUS_OF_CODE, Insufficient, LeydenError, Refused
from schemas.texts import LANGUAGES, Language, error_text, keys, language_of, placeholders, text


def known_codes() -> set[str]:
    classes = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, LeydenError)
    ]
    return {c.default_code for c in classes} | set(REFUSALS) | set(STATUS_OF_CODE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_text(language: Language) -> None:
    assert {f"error.{code}" for code in known_codes()} <= keys(language)


def test_the_languages_have_the_same_keys_and_ask_for_the_same_facts() -> None:
    assert keys("en") == keys("ru")
    for key in keys("en"):
        assert placeholders(key, "en") == placeholders(key, "ru"), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_text_is_sentences(language: Language) -> None:
    for key in keys(language):
        if key.startswith("error."):
            assert text(key, language).endswith("."), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_says_what_it_cost(language: Language) -> None:
    word = {
        "en": ("charged", "exchanged", "changed", "returned", "come back"),
        "ru": ("списано", "Обмена не было", "не изменено", "не возвращено", "оплачено", "списаний"),
    }[language]
    for code in REFUSALS:
        assert any(w in text(f"error.{code}", language) for w in word), code


def test_amounts_are_shown_as_credits() -> None:
    error = Insufficient(price_units=20_000, available_units=15_000, held_units=30_000)
    assert "You need 2 and can spend 1.5 (3 more is reserved" in error_text(error)
    assert "Нужно 2, доступно 1.5 (ещё 3 в резерве" in error_text(error, "ru")


def test_a_missing_fact_is_an_ellipsis_and_a_hostile_one_is_only_shown() -> None:
    assert "…" in error_text(Insufficient())
    shown = text("error.unknown_model", "en", model="{model.__class__}")
    assert "{model.__class__}" in shown


def test_an_unknown_code_is_told_as_internal_and_an_unknown_key_is_a_fault() -> None:
    assert error_text(Refused("never_heard_of")) == text("error.internal")
    with pytest.raises(KeyError):
        text("error.never_heard_of")


@pytest.mark.parametrize(
    ("code", "language"), [("ru-RU", "ru"), ("RU", "ru"), ("de", "en"), (None, "en")]
)
def test_the_nearest_language(code: str | None, language: Language) -> None:
    assert language_of(code) == language
