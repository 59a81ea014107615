"""All paths of this part of the sandbox, as one router."""

from fastapi import APIRouter

from ops.sandbox.telegram.api import bot_api
from ops.sandbox.telegram.control import control
from ops.sandbox.telegram.page import page
from ops.sandbox.telegram.world import TelegramWorld


def telegram_routes(world: TelegramWorld) -> APIRouter:
    """`/bot…`, `/file/bot…`, `/_sandbox/telegram/…` and `/chat…`."""
    router = APIRouter()
    for part in (bot_api(world), control(world), page(world)):
        router.include_router(part)
    return router
