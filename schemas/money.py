"""Money: integer minor units everywhere, four currencies, four apps."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

UNITS_PER_CREDIT: Final = 10_000
"""1 credit = 10 000 units, so four decimals are exact. Stars (XTR) have no decimals: 1 unit = 1 Star."""

AMOUNT_MAX_UNITS: Final = 10**12
"""Largest amount of a single operation: 10^8 credits."""


class Currency(StrEnum):
    """Code of a wallet's currency; `.number` is its number in the database."""

    CREDIT = "CREDIT"
    BATV = "BATV"
    BATT = "BATT"
    XTR = "XTR"

    @property
    def number(self) -> int:
        return _CURRENCY_NUMBERS[self]

    @property
    def scale(self) -> int:
        """Decimals of one unit of the currency."""
        return 0 if self is Currency.XTR else 4

    @classmethod
    def from_number(cls, number: int) -> "Currency":
        return _CURRENCIES[number]


class App(StrEnum):
    """The four apps that share one wallet and one workspace."""

    VIAIZER = "viaizer"
    TEXT_AI = "text_ai"
    PENORA = "penora"
    IMAGEGENE = "imagegene"

    @property
    def number(self) -> int:
        return _APP_NUMBERS[self]

    @classmethod
    def from_number(cls, number: int) -> "App":
        return _APPS[number]


_CURRENCY_NUMBERS: Final = {c: n for n, c in enumerate(Currency, start=1)}
_CURRENCIES: Final = {n: c for c, n in _CURRENCY_NUMBERS.items()}
_APP_NUMBERS: Final = {a: n for n, a in enumerate(App, start=1)}
_APPS: Final = {n: a for a, n in _APP_NUMBERS.items()}


def credits_to_units(credits_: int | Decimal | str) -> int:
    """Exact. Raises ValueError for more than four decimals: an amount is never rounded silently."""
    units = Decimal(credits_) * UNITS_PER_CREDIT
    if units != units.to_integral_value():
        message = f"{credits_} credits have more than four decimals"
        raise ValueError(message)
    return int(units)


def format_units(units: int, currency: Currency = Currency.CREDIT) -> str:
    """`20000` -> `2`, `15000` -> `1.5`: what a person reads, without trailing zeros."""
    amount = Decimal(units).scaleb(-currency.scale)
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
