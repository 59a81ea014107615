"""Telegram's updates at the door: who sent one and what it is, read from whatever came.

Reading never refuses: an update of a shape that nobody knows yet is kept like any other, and judged by
who handles it. What decides its place in the order, and whether it can wait, is read here.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ops.base.settings import Settings
from ops.base.telegram import bots_of, webhook_secret
from storage.updates import NewUpdate, Updates

PATH: Final = "/telegram"
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (the header's name)
URGENT: Final = "pre_checkout_query"
"""To be answered within 10 s: `answerPreCheckoutQuery` of the Bot API."""
KINDS: Final = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "inline_query",
    "chosen_inline_result",
    "my_chat_member",
    "pre_checkout_query",
    "subscription",
    "stopped_message_generation",
)
"""What we ask Telegram for."""
_PEOPLE: Final = ("from", "user")
_BIGINT: Final = 2**63


@dataclass(frozen=True, slots=True)
class Door:
    """Where updates come in by webhook. `secrets`: what Telegram says along, by the bot's id."""

    updates: Updates
    secrets: Mapping[int, str]

    @classmethod
    def of(cls, settings: Settings, updates: Updates, *, master_key: bytes) -> "Door":
        """Raises ConfigError for bots that cannot be read."""
        ids = [account.bot_id for account in bots_of(settings)]
        secrets = {bot_id: webhook_secret(settings, master_key, bot_id) for bot_id in ids}
        return cls(updates, secrets)

    def admits(self, bot_id: int, said: str) -> bool:
        """In a time that tells nothing of the secret."""
        known = self.secrets.get(bot_id, "")
        return hmac.compare_digest(known.encode(), said.encode("utf-8", "replace")) and bool(known)

    async def receive(self, bot_id: int, body: bytes) -> None:
        """Kept when this returns; the same update again changes nothing. Raises Unavailable."""
        await self.updates.add([read(bot_id, body)])


def read(bot_id: int, body: bytes) -> NewUpdate:
    """An update as it came, with what could be read of it. Raises nothing."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    number = update_id(told)
    if number is None:
        digest = hashlib.sha256(body).hexdigest()[:32]
        return NewUpdate(bot_id, f"x-{digest}", body)
    kind = next((name for name in told if name != "update_id"), "")
    content = told.get(kind)
    return NewUpdate(
        bot_id,
        str(number),
        body,
        who=_who(content),
        number=number,
        album=_album(content),
        urgent=kind == URGENT,
    )


def update_id(told: Any) -> int | None:
    """None where there is none to confirm it by."""
    return _whole(told.get("update_id")) if isinstance(told, dict) else None


def _who(content: Any) -> int | None:
    if not isinstance(content, dict):
        return None
    places = [content.get(name) for name in _PEOPLE] + [content.get("chat")]
    found = (_whole(place.get("id")) for place in places if isinstance(place, dict))
    return next((who for who in found if who is not None), None)


def _album(content: Any) -> str | None:
    group = content.get("media_group_id") if isinstance(content, dict) else None
    if not isinstance(group, str) or not group:
        return None
    return group[:100].encode("utf-8", "replace").decode().replace("\x00", "")


def _whole(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _BIGINT
    return value if fits else None
