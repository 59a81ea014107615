"""The model catalogue: which model does what, at which provider, under which names.

Rows, aliases and the rule for prices are `data/models.yaml`. An alias (`text.default`) belongs to every
plan and names candidates, best first, with a local row at the end; a row chosen by its own name belongs
to the plans whose `models` list it. Which candidates count depends on the providers that have a key: a
local row answers only where no other one can. A row that has retired, or whose provider has no key, is
answered for by the first of its `replaced_by` that can be used.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from schemas.data import load_yaml
from schemas.errors import InvalidInput
from schemas.jobs import Kind
from schemas.models import Modality, Model, Sureness
from schemas.plans import PlanName

__all__ = [
    "MODALITY_OF_KIND", "Alias", "Catalogue", "CreditRule", "Modality", "Model", "PlanName", "catalogue",
]  # fmt: skip

MODALITY_OF_KIND: dict[Kind, Modality] = {
    Kind.TEXT_IMPROVE: "text",
    Kind.TEXT_GENERATE: "text",
    Kind.IMAGE_GENERATE: "image",
    Kind.IMAGE_EDIT: "edit",
    Kind.IMAGE_ANALYZE: "vision",
    Kind.VIDEO_GENERATE: "video",
    Kind.FILE_PROCESS: "file",
}


def _exact(given: object) -> object:
    """YAML would read 0.1 as a float."""
    if not isinstance(given, str | Decimal):
        message = "write amounts in quotes"
        raise ValueError(message)  # noqa: TRY004 (pydantic turns it into a validation error)
    return given


Amount = Annotated[Decimal, BeforeValidator(_exact), Field(gt=0)]


class CreditRule(BaseModel):
    """How a list price becomes credits: dollars x margin / `usd_per_credit`, rounded up.

    `flat_step` is what the price of a picture or of a second is rounded up to, in credits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd_per_credit: Amount
    margins: dict[Sureness, Amount]
    flat_step: Amount

    def credits_(self, usd: Decimal, *, conf: Sureness) -> Decimal:
        """Exact, not rounded."""
        return usd * self.margins[conf] / self.usd_per_credit


class Alias(BaseModel):
    """Candidates by plan, best first; plans without a list have `default`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    modality: Modality
    default: Annotated[tuple[str, ...], Field(min_length=1)]
    FREE: tuple[str, ...] = ()
    PRO: tuple[str, ...] = ()
    ENTERPRISE: tuple[str, ...] = ()

    def candidates(self, plan: PlanName | None) -> tuple[str, ...]:
        own: tuple[str, ...] = getattr(self, plan.value) if plan else ()
        return own or self.default

    @property
    def names(self) -> frozenset[str]:
        return frozenset({*self.default, *self.FREE, *self.PRO, *self.ENTERPRISE})


_Question = tuple[str, Modality, PlanName | None, date | None]
ANSWERS_KEPT: Final = 1_000


@dataclass(slots=True)
class _Bound:
    """Who has a key (None: all), whose day decides about sunsets, and what was asked before."""

    available: frozenset[str] | None = None
    today: Callable[[], date] | None = None
    answers: dict[_Question, tuple[Model, ...]] = field(default_factory=dict)


class Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    models: tuple[Model, ...]
    aliases: dict[str, Alias]
    snapshot: date | None = None
    credits: CreditRule

    _bound: _Bound = PrivateAttr(default_factory=_Bound)

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> Self:
        names = [model.name for model in self.models]
        if len(set(names)) != len(names) or set(names) & set(self.aliases):
            message = "two models or aliases share a name"
            raise ValueError(message)
        for name, alias in self.aliases.items():
            fit = {model.name for model in self.models if model.serves(alias.modality)}
            if wrong := alias.names - fit:
                message = f"{name} names models that cannot answer for it: {sorted(wrong)}"
                raise ValueError(message)
        if unknown := {n for model in self.models for n in model.replaced_by} - set(names):
            message = f"models are replaced by unknown ones: {sorted(unknown)}"
            raise ValueError(message)
        return self

    def bound(self, available: Collection[str], today: Callable[[], date]) -> Self:
        """The same catalogue where only these providers have a key; `today` decides about sunsets."""
        copy = self.model_copy()
        copy._bound = _Bound(frozenset(available), today)  # noqa: SLF001 (our own copy)
        return copy

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy remembers no answers: it may hold other models."""
        copy = super().model_copy(update=update, deep=deep)
        copy._bound = replace(copy._bound, answers={})  # noqa: SLF001
        return copy

    def resolve(
        self,
        name: str,
        modality: Modality,
        *,
        available: Collection[str] | None = None,
        plan: PlanName | None = None,
    ) -> Model:
        """The row that answers under a model name or alias: the first of `candidates`."""
        return self.candidates(name, modality, available=available, plan=plan)[0]

    def candidates(
        self,
        name: str,
        modality: Modality,
        *,
        available: Collection[str] | None = None,
        plan: PlanName | None = None,
    ) -> tuple[Model, ...]:
        """Who may answer, best first: one row for a model's own name, a chain for an alias.

        `available`: providers with a key; without it, those the catalogue is bound to, else all. Raises
        InvalidInput `unknown_model`, or `model_unavailable` for a known one that nobody can answer for.
        """
        if available is not None:
            return self._decide(name, modality, available, plan)
        # Every job asks; the answer changes with the day at most. (pydantic looks long for what is private.)
        bound = self._bound
        answers, today = bound.answers, bound.today
        question = (name, modality, plan, today() if today else None)
        if (known := answers.get(question)) is None:
            known = self._decide(name, modality, bound.available, plan)
            if len(answers) >= ANSWERS_KEPT:
                answers.clear()
            answers[question] = known
        return known

    def _decide(
        self,
        name: str,
        modality: Modality,
        available: Collection[str] | None,
        plan: PlanName | None,
    ) -> tuple[Model, ...]:
        alias = self.aliases.get(name)
        rows = [*map(self.row, alias.candidates(plan))] if alias else [*self._stand_ins(name)]
        fitting = [row for row in rows if row is not None and row.serves(modality)]
        if not fitting:
            raise InvalidInput("unknown_model", model=name)
        usable = [row for row in fitting if self._can(row, available)]
        if not usable:
            raise InvalidInput("model_unavailable", model=name)
        if alias is None:
            return (usable[0],)
        return tuple(row for row in usable if not row.is_local) or tuple(usable)

    def row(self, name: str) -> Model | None:
        """The row of that very name."""
        return next((row for row in self.models if row.name == name), None)

    def is_alias(self, name: str) -> bool:
        return name in self.aliases

    def is_retired(self, row: Model) -> bool:
        today = self._bound.today
        return row.is_retired(today() if today else None)

    def _can(self, row: Model, available: Collection[str] | None) -> bool:
        return not self.is_retired(row) and (available is None or row.provider in available)

    def _stand_ins(self, name: str) -> Iterator[Model]:
        """The row of a name, then all that may take its place, nearest first; each once."""
        waiting, seen = [name], set[str]()
        while waiting:
            row = self.row(waiting.pop(0))
            if row is not None and row.name not in seen:
                seen.add(row.name)
                yield row
                waiting = [*row.replaced_by, *waiting]


@cache
def catalogue() -> Catalogue:
    """The catalogue of this build, validated once. Raises pydantic.ValidationError."""
    return Catalogue.model_validate(load_yaml("models.yaml"))
