"""One part of an answer as one call of the Bot API, with a second form where Telegram refuses the first."""

import html as entities
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from aiogram import Bot
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    LinkPreviewOptions,
    MediaUnion,
    Message,
    ReplyParameters,
)

from schemas.buttons import Rows
from workers.delivery.outcomes import Refused, Unknown, Why
from workers.delivery.parts import CAPTION_MAX_UNITS, Album, File, Part, Words, units
from workers.delivery.wire import Speaker, Wire

Ask = Callable[[Bot], Awaitable[object]]

UPLOAD_MAX_S: Final = 120.0
_TAG: Final = re.compile(r"<[^>]*>")
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes. `reply_to` that is gone is no reason not to send."""

    speaker: Speaker
    chat_id: int
    reply_to: int | None = None


@dataclass(frozen=True, slots=True)
class Letters:
    """Every method raises an Outcome. After Unknown the message may be there.

    `counted` False: whoever calls has asked the limiter already.
    """

    wire: Wire
    counted: bool = True

    async def send(self, place: Place, part: Part) -> Message:
        """A new message; of an album, its first."""
        return (await self.send_all(place, part))[0]

    async def send_all(self, place: Place, part: Part) -> list[Message]:
        """New messages: one, or those of an album."""
        try:
            return await self._send(place, part, plain=False)
        except Refused as refused:
            # Both ways nothing was sent, so sending the other form sends nothing twice.
            if refused.why is Why.PARSE:
                return await self._send(place, part, plain=True)
            if refused.why is Why.MEDIA and (other := _as_documents(part)) is not None:
                return await self._send(place, other, plain=False)
            raise

    async def edit(self, place: Place, message_id: int, words: Words) -> None:
        """Turn a message of ours into this text. Repeating it does no harm."""
        try:
            await self._edit(place, message_id, words, plain=False)
        except Refused as refused:
            if refused.why is not Why.PARSE:
                raise
            await self._edit(place, message_id, words, plain=True)

    async def edit_inline(
        self, speaker: Speaker, chat_id: int, inline_message_id: str, words: Words
    ) -> None:
        """The same for a message that an inline query left. `chat_id` only counts for the limiter."""

        async def ask(bot: Bot) -> object:
            return await bot.edit_message_text(
                words.html,
                inline_message_id=inline_message_id,
                parse_mode="HTML",
                reply_markup=markup(words.keyboard),
                link_preview_options=_NO_PREVIEW,
            )

        await self._unless_same(speaker, chat_id, ask)

    async def show_inline(
        self, speaker: Speaker, chat_id: int, inline_message_id: str, media: MediaUnion
    ) -> None:
        """A file in it; only one that Telegram has already, by its id."""

        async def ask(bot: Bot) -> object:
            return await bot.edit_message_media(media, inline_message_id=inline_message_id)

        await self._unless_same(speaker, chat_id, ask)

    async def delete(self, place: Place, message_id: int) -> None:
        """A message that is gone already, or stays, is not worth a word."""
        try:
            await self.wire.call(
                place.speaker,
                place.chat_id,
                lambda bot: bot.delete_message(place.chat_id, message_id),
                cost=0,
            )
        except (Refused, Unknown):
            return

    async def _send(self, place: Place, part: Part, *, plain: bool) -> list[Message]:
        match part:
            case Words():
                return [await self._words(place, part, plain=plain)]
            case File():
                return [await self._file(place, part, plain=plain)]
            case Album():
                return await self._album(place, part, plain=plain)

    async def _words(self, place: Place, words: Words, *, plain: bool) -> Message:
        return await self.wire.call(
            place.speaker,
            place.chat_id,
            lambda bot: bot.send_message(
                place.chat_id,
                without_tags(words.html) if plain else words.html,
                parse_mode=_mode(plain=plain),
                reply_markup=markup(words.keyboard),
                reply_parameters=_reply(place.reply_to),
                link_preview_options=_NO_PREVIEW,
            ),
            cost=int(self.counted),
        )

    async def _edit(self, place: Place, message_id: int, words: Words, *, plain: bool) -> None:
        async def ask(bot: Bot) -> object:
            return await bot.edit_message_text(
                without_tags(words.html) if plain else words.html,
                chat_id=place.chat_id,
                message_id=message_id,
                parse_mode=_mode(plain=plain),
                reply_markup=markup(words.keyboard),
                link_preview_options=_NO_PREVIEW,
            )

        await self._unless_same(place.speaker, place.chat_id, ask)

    async def _unless_same(self, speaker: Speaker, chat_id: int, ask: Ask) -> None:
        try:
            await self.wire.call(speaker, chat_id, ask)
        except Refused as refused:
            if refused.why is not Why.SAME:  # it says that already: an edit whose answer was lost
                raise

    async def _file(self, place: Place, file: File, *, plain: bool) -> Message:
        upload = BufferedInputFile(await file.load(), file.name)
        caption = _caption(file, plain=plain)

        async def ask(bot: Bot) -> Message:
            shared: dict[str, Any] = {
                "caption": caption,
                "parse_mode": _mode(plain=plain),
                "reply_markup": markup(file.keyboard),
                "reply_parameters": _reply(place.reply_to),
            }
            match file.how:
                case "photo":
                    return await bot.send_photo(place.chat_id, upload, **shared)
                case "video":
                    return await bot.send_video(
                        place.chat_id,
                        upload,
                        width=file.width,
                        height=file.height,
                        duration=_whole_s(file),
                        supports_streaming=True,
                        **shared,
                    )
                case "document":
                    return await bot.send_document(place.chat_id, upload, **shared)

        return await self.wire.call(
            place.speaker, place.chat_id, ask, cost=int(self.counted), timeout_s=UPLOAD_MAX_S
        )

    async def _album(self, place: Place, album: Album, *, plain: bool) -> list[Message]:
        media: list[Any] = [await _input(file, plain=plain) for file in album.files]
        return await self.wire.call(
            place.speaker,
            place.chat_id,
            lambda bot: bot.send_media_group(
                place.chat_id, media, reply_parameters=_reply(place.reply_to)
            ),
            cost=len(media) if self.counted else 0,
            timeout_s=UPLOAD_MAX_S,
        )


def markup(rows: Rows) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[
            [InlineKeyboardButton(text=text, callback_data=data) for text, data in row]
            for row in rows
        ]
    )


def without_tags(text: str) -> str:
    """Telegram HTML as what can be read in it: for a message that Telegram could not parse."""
    return entities.unescape(_TAG.sub("", text))


def fits_caption(text: str) -> bool:
    return units(without_tags(text)) <= CAPTION_MAX_UNITS


async def _input(
    file: File, *, plain: bool
) -> InputMediaPhoto | InputMediaVideo | InputMediaDocument:
    upload = BufferedInputFile(await file.load(), file.name)
    caption, mode = _caption(file, plain=plain), _mode(plain=plain)
    match file.how:
        case "photo":
            return InputMediaPhoto(media=upload, caption=caption, parse_mode=mode)
        case "video":
            return InputMediaVideo(
                media=upload,
                caption=caption,
                parse_mode=mode,
                width=file.width,
                height=file.height,
                duration=_whole_s(file),
                supports_streaming=True,
            )
        case "document":
            return InputMediaDocument(media=upload, caption=caption, parse_mode=mode)


def _as_documents(part: Part) -> Part | None:
    """The same as files that Telegram does not look into; None when they are that already."""
    match part:
        case File() if part.how != "document":
            return part.as_document()
        case Album() if any(file.how != "document" for file in part.files):
            return replace(part, files=tuple(file.as_document() for file in part.files))
        case _:
            return None


def _caption(file: File, *, plain: bool) -> str | None:
    return (without_tags(file.caption) if plain else file.caption) or None


def _mode(*, plain: bool) -> str | None:
    return None if plain else "HTML"


def _reply(message_id: int | None) -> ReplyParameters | None:
    if message_id is None:
        return None
    return ReplyParameters(message_id=message_id, allow_sending_without_reply=True)


def _whole_s(file: File) -> int | None:
    return None if file.duration_s is None else max(1, round(file.duration_s))
