"""All paths of this part of the sandbox, as one router."""

from typing import Final

from fastapi import APIRouter

from ops.sandbox.telegram.api import bot_api
from ops.sandbox.telegram.control import PREFIX, control
from ops.sandbox.telegram.page import page
from ops.sandbox.telegram.world import TelegramWorld

PATHS: Final = ("/bot", "/file/bot", PREFIX, "/chat")


def telegram_routes(world: TelegramWorld) -> APIRouter:
    """`/bot…`, `/file/bot…`, `/_sandbox/telegram/…` and `/chat…`."""
    router = APIRouter()
    for part in (bot_api(world), control(world), page(world)):
        router.include_router(part)
    return router


def is_telegram(path: str) -> bool:
    """Whether a path is one of those."""
    return path.startswith(PATHS)
