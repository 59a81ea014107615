"""Every code has a text in every language, and a text never breaks the answer it explains."""

import inspect
import subprocess
import sys
from decimal import Decimal

import pytest

from ops.sandbox.telegram.markup_html import parse_html
from schemas import errors
from schemas.errors import REFUSALS, STATUS_OF_CODE, Insufficient, LeydenError, Refused
from schemas.speech import html
from schemas.texts import (
    UNKNOWN,
    end_text,
    error_text,
    has,
    keys,
    language_of,
    languages,
    placeholders,
    text,
)
from schemas.translations import Translation, translation

LANGUAGES = languages()


def known_codes() -> set[str]:
    classes = [
        c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, LeydenError)
    ]
    return {c.default_code for c in classes} | set(REFUSALS) | set(STATUS_OF_CODE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_text(language: str) -> None:
    assert {f"error-{code}" for code in known_codes()} <= keys(language)
    assert all(has(f"error.{code}") for code in known_codes())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_languages_have_the_same_keys_and_ask_for_the_same_facts(language: str) -> None:
    """English and Russian are complete; a language that is being translated may say less."""
    missing = keys("en") - keys(language)
    assert not missing or language not in {"en", "ru"}
    assert keys(language) <= keys("en")
    for key in keys(language):
        assert placeholders(key, language) == placeholders(key, "en"), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_fluent_and_said_once(language: str) -> None:
    spoken = translation(language)
    for key in spoken.ids:
        spoken.variables(key)
    assert spoken.faults == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_html_that_telegram_reads_and_says_all_its_facts(language: str) -> None:
    for key in keys(language):
        for number in (1, 2, 5, 11):
            facts: dict[str, object] = dict.fromkeys(placeholders(key, language), number)
            said = html(key, language, **facts)
            assert "???" not in said, key
            assert parse_html(said).text.strip(), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_text_is_sentences(language: str) -> None:
    for key in keys(language):
        if key.startswith("error-"):
            assert text(key, language).endswith("."), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_says_what_it_cost(language: str) -> None:
    word = {
        "en": ("charged", "exchanged", "changed", "returned", "come back"),
        "ru": ("списано", "Обмена не было", "не изменено", "не возвращено", "оплачено", "списаний"),
    }[language]
    for code in REFUSALS:
        assert any(w in text(f"error.{code}", language) for w in word), code


def test_amounts_are_shown_as_credits() -> None:
    error = Insufficient(price_units=20_000, available_units=15_000, held_units=30_000)
    assert "You need 2 and can spend 1.5 (3 more is reserved" in error_text(error)
    assert "Нужно 2, доступно 1,5 (ещё 3 в резерве" in error_text(error, "ru")


def test_a_missing_fact_is_an_ellipsis_and_a_hostile_one_is_only_shown() -> None:
    assert "…" in error_text(Insufficient())
    shown = text("error.unknown_model", "en", model="{model.__class__}")
    assert "{model.__class__}" in shown


def test_an_unknown_code_is_told_as_internal_and_an_unknown_key_is_a_fault() -> None:
    assert error_text(Refused("never_heard_of")) == text("error.internal")
    with pytest.raises(KeyError):
        text("error.never_heard_of")


@pytest.mark.parametrize(
    ("code", "language"),
    [("ru-RU", "ru"), ("RU", "ru"), ("ru_RU", "ru"), ("xx", "en"), (None, "en")],
)
def test_the_nearest_language(code: str | None, language: str) -> None:
    assert language_of(code) == language


@pytest.mark.parametrize(
    ("units", "en", "ru"),
    [
        (10_000, "1 credit", "1 кредит"),
        (20_000, "2 credits", "2 кредита"),
        (50_000, "5 credits", "5 кредитов"),
        (110_000, "11 credits", "11 кредитов"),
        (210_000, "21 credits", "21 кредит"),
        (15_000, "1.5 credits", "1,5 кредита"),
        (1, "0.0001 credits", "0,0001 кредита"),
        (123_456_780_000, "12345678 credits", "12345678 кредитов"),
    ],
)
def test_amounts_have_the_plural_of_their_language(units: int, en: str, ru: str) -> None:
    assert text("amount.credits", "en", price_units=units) == en
    assert text("amount.credits", "ru", price_units=units) == ru


def test_facts_are_escaped_in_html_but_not_what_is_html_already() -> None:
    hostile = '<a href="tg://user?id=1">&"'
    said = html("error.unknown_model", "en", model=hostile)
    assert hostile not in said
    assert hostile in parse_html(said).text
    assert hostile in text("error.unknown_model", "en", model=hostile)
    within = html("error.unknown_model", "en", model=html("error.internal"))
    assert html("error.unknown_model", "en", model=within).count("&amp;") == 0


def test_a_fact_may_be_long_and_may_look_like_a_stand_in() -> None:
    prompt = "<p>" * 3_000
    assert text("error.unknown_model", "en", model=prompt).count("<p>") == 3_000
    assert parse_html(html("error.unknown_model", "en", model=prompt)).text.count("<p>") == 3_000
    assert "\ue0000\ue001" in text("error.unknown_model", "en", model="\ue0000\ue001")


def test_numbers_are_not_grouped_and_nothing_is_not_none() -> None:
    assert "1048576 bytes" in text("error.payload_too_large", "en", limit_bytes=1 << 20)
    assert "0,5 байт" in text("error.payload_too_large", "ru", limit_bytes=Decimal("0.5"))
    assert "… bytes" in text("error.payload_too_large", "en", limit_bytes=None)


def test_what_a_language_does_not_say_is_said_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"pt.ftl": "language-name = Português\nerror-failed = Falhou.\n"}
    known = {"pt": Translation("pt", said), "en": translation("en")}
    monkeypatch.setattr("schemas.texts.languages", lambda: tuple(known))
    monkeypatch.setattr("schemas.texts.translation", known.__getitem__)
    assert text("error.failed", language_of("pt-BR")) == "Falhou."
    assert text("error.dead", "pt") == text("error.dead", "en")


def test_a_slip_costs_one_text_and_is_named() -> None:
    files = {"a.ftl": "one = 1\ntwo = { $x\nthree = 3\n", "b.ftl": "one = again\nfour = { five }\n"}
    spoken = Translation("pt", files)
    assert spoken.ids == {"one", "three", "four"}
    assert spoken.fill("one", {}) == "1"
    assert spoken.variables("four") == frozenset()
    assert len(spoken.faults) == 3


def test_who_says_nothing_does_not_load_fluent() -> None:
    code = "import sys, schemas.texts, schemas.speech; print('fluent.runtime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize(
    "code", [*REFUSALS, "unavailable", "handed_back", "by_user", "poison", "overdue", "never heard"]
)
def test_an_end_is_told_without_facts(code: str, language: str) -> None:
    """All that is kept of it is the code: no text may show the place of a number."""
    for state in ("failed", "cancelled", "dead"):
        told = end_text(code, state, language)
        assert told
        assert UNKNOWN not in told
        assert "ничего не принято" not in told.lower()
        assert "nothing was accepted" not in told.lower(), "the job was"


def test_an_end_with_a_code_of_its_own_is_told_by_its_state() -> None:
    assert end_text("poison", "dead") == text("error.dead")
    assert end_text("by_user", "cancelled") == text("error.cancelled")
    assert end_text(None, "failed") == text("error.failed")
    assert end_text("overdue", "failed") == text("error.overdue")
