"""What is one person's own is shown in the private chat only: the router behind it never speaks in a group.

In a group everybody reads the answer, and everybody can tap its buttons: a command gets the way to the
private chat, and a button, whoever's menu it belongs to, changes nothing and says so over itself.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiogram import BaseMiddleware, Router
from aiogram.types import CallbackQuery, TelegramObject

from producers.bot.guest import Guest
from producers.bot.renewals import AWAY
from producers.bot.room import Room
from producers.bot.say import Keyboard
from schemas.errors import NotAllowed, Unavailable
from schemas.speech import html
from schemas.texts import text

PRIVATE_ONLY: Final = "private_only"
"""The code of what is refused outside of the private chat."""
Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class InPrivate(BaseMiddleware):
    """Of a router, before its handlers."""

    @classmethod
    def guard(cls, router: Router) -> Router:
        """All messages and buttons of this router, and of those that it includes."""
        router.message.middleware(cls())
        router.callback_query.middleware(cls())
        return router

    async def __call__(
        self, handler: Handler, event: TelegramObject, data: dict[str, Any]
    ) -> Any:  # aiogram's own shape of a middleware
        room: Room = data["room"]
        guest: Guest = data["guest"]
        if guest.private:
            return await handler(event, data)
        if isinstance(event, CallbackQuery):
            told = text("error.private_only", guest.language)
            return await room.say.answer(event, told, alert=True)
        return await show_way(room, guest)


def check_private(guest: Guest) -> None:
    """Raises NotAllowed `private_only`."""
    if not guest.private:
        raise NotAllowed(PRIVATE_ONLY)


async def show_way(room: Room, guest: Guest) -> None:
    """To the private chat, by a button. Raises Unavailable."""
    await room.say.send(
        guest,
        html("error.private_only", guest.language),
        keyboard=await way(room, guest),
        reply_to=guest.message_id,
    )


async def way(room: Room, guest: Guest) -> Keyboard:
    """A button that opens the private chat. Raises Unavailable."""
    try:
        me = await room.bots[guest.bot_id].me()
    except AWAY as error:
        raise Unavailable(store="telegram", reason=type(error).__name__) from error
    address = f"https://t.me/{me.username}?start=hello"
    return [[(text("bot.button.private", guest.language), address)]]
