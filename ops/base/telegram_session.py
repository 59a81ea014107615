"""The connection of a bot's client, which reads every answer with a model that is made once.

Imported only by who opens a bot: it brings aiogram, which costs seconds.
"""

from functools import cache
from typing import Any, Final

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

CALL_TIMEOUT_S: Final = 30.0
"""Longest wait for the answer to one call; an upload is given more by its caller."""


class Session(AiohttpSession):
    """aiogram makes the model of an answer where it reads one, and pydantic forgets a model that nobody
    holds (its cache of generic classes is weak): making one again costs more than reading a hundred.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__(api=TelegramAPIServer.from_base(base_url), timeout=CALL_TIMEOUT_S)

    def check_response(
        self, bot: Bot, method: TelegramMethod[TelegramType], status_code: int, content: str
    ) -> Response[TelegramType]:
        """See there; it raises what the answer calls for."""
        _answer_to(method.__returning__)
        return super().check_response(bot, method, status_code, content)


@cache
def _answer_to(returning: Any) -> type[Response[Any]]:
    """One for each type that methods return, so there are a few dozen at most."""
    return Response[returning]
