"""The fault dial for providers: which requests fail, and how."""

from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field

from ops.sandbox.faults import FAULTS, Fault, named
from ops.sandbox.question import Question
from ops.sandbox.rules import AnyRule


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


class Rule(AnyRule[Question]):
    """One line of the dial for providers."""

    match: Match = Match()

    def as_fault(self) -> Fault:
        """Raises ValueError for an unknown name or a bad value."""
        return named(self.fault, self.told)

    def strikes(self, event: Question) -> bool:
        """Count this request in, and say whether the rule applies to it."""
        if event.place.operation not in FAULTS[self.fault].where or not self.match.fits(event):
            return False
        return self.is_due(self.match.nth)
