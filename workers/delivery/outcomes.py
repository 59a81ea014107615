"""What a call of the Bot API may come to besides success, and what each means for whoever called.

The Bot API has no key for a send. So the question that decides everything is whether the message may be
there although we did not hear so: then, and only then, it is `Unknown`.
"""

from enum import StrEnum
from typing import Final

from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiohttp import ClientConnectorError

from ops.base.telegram import GONE_WORDS

AWAY_S: Final = 2.0
MISCONFIGURED_S: Final = 60.0


class Why(StrEnum):
    """Refusals that a caller can do something about, and the rest."""

    PARSE = "parse"
    SAME = "same"
    UNEDITABLE = "uneditable"
    MEDIA = "media"
    OTHER = "other"


class Outcome(Exception):
    """`reason` is for logs and rows: Telegram's own words, or the name of an error."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason: Final = reason[:200]


class Later(Outcome):
    """Nothing was sent. `counted`: something is wrong; otherwise it is only not our turn."""

    def __init__(self, reason: str, wait_s: float, *, counted: bool = False) -> None:
        super().__init__(reason)
        self.wait_s: Final = wait_s
        self.counted: Final = counted


class Flood(Later):
    """Telegram asked for a pause."""


class Gone(Outcome):
    """Nobody can be told here: blocked, deleted, removed, without a right."""


class Moved(Outcome):
    """The group has another id now. Nothing was sent."""

    def __init__(self, chat_id: int) -> None:
        super().__init__("moved")
        self.chat_id: Final = chat_id


class Refused(Outcome):
    """Telegram said no to this very message, and will say so again."""

    def __init__(self, reason: str, why: Why) -> None:
        super().__init__(reason)
        self.why: Final = why


class Unknown(Outcome):
    """It may have been done."""


class Doubt(Unknown):
    """A new message may be there, and to be sure it is sent again."""


_WHY: Final = (
    (Why.PARSE, ("can't parse entities", "can't parse caption", "entity_")),
    (Why.SAME, ("message is not modified",)),
    (
        Why.UNEDITABLE,
        (
            "message to edit not found",
            "message can't be edited",
            "there is no text in the message",
            "message to delete not found",
            "message can't be deleted",
        ),
    ),
    (
        Why.MEDIA,
        (
            "photo_",
            "image_process",
            "file is too big",
            "file must be",
            "wrong type of",
            "video_",
            "media_",
            "wrong file",
            "too large",
        ),
    ),
)


def outcome_of(error: BaseException) -> Outcome:
    """What an error of aiogram means: what it does not rule out may have been done."""
    match error:
        case TelegramRetryAfter():
            return Flood("rate_limited", float(error.retry_after))
        case TelegramMigrateToChat():
            return Moved(error.migrate_to_chat_id)
        case TelegramForbiddenError():
            return Gone(error.message)
        case TelegramEntityTooLarge():
            return Refused(error.message, Why.MEDIA)
        case TelegramBadRequest():
            return _bad_request(error.message)
        case TelegramUnauthorizedError() | TelegramNotFound() | TelegramConflictError():
            # A wrong token: its operator has to act, and no message is lost until then.
            return Later(error.message, MISCONFIGURED_S, counted=True)
        case TelegramNetworkError() if isinstance(error.__cause__, ClientConnectorError):
            return Later("unreachable", AWAY_S, counted=True)
        case (
            _
        ):  # a lost connection, 5xx, an answer that cannot be read, and whatever nobody foresaw
            return Unknown(type(error).__name__)


def _bad_request(said: str) -> Outcome:
    words = said.lower()
    if any(known in words for known in GONE_WORDS):
        return Gone(said)
    for why, sentences in _WHY:
        if any(known in words for known in sentences):
            return Refused(said, why)
    return Refused(said, Why.OTHER)
