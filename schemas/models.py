"""One model of the catalogue: what it does, at which provider, at what list price, until when.

Facts as providers publish them, in US dollars; what a model costs in credits is `ledger.token_prices`.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Modality = Literal["text", "image", "edit", "vision", "video", "file", "moderation"]
Operation = Literal["generate", "edit", "t2v", "i2v"]
Sureness = Literal["a", "b", "c"]

SECONDS_MAX: Final = 60


def _listed(given: Any) -> Any:
    """`{from: 3, to: 6}` is 3, 4, 5, 6."""
    if isinstance(given, dict) and set(given) == {"from", "to"}:
        return tuple(range(int(given["from"]), int(given["to"]) + 1))
    return given


def _many(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


Usd = Annotated[Decimal, Field(ge=0, le=100_000)]
Lengths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=SECONDS_MAX)], ...], BeforeValidator(_listed)
]


class Model(BaseModel):
    """One row. `unit` says how the provider counts, `bill` whether it reports its own cost.

    `usd_in` and `usd_out` are for a million tokens, `usd` for one picture or one second. `context` is in
    tokens, `prompt_max` in characters. `family` names an endpoint of its own, `refs_field` the field
    that takes pictures and `refs_max` how many. `free`: in the provider's free tier, with its limits.
    `sunset` is the first day on which it answers no more; `replaced_by` are the names that then do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    provider: str
    model: str
    modality: Modality
    unit: Literal["free", "token", "image", "second"]
    title: str
    usd_in: Usd | None = None
    usd_out: Usd | None = None
    usd: Usd | None = None
    context: Annotated[int, Field(ge=1)] | None = None
    prompt_max: Annotated[int, Field(ge=1)] | None = None
    vision: bool = False
    ops: tuple[Operation, ...] = ()
    seconds: Lengths = ()
    family: str | None = None
    refs_field: str | None = None
    refs_max: Annotated[int, Field(ge=1, le=64)] | None = None
    free: bool = False
    bill: Literal["usage", "flat"] = "usage"
    conf: Sureness = "c"
    enabled: bool = True
    sunset: date | None = None
    replaced_by: Annotated[tuple[str, ...], BeforeValidator(_many)] = ()

    @property
    def is_local(self) -> bool:
        return self.provider == "local"

    @property
    def modalities(self) -> frozenset[Modality]:
        """All that it can be asked for: a picture model may edit, a text model may see."""
        found: set[Modality] = {self.modality}
        if "edit" in self.ops:
            found.add("edit")
        if self.vision and self.modality == "text":
            found.add("vision")
        return frozenset(found)

    def serves(self, modality: Modality) -> bool:
        return modality in self.modalities

    def is_retired(self, today: date | None) -> bool:
        """Whether it answers no more. Without a day only what is switched off is retired."""
        if not self.enabled:
            return True
        return self.sunset is not None and today is not None and today >= self.sunset

    def seconds_for(self, asked: int) -> int:
        """The length it makes for a wish: the next longer one, or else its longest."""
        return min(
            (s for s in self.seconds if s >= asked), default=max(self.seconds, default=asked)
        )

    @property
    def is_priced(self) -> bool:
        """Whether everything that its unit needs is known."""
        match self.unit:
            case "free":
                return True
            case "token":
                return self.usd_in is not None and self.usd_out is not None
            case "image" | "second":
                return self.usd is not None
