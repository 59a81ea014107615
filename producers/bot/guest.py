"""Who is being answered, where, and in which language: what every handler knows of one update."""

from dataclasses import dataclass, replace
from typing import Self

from schemas.money import App
from schemas.texts import Language


@dataclass(frozen=True, slots=True)
class Guest:
    """One person in one chat with one bot, for the time of one update.

    `key` names the update (`tg-<bot id>-<update id>`): what is asked under it happens once however
    often the update comes. `message_id` is the message that is answered, if there is one. `features`
    are the apps that this bot serves, `app` the one whose wallet order applies.
    """

    user_id: int
    telegram_id: int
    language: Language
    time_zone: str
    app: App
    bot: str
    bot_id: int
    features: frozenset[App]
    chat_id: int
    private: bool
    key: str
    message_id: int | None = None

    def within(self, app: App) -> Self:
        """The same guest as a customer of another app of the same bot."""
        return replace(self, app=app)

    def in_language(self, language: Language) -> Self:
        return replace(self, language=language)

    def part(self, number: int) -> Self:
        """The same update asking for several things: each under a key of its own."""
        return replace(self, key=f"{self.key}-{number}")
