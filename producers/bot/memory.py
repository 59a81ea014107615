"""What a model is told of a conversation: the newest turns that fit, oldest first."""

from collections.abc import Sequence
from typing import Any, Final

from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.payloads import HISTORY_MAX_CHARACTERS
from storage.talks import Turn

TOKENS_MAX: Final = 3_000
BYTES_PER_TOKEN: Final = 4
"""A token is at least one byte of UTF-8 and about four of English: `tokens_of` is a cautious guess."""
TURN_MAX_CHARACTERS: Final = 4_000


async def history(room: Room, guest: Guest) -> list[dict[str, Any]]:
    """The `history` of a `text.generate`. Raises Unavailable."""
    turns = await room.talks.turns(guest.user_id, guest.bot, guest.chat_id)
    return trimmed(turns)


def trimmed(turns: Sequence[Turn], *, tokens_max: int = TOKENS_MAX) -> list[dict[str, Any]]:
    """`turns` come newest first. A turn is told whole or not at all; one without an answer is not."""
    told: list[dict[str, Any]] = []
    tokens = characters = 0
    for turn in turns:
        if not turn.answered:
            continue
        said, answered = _short(turn.said), _short(turn.answered)
        tokens += tokens_of(said) + tokens_of(answered)
        characters += len(said) + len(answered)
        if tokens > tokens_max or characters > HISTORY_MAX_CHARACTERS:
            break
        told = [{"by": "user", "text": said}, {"by": "model", "text": answered}, *told]
    return told


def tokens_of(text: str) -> int:
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def _short(text: str) -> str:
    return text[:TURN_MAX_CHARACTERS].strip() or "…"
