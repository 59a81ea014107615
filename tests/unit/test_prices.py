"""The tariff: quotes before, charges after, and data that cannot be loaded when it is wrong."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from ledger.pricing import PROMPT_OVERHEAD_TOKENS, Pricing
from ops.base import metrics
from schemas.catalogue import Catalogue, catalogue
from schemas.data import load_yaml
from schemas.errors import InvalidInput
from schemas.jobs import Kind, Lane, Priority
from schemas.money import App, Currency
from schemas.payloads import (
    AnyPayload,
    FileProcess,
    ImageAnalyze,
    ImageEdit,
    ImageGenerate,
    PostPublish,
    Resize,
    TextGenerate,
    TextImprove,
    VideoGenerate,
)
from schemas.plans import PlanName, Plans, kind_limits, plans
from schemas.prices import VERSION_STEP, PriceBook, price_book
from schemas.results import FileProcessed, TextGenerated, TextImproved, Usage

MADE: dict[str, Any] = {"provider": "local", "model": "m", "made_by": "test"}
PRICING = Pricing.current()


@pytest.mark.parametrize(
    ("payload", "file_pages", "credits_"),
    [
        (TextImprove(text="a"), None, 1),
        (TextImprove(text="a" * 1800), None, 1),
        (TextImprove(text="a" * 1801), None, 2),
        (TextImprove(text="ж" * 1800), None, 1),
        (TextGenerate(prompt="p", pages=7), None, 7),
        (ImageGenerate(prompt="p"), None, 2),
        (ImageEdit(file=uuid4(), operations=(Resize(width=64),)), None, 3),
        (ImageAnalyze(file=uuid4()), None, 1),
        (VideoGenerate(prompt="p"), None, 5),
        (FileProcess(file=uuid4()), 3, 3),
        (PostPublish(channel="c", text="t"), None, 0),
    ],
)
def test_quotes_of_the_tariff(payload: AnyPayload, file_pages: int | None, credits_: int) -> None:
    quote = PRICING.quote(payload, file_pages=file_pages)
    assert quote.price_units == credits_ * 10_000
    assert quote.price_credits == Decimal(credits_)
    assert quote.price_version == PRICING.version
    assert quote.price_version // VERSION_STEP == price_book().version
    assert sum(line.units * line.count for line in quote.lines) == quote.price_units


@pytest.mark.parametrize("file_pages", [None, 0, -1])
def test_a_file_without_counted_pages_gets_no_price(file_pages: int | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        PRICING.quote(FileProcess(file=uuid4()), file_pages=file_pages)
    assert refused.value.code == "file_unreadable"


@pytest.mark.parametrize(
    ("characters", "credits_"), [(0, 0), (1, 1), (1800, 1), (1801, 2), (5401, 3)]
)
def test_generated_text_is_charged_by_its_length_up_to_the_quote(
    characters: int, credits_: int
) -> None:
    result = TextGenerated(text="x" * characters, **MADE)
    assert (
        PRICING.capture_units(TextGenerate(prompt="p", pages=3), result, 30_000)
        == credits_ * 10_000
    )


@pytest.mark.parametrize(("model", "credits_"), [("local-text", 0), ("gpt-6-luna", 1)])
def test_nobody_pays_to_hear_that_no_model_is_connected(model: str, credits_: int) -> None:
    said = TextGenerated(text="x", **MADE | {"model": model})
    asked = TextGenerate(prompt="Why is the sky blue?", chat=True, version=2)
    assert PRICING.capture_units(asked, said, 10_000) == credits_ * 10_000
    written = TextGenerate(prompt="Write about tides")
    assert PRICING.capture_units(written, said, 10_000) == 10_000, "what was written is paid for"


def test_improved_text_costs_its_quote_and_a_file_its_pages() -> None:
    improved = TextImproved(text="short", **MADE)
    assert PRICING.capture_units(TextImprove(text="a" * 3600), improved, 20_000) == 20_000
    processed = FileProcessed(text="t", pages=2, **MADE)
    assert PRICING.capture_units(FileProcess(file=uuid4()), processed, 30_000) == 20_000


def test_the_house_pays_what_exceeds_the_quote_and_a_metric_counts_it() -> None:
    counter = metrics.ledger_underestimated_units
    before = counter._value.get()
    result = TextGenerated(text="x" * 3601, **MADE)
    assert PRICING.capture_units(TextGenerate(prompt="p"), result, 10_000) == 10_000
    assert counter._value.get() - before == 20_000


def with_models() -> Pricing:
    """Dollars x 120 are credits: x 1.2, a hundredth of a dollar a credit."""
    data = load_yaml("models.yaml")
    data["credits"] = {"usd_per_credit": "0.01", "margins": {"a": "1.2"}, "flat_step": "0.1"}
    row = {"provider": "local", "model": "x", "title": "x", "conf": "a"}
    data["models"] += [
        row
        | {"name": "tok", "modality": "text", "unit": "token", "usd_in": "0.125", "usd_out": "0.5"},
        row | {"name": "pic", "modality": "image", "unit": "image", "usd": "0.0301"},
        row | {"name": "cheap", "modality": "image", "unit": "image", "usd": "0.001"},
        row
        | {
            "name": "film",
            "modality": "video",
            "unit": "second",
            "usd": "0.05",
            "seconds": [5, 10],
        },
    ]
    return Pricing(price_book(), Catalogue.model_validate(data))


def test_every_change_of_a_price_is_a_new_price_version() -> None:
    known = PRICING.version
    data, tariff = load_yaml("models.yaml"), load_yaml("prices.yaml")

    def version(**changed: Any) -> int:
        book = PriceBook.model_validate({**tariff, **changed})
        return Pricing(book, Catalogue.model_validate(data)).version

    assert version() == known
    assert version(packages=tariff["packages"][:1]) == known, "a package is no price of a job"
    priced = next(row for row in data["models"] if row["unit"] == "token" and row["usd_in"])
    priced["title"] = "another name"
    data["models"].reverse()
    assert version() == known, "what a price is not made of"
    assert version(page_characters=1_000) // VERSION_STEP == known // VERSION_STEP
    seen = {known, version(page_characters=1_000), version(version=tariff["version"] + 1)}
    priced["usd_in"] = str(Decimal(str(priced["usd_in"])) + Decimal("0.001"))
    seen.add(version())
    data["credits"]["margins"]["b"] = "1.4"
    seen.add(version())
    assert len(seen) == 5


def test_a_token_model_reserves_its_maximum_and_is_charged_by_use_rounded_up() -> None:
    pricing = with_models()
    payload = TextGenerate(prompt="жж", pages=2, model="tok")
    most_in, most_out = pricing.token_limits(payload)
    assert (most_in, most_out) == (4 + PROMPT_OVERHEAD_TOKENS, 3600)
    quote = pricing.quote(payload)
    assert quote.price_units == -(-(most_in * 150_000 + most_out * 600_000) // 1_000_000)
    usage = Usage(input_tokens=1, output_tokens=1)
    result = TextGenerated(text="x", usage=usage, **MADE)
    assert pricing.capture_units(payload, result, quote.price_units) == 1
    most = Usage(input_tokens=most_in, output_tokens=most_out)
    full = TextGenerated(text="x", usage=most, **MADE)
    assert pricing.capture_units(payload, full, quote.price_units) == quote.price_units


def test_the_tariff_applies_to_aliases_even_beside_token_models() -> None:
    assert with_models().quote(TextGenerate(prompt="p")).price_units == 10_000


def test_a_model_nobody_knows_is_refused_before_any_price() -> None:
    with pytest.raises(InvalidInput) as refused:
        PRICING.quote(TextGenerate(prompt="p", model="no-such"))
    assert refused.value.code == "unknown_model"


@pytest.mark.parametrize(
    ("payload", "credits_"),
    [
        (ImageGenerate(prompt="p", model="pic"), "3.7"),
        (ImageGenerate(prompt="p", model="cheap"), "2"),
        (VideoGenerate(prompt="p", seconds=4, model="film"), "30"),
    ],
)
def test_a_picture_or_film_by_name_costs_its_list_price_but_no_less_than_the_tariff(
    payload: AnyPayload, credits_: str
) -> None:
    assert with_models().quote(payload).price_credits == Decimal(credits_)


def test_every_model_of_the_catalogue_can_be_quoted() -> None:
    asked: dict[str, Callable[[str], AnyPayload]] = {
        "text": lambda name: TextGenerate(prompt="p", model=name),
        "image": lambda name: ImageGenerate(prompt="p", model=name),
        "vision": lambda name: ImageAnalyze(file=uuid4(), model=name),
        "video": lambda name: VideoGenerate(prompt="p", model=name),
    }
    rows = [row for row in catalogue().models if row.enabled and row.modality in asked]
    for row in rows:
        assert PRICING.quote(asked[row.modality](row.name)).price_units > 0 or row.free, row.name


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"page_characters": 0},
        {"kinds": {"text.improve": {"credits": "1", "per": "page"}}},
        {"packages": [{"name": "a", "stars": 0, "credits": "1"}]},
        {"packages": [{"name": "a", "stars": 1, "credits": "1"}] * 2},
        {"packages": [{"name": "a", "stars": 1, "credits": "0.00001"}]},
        {"packages": [{"name": "a", "stars": 1, "credits": 1.5}]},
        {"packages": [{"name": "a", "stars": 1, "credits": "-1"}]},
        {"surprise": 1},
    ],
)
def test_a_wrong_price_book_does_not_load(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PriceBook.model_validate({**load_yaml("prices.yaml"), **change})


def test_the_plans_say_what_the_design_says() -> None:
    free, pro, enterprise = (plans().plan(name) for name in PlanName)
    assert (free.daily_limits[App.VIAIZER], free.daily_limits[App.TEXT_AI]) == (25, 100)
    assert set(pro.daily_limits.values()) == {1000}
    assert set(enterprise.daily_limits.values()) == {-1}
    assert [plan.caps for plan in (free, pro, enterprise)] == [(2,) * 5, (10,) * 5, (50,) * 5]
    mib = 1024 * 1024
    assert [p.storage_bytes // mib for p in (free, pro, enterprise)] == [1, 50, 500]
    assert [p.stream_priority for p in (free, pro, enterprise)] == [
        Priority.LOW,
        Priority.NORMAL,
        Priority.HIGH,
    ]
    assert plans().app(App.VIAIZER).spend_order == (Currency.BATV, Currency.CREDIT)
    assert plans().app(App.TEXT_AI).spend_numbers == (3, 1)
    assert plans().app(App.PENORA).spend_order == (Currency.CREDIT,)
    assert len(free.caps) == len(Lane)


def test_the_grants_say_what_the_design_says() -> None:
    grants = plans().grants
    assert [(g.currency, g.units, g.kind) for g in grants.signup] == [
        (Currency.CREDIT, 500_000, "grant"),
        (Currency.CREDIT, 100_000, "bonus"),
    ]
    assert grants.existing_users[0].id == grants.signup[1].id, "one bonus a person, however it came"
    assert grants.first_use[App.VIAIZER][0].units == 250_000
    assert grants.first_use[App.TEXT_AI][0].units == 1_000_000


def test_model_access_by_name_or_star() -> None:
    free, pro = plans().plan("FREE"), plans().plan("PRO")
    assert free.allows("local-text")
    assert not free.allows("some-large-model")
    assert pro.allows("some-large-model")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("apps", "viaizer", "spend_order"), ["XTR"]),
        (("apps", "viaizer", "spend_order"), ["CREDIT", "CREDIT"]),
        (("plans", "FREE", "price_stars"), 1),
        (("plans", "PRO", "price_stars"), 10_001),
        (("plans", "PRO", "in_flight"), {"text": 1}),
        (("plans", "PRO", "daily_limits", "viaizer"), -2),
        (("period_days",), 31),
        (("grants", "referral", "after_jobs"), 0),
        (("grants", "referral", "inviter", "kind"), "grant"),
        (("grants", "referral", "invitee", "id"), "signup"),
        (("grants", "joined", "bonus", "currency"), "XTR"),
    ],
)
def test_wrong_plans_do_not_load(path: tuple[str, ...], value: object) -> None:
    data = load_yaml("plans.yaml")
    node = data
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    with pytest.raises(ValidationError):
        Plans.model_validate(data)


def test_every_kind_has_limits_and_one_run_fits_its_deadline() -> None:
    assert set(kind_limits()) == set(Kind)
    assert all(limits.timeout_s <= limits.deadline_s for limits in kind_limits().values())
