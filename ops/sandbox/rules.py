"""What every fault dial has in common: rules that strike now and then, and count how often they did."""

import random
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from ops.sandbox.faults import Fault

Event = TypeVar("Event")


class AnyRule(BaseModel, Generic[Event]):
    """One line of a dial. `times` ends a burst; `probability` with a `seed` gives the same luck every time.
    `seen` and `fired` count since it was set.
    """

    model_config = ConfigDict(extra="forbid")

    fault: str
    value: str | int | float | None = None
    times: int | None = Field(None, ge=1)
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = 0
    _seen: int = PrivateAttr(0)
    _fired: int = PrivateAttr(0)
    _luck: random.Random = PrivateAttr()

    @abstractmethod
    def as_fault(self) -> Fault:
        """Raises ValueError for an unknown name or a bad value."""

    @abstractmethod
    def strikes(self, event: Event) -> bool:
        """Count this event in, and say whether the rule applies to it."""

    @model_validator(mode="after")
    def _is_a_fault(self) -> Self:
        self._luck = random.Random(self.seed)  # noqa: S311 (a seed that repeats is the point)
        fault = self.as_fault()
        self.fault, self.value = fault.name, fault.value
        return self

    @property
    def told(self) -> str | None:
        """The value as it is written behind a name."""
        return None if self.value is None else str(self.value)

    def is_due(self, nth: int | None) -> bool:
        """For an event that the rule is about: whether it strikes this time."""
        self._seen += 1
        lucky = self._luck.random() < self.probability
        left = self.times is None or self._fired < self.times
        if not (lucky and left and nth in (None, self._seen)):
            return False
        self._fired += 1
        return True

    def shown(self) -> dict[str, Any]:
        return self.model_dump() | {"seen": self._seen, "fired": self._fired}


class Dial(Generic[Event]):
    """The rules in force, asked in order; a later rule of the same fault wins."""

    def __init__(self) -> None:
        self._rules: Sequence[AnyRule[Event]] = ()

    def set(self, rules: Sequence[AnyRule[Event]]) -> None:
        self._rules = tuple(rules)

    def strike(self, event: Event) -> Iterator[Fault]:
        """What this event meets."""
        for rule in self._rules:
            if rule.strikes(event):
                yield rule.as_fault()

    def shown(self) -> list[dict[str, Any]]:
        return [rule.shown() for rule in self._rules]
