"""The answer to an inline query: it can only turn a message that is there into something else.

Telegram takes no upload there. A file is sent to the person's own chat with the bot first, and shown in
the inline message by the id that it has got. What is longer than one message goes there as a whole. Buttons
are there, too: a tap on an inline message does not say in which chat it was, so none could be answered.
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

    async def say(said: str) -> None:
        await letters.edit_inline(speaker, count_as, inline_id, Words(said))

    first = answer.parts[0]
    if isinstance(first, Words) and len(answer.parts) == 1:
        await say(first.html)
        return inline_id
    there, message = await _privately(due, speaker, answer, send)
    if isinstance(first, Words):
        me = await letters.wire.call(speaker, count_as, lambda bot: bot.me(), cost=0)
        key = "delivery.whole_in_private" if there else "delivery.whole_start_first"
        rest = html(key, language, link=f"https://t.me/{me.username}")
        await say(f"{first.html}\n\n{rest}")
        return inline_id
    media = _by_id(message, first)
    if (
        media is None
    ):  # it is in the person's chat already, and its id is not known any more; or nowhere
        await say(html("delivery.in_private" if there else "delivery.start_first", language))
        return inline_id
    try:
        await letters.show_inline(speaker, count_as, inline_id, media)
    except Refused:
        await say(html("delivery.in_private", language))
    return inline_id


async def _privately(
    due: Due, speaker: Speaker, answer: Answer, send: Send
) -> tuple[bool, Message | None]:
    """What is missing of it in the person's own chat, with its buttons; False where they have none.

    With the message of the first part, if that was sent just now.
    """
    first = None
    if due.telegram_id is None:
        return False, None
    place = Place(speaker, due.telegram_id)
    try:
        for number in range(len(due.parts), len(answer.parts)):
            message = await send(place, answer.parts[number])
            first = message if number == 0 else first
    except (Gone, Refused):
        return False, None
    return True, first


def _by_id(message: Message | None, part: File | Album) -> MediaUnion | None:
    """The file as Telegram knows it."""
    if message is None:
        return None
    file = part.files[0] if isinstance(part, Album) else part
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
