"""Files that people send to a bot: fetched from Telegram, looked at in a child process, kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

from aiogram.exceptions import TelegramBadRequest, TelegramEntityTooLarge
from aiogram.types import Message
from aiohttp import ClientError, ClientResponseError

from producers.bot.guest import Guest
from producers.bot.renewals import AWAY
from producers.bot.room import Room
from schemas.errors import InvalidInput, Unavailable
from storage.files import StoredFile

if TYPE_CHECKING:
    from aiogram import Bot

MIB: Final = 1024 * 1024
DOWNLOAD_MAX_BYTES: Final = 20 * MIB
"""What a bot may fetch: `getFile` of the Bot API."""
DOWNLOAD_MAX_S: Final = 120
SERVER_ERROR: Final = 500
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
    """Kept as this person's file. Raises InvalidInput, Unavailable; TimeoutError for one that is too slow."""
    limit = min(DOWNLOAD_MAX_BYTES, room.settings.upload_max_bytes)
    if sent.size_bytes > limit:
        raise InvalidInput("file_too_large", limit_mb=limit // MIB)
    data = await _bytes(room.bots[guest.bot_id], sent, limit)
    if len(data) > limit:
        raise InvalidInput("file_too_large", limit_mb=limit // MIB)
    return await room.desk.receive(guest.user_id, data)


async def _bytes(bot: "Bot", sent: Sent, limit: int) -> bytes:
    out = BytesIO()
    try:
        await bot.download(sent.file_id, destination=out, timeout=DOWNLOAD_MAX_S)
    except TelegramEntityTooLarge as error:
        raise InvalidInput("file_too_large", limit_mb=limit // MIB) from error
    except TelegramBadRequest as error:
        raise InvalidInput("file_unreadable", reason="gone") from error
    except (*AWAY, ClientError) as error:  # aiogram hands on what happens to the bytes as it is
        if isinstance(error, ClientResponseError) and error.status < SERVER_ERROR:
            raise InvalidInput("file_unreadable", reason="gone") from error
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
    return out.getvalue()


async def fetch_all(room: Room, guest: Guest, messages: Sequence[Message]) -> list[StoredFile]:
    """The pictures of an album, in order, each once."""
    found: dict[str, StoredFile] = {}
    for message in messages:
        if sent := sent_with(message):
            stored = await fetch(room, guest, sent)
            found[str(stored.id)] = stored
    return list(found.values())
