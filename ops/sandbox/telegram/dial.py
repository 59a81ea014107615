"""The fault dial for bots: which calls and updates fail, how, how often and with what luck."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from ops.sandbox.faults import Fault
from ops.sandbox.telegram.faults import BOT_FAULTS, named


@dataclass(frozen=True, slots=True)
class Occasion:
    """A call of a bot, or an update for one (`method` is then the kind of update)."""

    bot: int
    method: str
    chat_id: str = ""
    text: str = ""
    is_update: bool = False


class Match(BaseModel):
    """What is left out matches everything. `method` may hold `*`; `nth` counts from 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bot: int | None = None
    method: str | None = None
    chat_id: str | None = None
    text: str | None = None
    nth: int | None = Field(None, ge=1)

    def fits(self, occasion: Occasion) -> bool:
        return (
            self.bot in (None, occasion.bot)
            and (self.method is None or fnmatchcase(occasion.method.lower(), self.method.lower()))
            and self.chat_id in (None, occasion.chat_id)
            and (self.text is None or self.text in occasion.text)
        )


class BotRule(BaseModel):
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

    def strikes(self, occasion: Occasion) -> bool:
        """Count this occasion in, and say whether the rule applies to it."""
        for_updates = BOT_FAULTS[self.fault].moment == "update"
        if for_updates != occasion.is_update or not self.match.fits(occasion):
            return False
        self._seen += 1
        lucky = self._luck.random() < self.probability
        due = self.match.nth in (None, self._seen)
        left = self.times is None or self._fired < self.times
        if not (lucky and due and left):
            return False
        self._fired += 1
        return True

    def shown(self) -> dict[str, object]:
        return self.model_dump() | {"seen": self._seen, "fired": self._fired}


class BotDial:
    """The rules in force, asked in order; a later rule of the same fault wins."""

    def __init__(self) -> None:
        self._rules: list[BotRule] = []

    def set(self, rules: Iterable[BotRule]) -> None:
        self._rules = list(rules)

    def strike(self, occasion: Occasion) -> Iterator[Fault]:
        """What this call or update meets."""
        for rule in self._rules:
            if rule.strikes(occasion):
                yield rule.as_fault()

    def shown(self) -> list[dict[str, object]]:
        return [rule.shown() for rule in self._rules]
