"""The bot's own words: every answer of a handler, through the limiter that all processes share.

Telegram has no key for a send, so one whose outcome is unknown is not repeated here: the update is
handled again, and its person may read a sentence twice. The final answer of a job is not said here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
)
from pydantic import ValidationError

from ops.base.logs import get_logger
from ops.base.telegram import GONE_WORDS
from producers.bot.guest import Guest
from schemas.errors import LeydenError, Unavailable
from storage.telegram_limits import Limiter

if TYPE_CHECKING:
    from aiogram import Bot
    from aiogram.types import CallbackQuery

log = get_logger(__name__)

Keyboard = Sequence[Sequence[tuple[str, str]]]
"""Rows of (text, data). Data that begins with https:// or tg:// opens an address."""

PATIENCE_S: Final = 20.0
"""Longest wait for a place in the limiter within one update; then the update waits its turn again."""
TEXT_MAX_CHARACTERS: Final = 4_096
TRIES_MAX: Final = 3
DELETED_AT_ONCE: Final = 100
"""What deleteMessages of the Bot API takes."""
_GONE: Final = (*GONE_WORDS, "not enough rights", "have no rights")
T = TypeVar("T")


class Gone(LeydenError):
    """This person has blocked the bot, or the chat is no more: there is nobody to tell."""

    default_code = "chat_gone"


