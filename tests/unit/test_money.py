"""Money is whole units: exact both ways, never rounded without being told."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.money import AMOUNT_MAX_UNITS, App, Currency, credits_to_units, format_units


@pytest.mark.parametrize(
    ("credits_", "units"),
    [(1, 10_000), ("0.0001", 1), (Decimal("1.5"), 15_000), ("1.50000", 15_000)],
)
def test_credits_become_units_exactly(credits_: int | Decimal | str, units: int) -> None:
    assert credits_to_units(credits_) == units


@pytest.mark.parametrize("credits_", ["0.00001", "1.00005"])
def test_more_than_four_decimals_are_refused(credits_: str) -> None:
    with pytest.raises(ValueError, match="four decimals"):
        credits_to_units(credits_)


@given(st.integers(-AMOUNT_MAX_UNITS, AMOUNT_MAX_UNITS))
def test_what_is_shown_is_what_is_there(units: int) -> None:
    shown = format_units(units)
    assert credits_to_units(shown) == units
    assert "e" not in shown.lower()
    assert not shown.endswith(".")


@pytest.mark.parametrize(
    ("units", "shown"),
    [(20_000, "2"), (15_000, "1.5"), (1, "0.0001"), (0, "0"), (100_000, "10"), (-5_000, "-0.5")],
)
def test_amounts_are_shown_without_trailing_zeros(units: int, shown: str) -> None:
    assert format_units(units) == shown


def test_stars_have_no_decimals() -> None:
    assert format_units(250, Currency.XTR) == "250"


def test_numbers_lead_back_to_names() -> None:
    assert [Currency.from_number(c.number) for c in Currency] == list(Currency)
    assert [App.from_number(a.number) for a in App] == list(App)
    assert [c.number for c in Currency] == [1, 2, 3, 4]
