"""The tariff as data, and what a quote looks like. How a quote is worked out: `ledger.pricing`.

Amounts are credits with up to four decimals in `data/prices.yaml`, units (1 credit = 10 000) here.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.data import load_yaml
from schemas.errors import InvalidInput
from schemas.jobs import Kind
from schemas.money import AMOUNT_MAX_UNITS, credits_to_units

TOKENS_PER_PRICE: Final = 1_000_000
VERSION_STEP: Final = 1_000_000
"""A price version is the tariff's version times this, plus a digest of all prices below it."""
TARIFFS_MAX: Final = 2_000


def _units(credits_: object) -> int:
    """Numbers are written as text: YAML would read 0.1 as a float."""
    if not isinstance(credits_, str):
        message = "write amounts of credits in quotes"
        raise ValueError(message)  # noqa: TRY004 (pydantic turns it into a validation error)
    return credits_to_units(credits_)


CreditsAsUnits = Annotated[int, BeforeValidator(_units), Field(ge=0, le=AMOUNT_MAX_UNITS)]


class Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KindPrice(Facts):
    """Price of a kind in units, per begun page or flat."""

    units: CreditsAsUnits = Field(alias="credits")
    per: Literal["page", "job"]


class TokenPrice(Facts):
    """Units per million tokens of a model chosen by its own name."""

    input_units: CreditsAsUnits = Field(alias="input")
    output_units: CreditsAsUnits = Field(alias="output")

    def cost_units(self, *, input_tokens: int, output_tokens: int) -> int:
        """Rounded up to one unit (0.0001 credit), never to a whole credit."""
        total = input_tokens * self.input_units + output_tokens * self.output_units
        return -(-total // TOKENS_PER_PRICE)


class TokenTariff(Facts):
    output_tokens_per_page: Annotated[int, Field(ge=1)]


class Package(Facts):
    """Credits sold for Stars."""

    name: str
    stars: Annotated[int, Field(ge=1, le=10_000)]
    units: CreditsAsUnits = Field(alias="credits")


class PriceBook(Facts):
    version: Annotated[int, Field(ge=1, le=TARIFFS_MAX)]
    page_characters: Annotated[int, Field(ge=1)]
    kinds: dict[Kind, KindPrice]
    tokens: TokenTariff
    packages: tuple[Package, ...]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if missing := set(Kind) - set(self.kinds):
            message = f"kinds without a price: {sorted(missing)}"
            raise ValueError(message)
        if len({package.name for package in self.packages}) != len(self.packages):
            message = "two packages share a name"
            raise ValueError(message)
        return self

    def package(self, name: str) -> Package:
        """Raises InvalidInput `unknown_package`."""
        for package in self.packages:
            if package.name == name:
                return package
        raise InvalidInput("unknown_package", package=name)


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """`count` of `what`, each at `units`; for tokens `units` is the price of all of them."""

    what: Literal["page", "job", "tokens"]
    count: int
    units: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a job will cost at most. Shown before the run and locked for the job.

    `price_version` names all prices of that moment, those of the models too (`ledger.price_lists`).
    """

    price_units: int
    price_version: int
    lines: tuple[QuoteLine, ...]

    @property
    def price_credits(self) -> Decimal:
        return Decimal(self.price_units).scaleb(-4)


@cache
def price_book() -> PriceBook:
    """The price book of this build, validated once. Raises pydantic.ValidationError."""
    return PriceBook.model_validate(load_yaml("prices.yaml"))