class Say:
    """Texts are Telegram HTML, made by `schemas.speech.html`. Raises Gone, Unavailable."""

    def __init__(self, bots: "Mapping[int, Bot]", limiter: Limiter) -> None:
        self._bots = bots
        self._limiter = limiter

    async def send(
        self,
        guest: Guest,
        html: str,
        *,
        keyboard: Keyboard | None = None,
        reply_to: int | None = None,
    ) -> int:
        """A new message; its id. `reply_to` a message that is gone becomes a plain message."""
        bot = self._bots[guest.bot_id]
        message = await self._through(
            guest,
            lambda: bot.send_message(
                guest.chat_id,
                html,
                parse_mode="HTML",
                reply_markup=markup(keyboard),
                reply_parameters=_reply(reply_to),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            ),
        )
        return message.message_id

    async def photo(
        self,
        guest: Guest,
        photo: bytes | str,
        html: str = "",
        *,
        keyboard: Keyboard | None = None,
        reply_to: int | None = None,
    ) -> int:
        """A picture with a caption of at most 1,024 characters; bytes, or a Telegram file id."""
        bot = self._bots[guest.bot_id]
        sent = BufferedInputFile(photo, "picture.jpg") if isinstance(photo, bytes) else photo
        message = await self._through(
            guest,
            lambda: bot.send_photo(
                guest.chat_id,
                sent,
                caption=html or None,
                parse_mode="HTML",
                reply_markup=markup(keyboard),
                reply_parameters=_reply(reply_to),
            ),
        )
        return message.message_id

    async def document(
        self, guest: Guest, data: bytes, name: str, html: str = "", *, reply_to: int | None = None
    ) -> int:
        """A file, at most 50 MB."""
        bot = self._bots[guest.bot_id]
        message = await self._through(
            guest,
            lambda: bot.send_document(
                guest.chat_id,
                BufferedInputFile(data, name),
                caption=html or None,
                parse_mode="HTML",
                reply_parameters=_reply(reply_to),
            ),
        )
        return message.message_id

    async def edit(
        self, guest: Guest, message_id: int, html: str, keyboard: Keyboard | None = None
    ) -> bool:
        """False when the message cannot be edited: too old, deleted, or not ours."""
        bot = self._bots[guest.bot_id]
        try:
            await self._through(
                guest,
                lambda: bot.edit_message_text(
                    html,
                    chat_id=guest.chat_id,
                    message_id=message_id,
                    parse_mode="HTML",
                    reply_markup=markup(keyboard),
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                ),
            )
        except TelegramBadRequest as error:
            return "not modified" in error.message
        return True

    async def drop_keyboard(self, guest: Guest, message_id: int) -> None:
        """Old buttons go; that there are none left, or no message, is as good."""
        bot = self._bots[guest.bot_id]
        try:
            await self._through(
                guest,
                lambda: bot.edit_message_reply_markup(chat_id=guest.chat_id, message_id=message_id),
            )
        except TelegramBadRequest as error:
            log.debug("keyboard.kept", reason=error.message)

    async def delete(self, guest: Guest, message_id: int) -> bool:
        """False when it is gone already or may not be deleted any more."""
        bot = self._bots[guest.bot_id]
        try:
            await self._through(guest, lambda: bot.delete_message(guest.chat_id, message_id))
        except TelegramBadRequest:
            return False
        return True

    async def delete_all(self, guest: Guest, message_ids: Sequence[int]) -> bool:
        """False when one of them may not be deleted any more; what is gone already is as good."""
        bot, all_gone = self._bots[guest.bot_id], True
        for start in range(0, len(message_ids), DELETED_AT_ONCE):
            heap = list(message_ids[start : start + DELETED_AT_ONCE])
            ask = partial(bot.delete_messages, guest.chat_id, heap)
            try:
                await self._through(guest, ask)
            except TelegramBadRequest:  # one of them spoils it for the others
                all_gone = all([await self.delete(guest, one) for one in heap]) and all_gone
        return all_gone

    async def answer(
        self, callback: "CallbackQuery", text: str = "", *, alert: bool = False
    ) -> None:
        """The tapped button stops turning. An old query cannot be answered, and need not be."""
        try:
            await callback.answer(text[:200] or None, show_alert=alert)
        except (TelegramBadRequest, TelegramNetworkError, TelegramServerError) as error:
            log.debug("callback.unanswered", reason=type(error).__name__)
        except (TelegramRetryAfter, TelegramForbiddenError, ClientDecodeError) as error:
            log.info("callback.unanswered", reason=type(error).__name__)

    async def typing(
        self, guest: Guest, action: Literal["typing", "upload_photo", "upload_video"] = "typing"
    ) -> None:
        """A hint of a few seconds. Never waited for, never repeated."""
        if await self._limiter.take(guest.bot_id, guest.chat_id, kind="live") > 0:
            return
        try:
            await self._bots[guest.bot_id].send_chat_action(guest.chat_id, action)
        except Exception as error:  # noqa: BLE001 (a hint may fail in any way it likes)
            log.debug("typing.failed", reason=type(error).__name__)

    async def _through(self, guest: Guest, call: Callable[[], Awaitable[T]]) -> T:
        """One call with its place in the limiter. TelegramBadRequest is the caller's to judge."""
        for _ in range(TRIES_MAX):
            await self._place(guest)
            try:
                return await call()
            except TelegramRetryAfter as error:
                await self._limiter.pause(guest.bot_id, guest.chat_id, float(error.retry_after))
            except (TelegramForbiddenError, TelegramNotFound, TelegramMigrateToChat) as error:
                raise Gone(reason=error.message) from error
            except TelegramBadRequest as error:
                if any(words in error.message.lower() for words in _GONE):
                    raise Gone(reason=error.message) from error
                raise
            except (TelegramNetworkError, TelegramServerError, ClientDecodeError) as error:
                if _is_done(error):
                    raise
                raise Unavailable(store="telegram", reason=type(error).__name__) from error
        raise Unavailable(store="telegram", reason="flood")

    async def _place(self, guest: Guest) -> None:
        waited_s = 0.0
        while (wait_s := await self._limiter.take(guest.bot_id, guest.chat_id, kind="final")) > 0:
            waited_s += wait_s
            if waited_s > PATIENCE_S:
                raise Unavailable(store="telegram", reason="flood", retry_after_s=wait_s)
            await asyncio.sleep(wait_s)


def markup(keyboard: Keyboard | None) -> InlineKeyboardMarkup | None:
    if not keyboard:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[[_button(text, data) for text, data in row] for row in keyboard if row]
    )


def _button(text: str, data: str) -> InlineKeyboardButton:
    if data.startswith(("https://", "tg://")):
        return InlineKeyboardButton(text=text, url=data)
    return InlineKeyboardButton(text=text, callback_data=data)


def _is_done(error: Exception) -> bool:
    """Telegram has answered in a shape that we do not know: asked again without end, it would be said so."""
    return isinstance(error, ClientDecodeError) and isinstance(error.original, ValidationError)


def _reply(message_id: int | None) -> ReplyParameters | None:
    if message_id is None:
        return None
    return ReplyParameters(message_id=message_id, allow_sending_without_reply=True)
