"""What the plain voice of the bot does not need to say: invoices, pictures that change, videos, keys.

Every call goes through the same limiter and raises the same errors as `Say`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import (
    BufferedInputFile,
    InputMediaPhoto,
    KeyboardButton,
    LabeledPrice,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from producers.bot.guest import Guest
from producers.bot.room import Room
from producers.bot.say import Keyboard, Say, markup

if TYPE_CHECKING:
    from aiogram.types import CallbackQuery

STARS: Final = "XTR"
MONTH_S: Final = 2_592_000
"""The only period that Telegram sells subscriptions for (Bot API, createInvoiceLink)."""


class Show(Say):
    @classmethod
    def of(cls, room: Room) -> "Show":
        return cls(room.bots, room.limiter)

    async def invoice(
        self, guest: Guest, *, title: str, description: str, payload: str, stars: int
    ) -> int:
        """An invoice with a Pay button. Title 1 to 32, description 1 to 255 characters."""
        bot = self._bots[guest.bot_id]
        message = await self._through(
            guest,
            lambda: bot.send_invoice(
                guest.chat_id,
                title=title,
                description=description,
                payload=payload,
                currency=STARS,
                prices=[LabeledPrice(label=title, amount=stars)],
            ),
        )
        return message.message_id

    async def subscription_link(
        self, guest: Guest, *, title: str, description: str, payload: str, stars: int
    ) -> str:
        """Where 30 days that renew themselves are paid."""
        bot = self._bots[guest.bot_id]
        return await self._through(
            guest,
            lambda: bot.create_invoice_link(
                title=title,
                description=description,
                payload=payload,
                currency=STARS,
                prices=[LabeledPrice(label=title, amount=stars)],
                subscription_period=MONTH_S,
            ),
        )

    async def swap_photo(
        self, guest: Guest, message_id: int, photo: bytes, html: str, *, keyboard: Keyboard
    ) -> bool:
        """Another picture in the same message. False when that message cannot be changed."""
        bot = self._bots[guest.bot_id]
        media = InputMediaPhoto(
            media=BufferedInputFile(photo, "page.jpg"), caption=html, parse_mode="HTML"
        )
        try:
            await self._through(
                guest,
                lambda: bot.edit_message_media(
                    media,
                    chat_id=guest.chat_id,
                    message_id=message_id,
                    reply_markup=markup(keyboard),
                ),
            )
        except TelegramBadRequest as error:
            return "not modified" in error.message
        return True

    async def video(self, guest: Guest, data: bytes, html: str, *, keyboard: Keyboard) -> int:
        """A video with a caption of at most 1,024 characters."""
        bot = self._bots[guest.bot_id]
        message = await self._through(
            guest,
            lambda: bot.send_video(
                guest.chat_id,
                BufferedInputFile(data, "video.mp4"),
                caption=html,
                parse_mode="HTML",
                reply_markup=markup(keyboard),
                supports_streaming=True,
            ),
        )
        return message.message_id

    async def ask_by_keys(
        self, guest: Guest, html: str, rows: Sequence[Sequence[KeyboardButton]] | None
    ) -> int:
        """With keys in place of the person's keyboard; None takes them away again."""
        bot = self._bots[guest.bot_id]
        keys = (
            ReplyKeyboardMarkup(
                keyboard=[list(row) for row in rows], resize_keyboard=True, one_time_keyboard=True
            )
            if rows
            else ReplyKeyboardRemove()
        )
        message = await self._through(
            guest,
            lambda: bot.send_message(guest.chat_id, html, parse_mode="HTML", reply_markup=keys),
        )
        return message.message_id


async def show(
    room: Room, guest: Guest, html: str, keyboard: Keyboard, query: "CallbackQuery | None" = None
) -> None:
    """In place of the message whose button was pressed, else as a new one."""
    pressed = query.message if query else None
    if pressed is not None and await room.say.edit(guest, pressed.message_id, html, keyboard):
        return
    await room.say.send(guest, html, keyboard=keyboard)
