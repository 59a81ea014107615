"""The answer to an inline query: it can only turn a message that is there into something else.

Telegram takes no upload there. A file is sent to the person's own chat with the bot first, and shown in
the inline message by the id that it has got.
"""

import zlib
from collections.abc import Awaitable, Callable

from aiogram.types import (
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    MediaUnion,
    Message,
)

from schemas.speech import html
from schemas.targets import InlineTarget
from storage.deliveries import Due
from workers.delivery.letters import Letters, Place
from workers.delivery.outcomes import Gone, Refused
from workers.delivery.parts import Album, Answer, File, Part, Words
from workers.delivery.wire import Speaker

Send = Callable[[Place, Part], Awaitable[Message]]


async def say_inline(
    letters: Letters,
    due: Due,
    speaker: Speaker,
    target: InlineTarget,
    answer: Answer,
    *,
    language: str,
    send: Send,
) -> str:
    """The id of the inline message. Raises an Outcome; done twice it does no harm but to the limiter."""
    inline_id, count_as = target.inline_message_id, zlib.crc32(target.inline_message_id.encode())

    async def say(words: Words) -> None:
        await letters.edit_inline(speaker, count_as, inline_id, words)

    first = answer.parts[0]
    if isinstance(first, Words):
        await say(first)
        return inline_id
    if due.parts:  # it is in the person's chat already, and its id is not known any more
        await say(Words(html("delivery.in_private", language)))
        return inline_id
    media = await _by_id(due, speaker, first, send)
    if media is None:
        await say(Words(html("delivery.start_first", language)))
        return inline_id
    try:
        await letters.show_inline(speaker, count_as, inline_id, media)
    except Refused:
        await say(Words(html("delivery.in_private", language)))
    return inline_id


async def _by_id(due: Due, speaker: Speaker, part: File | Album, send: Send) -> MediaUnion | None:
    """The file as Telegram knows it; None when its person has no chat with the bot."""
    if due.telegram_id is None:
        return None
    file = part.files[0] if isinstance(part, Album) else part
    try:
        message = await send(Place(speaker, due.telegram_id), file)
    except Gone:
        return None
    caption = file.caption or None
    if message.photo:
        return InputMediaPhoto(media=message.photo[-1].file_id, caption=caption, parse_mode="HTML")
    if message.video:
        return InputMediaVideo(media=message.video.file_id, caption=caption, parse_mode="HTML")
    if message.document:
        return InputMediaDocument(
            media=message.document.file_id, caption=caption, parse_mode="HTML"
        )
    return None
