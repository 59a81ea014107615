"""Where the end of a job is told: the text in `work.job.reply` and `work.delivery.target`, and its shapes.

pull                          the client asks
tg:viaizer:12345:678:p        a chat, an answer to message 678 (`-`: to none), `p` private or `g` group
tgi:viaizer:AgAAAB...         the message of an inline query that somebody chose
tgc:viaizer:-100123           a channel: written only by `post.publish`, at most once
"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

PULL: Final = "pull"
NOBODY: Final = "-"
DRAFT_IDS: Final = 2**31 - 1
_BOT: Final = re.compile(r"^[a-z][a-z0-9_]{0,31}\Z")
_INLINE: Final = re.compile(r"^[A-Za-z0-9_-]{1,200}\Z")


@dataclass(frozen=True, slots=True)
class TelegramTarget:
    """An answer in a chat. `bot` is a name from the settings, never a token."""

    bot: str
    chat_id: int
    reply_to: int | None = None
    private: bool = True

    def encode(self) -> str:
        reply_to = NOBODY if self.reply_to is None else str(self.reply_to)
        return f"tg:{_bot(self.bot)}:{self.chat_id}:{reply_to}:{'p' if self.private else 'g'}"


@dataclass(frozen=True, slots=True)
class InlineTarget:
    """The message that an inline query left in somebody's chat; it can only be edited."""

    bot: str
    inline_message_id: str

    def encode(self) -> str:
        if not _INLINE.match(self.inline_message_id):
            message = "not the id of an inline message"
            raise ValueError(message)
        return f"tgi:{_bot(self.bot)}:{self.inline_message_id}"


@dataclass(frozen=True, slots=True)
class ChannelTarget:
    """A channel that one of its administrators has linked."""

    bot: str
    chat_id: int

    def encode(self) -> str:
        return f"tgc:{_bot(self.bot)}:{self.chat_id}"


Target = TelegramTarget | InlineTarget | ChannelTarget


def parse_target(text: str) -> Target | None:
    """None for `pull`. Raises ValueError for what none of these shapes has written."""
    if text == PULL:
        return None
    match text.split(":"):
        case ["tg", bot, chat_id, reply_to, "p" | "g" as where]:
            answered = None if reply_to == NOBODY else int(reply_to)
            return TelegramTarget(_bot(bot), int(chat_id), answered, where == "p")
        case ["tgi", bot, inline_message_id] if _INLINE.match(inline_message_id):
            return InlineTarget(_bot(bot), inline_message_id)
        case ["tgc", bot, chat_id]:
            return ChannelTarget(_bot(bot), int(chat_id))
        case _:
            message = "not a target"
            raise ValueError(message)


def draft_id_of(job_id: UUID) -> int:
    """A positive number of 31 bits: how Telegram is told which live text is this job's."""
    return job_id.int % DRAFT_IDS + 1


def _bot(name: str) -> str:
    if not _BOT.match(name):
        message = "not the name of a bot"
        raise ValueError(message)
    return name
