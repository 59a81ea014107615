"""Files that people send to a bot: fetched from Telegram, looked at in a child process, kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import Message

from producers.bot.guest import Guest
from producers.bot.room import Room
from schemas.errors import InvalidInput, Unavailable
from storage.files import StoredFile

DOWNLOAD_MAX_BYTES: Final = 20 * 1024 * 1024
"""What a bot may fetch: `getFile` of the Bot API."""
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})


@dataclass(frozen=True, slots=True)
class Sent:
    """A file of a message. `picture`: Telegram says it is one; its bytes decide."""

    file_id: str
    size_bytes: int
    picture: bool


def sent_with(message: Message | None) -> Sent | None:
    """The picture or document of a message; the largest size of a photo that may be fetched."""
    if message is None:
        return None
    if message.photo:
        fits = [one for one in message.photo if (one.file_size or 0) <= DOWNLOAD_MAX_BYTES]
        best = max(fits or message.photo, key=lambda one: one.width * one.height)
        return Sent(best.file_id, best.file_size or 0, picture=True)
    if message.document:
        document = message.document
        picture = (document.mime_type or "") in PICTURES
        return Sent(document.file_id, document.file_size or 0, picture)
    return None


async def fetch(room: Room, guest: Guest, sent: Sent) -> StoredFile:
    """Kept as this person's file. Raises InvalidInput, Unavailable."""
    limit = min(DOWNLOAD_MAX_BYTES, room.settings.upload_max_bytes)
    if sent.size_bytes > limit:
        raise InvalidInput("payload_too_large", limit_bytes=limit)
    bot = room.bots[guest.bot_id]
    out = BytesIO()
    try:
        await bot.download(sent.file_id, destination=out)
    except TelegramEntityTooLarge as error:
        raise InvalidInput("payload_too_large", limit_bytes=limit) from error
    except TelegramBadRequest as error:
        raise InvalidInput("file_unreadable", reason="gone") from error
    except (TelegramNetworkError, TelegramServerError, TelegramRetryAfter, ClientDecodeError) as e:
        raise Unavailable(store="telegram", reason=type(e).__name__) from e
    data = out.getvalue()
    if len(data) > limit:
        raise InvalidInput("payload_too_large", limit_bytes=limit)
    return await room.desk.receive(guest.user_id, data)


async def fetch_all(room: Room, guest: Guest, messages: Sequence[Message]) -> list[StoredFile]:
    """The pictures of an album, in order, each once."""
    found: dict[str, StoredFile] = {}
    for message in messages:
        if sent := sent_with(message):
            stored = await fetch(room, guest, sent)
            found[str(stored.id)] = stored
    return list(found.values())
