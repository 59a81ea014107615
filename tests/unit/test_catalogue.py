"""The catalogue: what it must hold, who answers under which keys and plans, and what does not load."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from ledger.token_prices import flat_units, token_price
from schemas.catalogue import MODALITY_OF_KIND, Catalogue, catalogue
from schemas.data import load_yaml
from schemas.errors import InvalidInput
from schemas.models import Modality, Model
from schemas.payloads import ImageGenerate, VideoGenerate
from schemas.plans import PlanName
from schemas.providers import ProviderBook, class_of, provider_book

BOOK = catalogue()
TODAY = date(2026, 11, 21)
PAID = ("openai", "openrouter", "kie")
SEEDS = ("chatgpt-3.5-turbo", "mistral-small-3.2-24b-instruct", "gemma-3-27b-it")


def with_keys(*providers: str, today: date = TODAY) -> Catalogue:
    return BOOK.bound({"local", *providers}, lambda: today)


def remote() -> list[Model]:
    return [row for row in BOOK.models if not row.is_local]


def changed(**change: Any) -> Catalogue:
    return Catalogue.model_validate({**load_yaml("models.yaml"), **change})


def test_there_are_enough_models_of_each_kind_that_answer() -> None:
    alive = Counter(row.modality for row in remote() if not row.is_retired(TODAY))
    assert alive["text"] >= 36
    assert alive["image"] + alive["edit"] >= 20
    assert alive["video"] >= 16
    assert {row.provider for row in remote()} == set(PAID)


@pytest.mark.parametrize("row", remote(), ids=lambda row: row.name)
def test_every_row_says_what_it_does_and_what_it_costs(row: Model) -> None:
    assert row.is_priced
    assert row.conf in BOOK.credits.margins
    assert row.title
    match row.modality:
        case "text":
            assert row.unit == "token"
            assert row.context
        case "image" | "edit":
            assert row.unit == "image"
            assert set(row.ops) & {"generate", "edit"}
            assert "edit" not in row.ops or row.refs_max
        case "video":
            assert row.unit == "second"
            assert set(row.ops) & {"t2v", "i2v"}
            assert row.seconds
        case _:
            assert row.modality == "moderation"
    assert row.free == row.model.endswith(":free")
    assert row.free == (row.unit == "token" and row.usd_in == row.usd_out == 0)
    assert not row.is_retired(TODAY) or row.replaced_by


@pytest.mark.parametrize("keys", [(), *((name,) for name in PAID), PAID])
@pytest.mark.parametrize("name", SEEDS)
def test_the_ids_of_old_answer_under_any_keys(name: str, keys: tuple[str, ...]) -> None:
    row = with_keys(*keys).resolve(name, "text")
    assert row.provider in {"local", *keys}
    assert not row.is_retired(TODAY)
    if set(keys) & {"openai", "openrouter"}:
        assert not row.is_local


@pytest.mark.parametrize("name", sorted(BOOK.aliases))
def test_without_a_key_the_local_rows_answer_for_every_alias(name: str) -> None:
    modality = BOOK.aliases[name].modality
    if modality == "moderation":
        assert unavailable(with_keys(), name, modality) == "model_unavailable"
        return
    assert [row.is_local for row in with_keys().candidates(name, modality)] == [True]
    assert modality in MODALITY_OF_KIND.values()


def test_with_a_key_the_local_rows_step_back() -> None:
    for provider in PAID:
        chain = with_keys(provider).candidates("image.default", "image")
        assert {row.provider for row in chain} == {provider}
    everyone = with_keys(*PAID).candidates("image.default", "image")
    assert len({row.provider for row in everyone}) == 3, "a chain that one outage does not break"
    assert with_keys("kie").resolve("text.default", "text").is_local


def test_an_alias_is_resolved_by_plan() -> None:
    book = with_keys(*PAID)
    found = [book.resolve("text.default", "text", plan=plan).name for plan in PlanName]
    assert found == ["mistral-small-3.2", "gpt-5.6-luna", "gemini-3.7-flash"]
    assert book.resolve("text.default", "text").name == found[0]


def unavailable(book: Catalogue, name: str, modality: Modality) -> str:
    with pytest.raises(InvalidInput) as refused:
        book.resolve(name, modality)
    assert refused.value.facts == {"model": name}
    return refused.value.code


def test_a_name_without_a_key_is_no_unknown_name() -> None:
    assert unavailable(with_keys(), "claude-sonnet-5", "text") == "model_unavailable"
    assert unavailable(with_keys(), "no-such", "text") == "unknown_model"
    assert unavailable(with_keys(*PAID), "claude-sonnet-5", "video") == "unknown_model"
    assert with_keys("openrouter").resolve("claude-sonnet-5", "text").name == "claude-sonnet-5"


def test_a_sunset_hands_over_on_its_day() -> None:
    before = with_keys("openai", today=date(2027, 3, 31))
    after = with_keys("openai", today=date(2027, 4, 1))
    assert before.resolve("gpt-5.4-nano", "text").name == "gpt-5.4-nano"
    assert after.resolve("gpt-5.4-nano", "text").name == "gpt-6-luna"
    assert with_keys(*PAID).resolve("sora-2", "video").name == "veo-3.1"


def test_names_that_replace_each_other_end() -> None:
    rows = [
        {**vars(BOOK.models[0]), "name": name, "enabled": False, "replaced_by": other}
        for name, other in (("a", "b"), ("b", "a"))
    ]
    book = Catalogue.model_validate({**BOOK.model_dump(), "models": rows, "aliases": {}})
    assert unavailable(book, "a", "text") == "model_unavailable"


def test_binding_leaves_the_shared_catalogue_as_it_was() -> None:
    with_keys()
    assert BOOK.resolve("claude-sonnet-5", "text").name == "claude-sonnet-5"
    assert unavailable(with_keys(), "claude-sonnet-5", "text") == "model_unavailable"
    found = BOOK.resolve("claude-sonnet-5", "text", available={"openrouter"})
    assert found.provider == "openrouter"


def test_a_row_serves_more_than_its_own_kind() -> None:
    seeing, both = BOOK.row("gpt-6-luna"), BOOK.row("nano-banana-2")
    assert seeing is not None
    assert both is not None
    assert seeing.modalities == {"text", "vision"}
    assert both.modalities == {"image", "edit"}


def test_a_film_is_made_in_the_next_longer_length() -> None:
    runway, kling = BOOK.row("runway"), BOOK.row("kling-3.0")
    assert runway is not None
    assert kling is not None
    assert [runway.seconds_for(asked) for asked in (2, 5, 6, 8, 12)] == [5, 5, 10, 10, 10]
    assert [kling.seconds_for(asked) for asked in (2, 3, 8, 20)] == [3, 3, 8, 15]
    assert BOOK.models[0].seconds_for(4) == 4


def test_the_rule_for_prices() -> None:
    rule = BOOK.credits
    luna = BOOK.row("gpt-5.6-luna")
    assert luna is not None
    assert luna.conf == "a"
    price = token_price(luna, rule)  # 0.20 and 1.20 dollars x 1.2 / 0.01
    assert (price.input_units, price.output_units) == (24 * 10_000, 144 * 10_000)
    dear = luna.model_copy(update={"usd_in": Decimal("0.0000001")})
    assert token_price(dear, rule).input_units == 1, "rounded up, never to nothing"
    with pytest.raises(ValueError, match="has no price"):
        token_price(BOOK.models[0], rule)


def test_pictures_and_films_cost_the_rule_but_never_less_than_the_tariff() -> None:
    rule, tariff = BOOK.credits, 20_000

    def units(name: str, payload: Any = None) -> int | None:
        row = BOOK.row(name)
        assert row is not None
        return flat_units(row, rule, payload or ImageGenerate(prompt="p"), tariff_units=tariff)

    assert units("nano-banana-2") == 24_000  # 0.02 dollars x 1.2 / 0.01
    assert units("imagen4") == 52_000  # 0.04 x 1.3
    assert units("upscale") == tariff
    assert units("gpt-6-luna") is None
    assert units("local-art") is None
    assert units("runway", VideoGenerate(prompt="p", seconds=4)) == 5 * 16_000
    assert units("runway", VideoGenerate(prompt="p", seconds=8)) == 10 * 16_000


@pytest.mark.parametrize(
    "change",
    [
        {"aliases": {"text.default": {"modality": "text", "default": ["no-such"]}}},
        {"aliases": {"text.default": {"modality": "text", "default": ["local-art"]}}},
        {"aliases": {"text.default": {"modality": "text", "default": []}}},
        {"aliases": {"local-text": {"modality": "text", "default": ["local-text"]}}},
        {"aliases": {"a": {"modality": "text", "default": ["local-text"], "GOLD": ["local-text"]}}},
        {
            "credits": {
                "usd_per_credit": "0",
                "margins": {"a": "1", "b": "1", "c": "1"},
                "flat_step": "0.1",
            }
        },
        {
            "credits": {
                "usd_per_credit": 0.01,
                "margins": {"a": "1", "b": "1", "c": "1"},
                "flat_step": "0.1",
            }
        },
        {"surprise": 1},
    ],
)
def test_a_wrong_catalogue_does_not_load(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        changed(**change)


@pytest.mark.parametrize(
    "row",
    [
        {"name": "local-text"},
        {"usd_in": -1},
        {"unit": "pound"},
        {"seconds": [0]},
        {"seconds": {"from": 3, "to": 61}},
        {"replaced_by": "no-such"},
        {"sunset": "soon"},
        {"surprise": 1},
    ],
)
def test_a_wrong_row_does_not_load(row: dict[str, Any]) -> None:
    data = load_yaml("models.yaml")
    with pytest.raises(ValidationError):
        changed(models=[*data["models"], {**data["models"][0], "name": "x", **row}])


def test_every_provider_has_limits_and_free_models_have_their_own() -> None:
    book = provider_book()
    for provider in PAID:
        rules = book.of(provider)
        assert rules is not None
        assert rules.windows("buy")
    assert book.of("local") is None
    free = [row for row in remote() if row.free]
    assert {class_of(row) for row in free} == {"free"}
    assert len(book.providers["openrouter"].windows("free")) == 2
    assert {class_of(row) for row in remote() if not row.free} == {"buy"}


@pytest.mark.parametrize("change", [{"open_s": 301}, {"failures": 0}, {"share": 0}, {"stop_s": -1}])
def test_wrong_rules_do_not_load(change: dict[str, Any]) -> None:
    data = load_yaml("providers.yaml")
    data["breaker"].update(change)
    with pytest.raises(ValidationError):
        ProviderBook.model_validate(data)
