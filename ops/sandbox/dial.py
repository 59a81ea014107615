"""The fault dial: rules that say which requests fail, how, how often and with what luck."""

import random
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from ops.sandbox.faults import FAULTS, Fault, named
from ops.sandbox.question import Question


class Match(BaseModel):
    """What is left out matches everything. `path` and `model` may hold `*`; `nth` counts from 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str | None = None
    operation: str | None = None
    method: str | None = None
    path: str | None = None
    model: str | None = None
    prompt: str | None = None
    nth: int | None = Field(None, ge=1)

    def fits(self, question: Question) -> bool:
        """Whether it is such a request; `nth` is the rule's to count."""
        place = question.place
        exact = ((self.provider, place.provider), (self.operation, place.operation))
        glob = ((self.path, question.path), (self.model, question.model))
        return (
            all(wanted is None or wanted == found for wanted, found in exact)
            and (self.method is None or self.method.upper() == question.method)
            and all(wanted is None or fnmatchcase(found, wanted) for wanted, found in glob)
            and (self.prompt is None or self.prompt in question.prompt)
        )


class Rule(BaseModel):
    """One line of the dial; `seen` and `fired` count since it was set."""

    model_config = ConfigDict(extra="forbid")

    match: Match = Match()
    fault: str
    value: str | int | float | None = None
    times: int | None = Field(None, ge=1)
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = 0
    _seen: int = PrivateAttr(0)
    _fired: int = PrivateAttr(0)
    _luck: random.Random = PrivateAttr()

    @model_validator(mode="after")
    def _is_a_fault(self) -> Self:
        self._luck = random.Random(self.seed)  # noqa: S311 (a seed that repeats is the point)
        fault = self.as_fault()
        self.fault, self.value = fault.name, fault.value
        return self

    def as_fault(self) -> Fault:
        """Raises ValueError for an unknown name or a bad value."""
        return named(self.fault, None if self.value is None else str(self.value))

    def strikes(self, question: Question) -> bool:
        """Count this request in, and say whether the rule applies to it."""
        fault = self.as_fault()
        if question.place.operation not in FAULTS[fault.name].where:
            return False
        if not self.match.fits(question):
            return False
        self._seen += 1
        lucky = self._luck.random() < self.probability
        due = self.match.nth in (None, self._seen)
        left = self.times is None or self._fired < self.times
        if not (lucky and due and left):
            return False
        self._fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        return self.model_dump() | {"seen": self._seen, "fired": self._fired}


class Dial:
    """The rules in force, asked in order; a later rule of the same fault wins."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def set(self, rules: list[Rule]) -> None:
        self._rules = rules

    def strike(self, question: Question) -> Iterator[Fault]:
        """What this request meets."""
        for rule in self._rules:
            if rule.strikes(question):
                yield rule.as_fault()

    def shown(self) -> list[dict[str, Any]]:
        return [rule.shown() for rule in self._rules]
