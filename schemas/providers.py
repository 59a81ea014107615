"""How providers may be used: limits and breakers, as data in `data/providers.yaml`.

What they sell is `schemas.catalogue`; where they are and the keys that pay are settings.
"""

from functools import cache
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.data import load_yaml
from schemas.models import Model

CallClass = Literal["buy", "free", "poll"]

Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]


class Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(Rules):
    """At most `calls` in any `per_s` seconds."""

    calls: Annotated[int, Field(ge=1, le=10_000)]
    per_s: Seconds


class BreakerRules(Rules):
    """See the file. `share` is 0..1."""

    failures: Annotated[int, Field(ge=1, le=1_000)]
    share: Annotated[float, Field(gt=0, le=1)]
    window_s: Seconds
    open_s: Seconds
    open_max_s: Seconds
    stop_s: Seconds
    gone_s: Seconds

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.open_s > self.open_max_s:
            message = "open_s is above open_max_s"
            raise ValueError(message)
        return self


class ProviderRules(Rules):
    title: str
    concurrency: Annotated[int, Field(ge=1, le=10_000)]
    classes: dict[CallClass, tuple[Window, ...]]

    def windows(self, call_class: CallClass) -> tuple[Window, ...]:
        """Those of a class; a class without any is only held to the concurrency."""
        return self.classes.get(call_class, ())


class ProviderBook(Rules):
    version: Annotated[int, Field(ge=1)]
    breaker: BreakerRules
    patience_s: Annotated[float, Field(ge=0, le=5)]
    local_share: Annotated[float, Field(gt=0, le=1)]
    providers: dict[str, ProviderRules]

    def of(self, provider: str) -> ProviderRules | None:
        """None for a provider that needs no limits: the local one."""
        return self.providers.get(provider)


def class_of(model: Model) -> CallClass:
    """In which class a purchase from this row counts."""
    return "free" if model.free else "buy"


@cache
def provider_book() -> ProviderBook:
    """The rules of this build, validated once. Raises pydantic.ValidationError."""
    return ProviderBook.model_validate(load_yaml("providers.yaml"))
