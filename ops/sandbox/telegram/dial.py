"""The fault dial for bots: which calls and updates fail, and how."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field

from ops.sandbox.faults import Fault
from ops.sandbox.rules import AnyRule
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


class BotRule(AnyRule[Occasion]):
    """One line of the dial for bots."""

    match: Match = Match()

    def as_fault(self) -> Fault:
        """Raises ValueError for an unknown name or a bad value."""
        return named(self.fault, self.told)

    def strikes(self, event: Occasion) -> bool:
        """Count this occasion in, and say whether the rule applies to it."""
        for_updates = BOT_FAULTS[self.fault].moment == "update"
        if for_updates != event.is_update or not self.match.fits(event):
            return False
        return self.is_due(self.match.nth)
