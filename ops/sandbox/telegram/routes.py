"""All paths of this part of the sandbox, as one router."""

from typing import Final

from fastapi import APIRouter

from ops.sandbox.telegram import api, control, page

PATHS: Final = ("/bot", "/file/bot", control.PREFIX, "/chat")

router = APIRouter()
"""`/bot…`, `/file/bot…`, `/_sandbox/telegram/…` and `/chat…`. Each request finds its world in its state."""
for part in (api, control, page):
    router.include_router(part.router)


def is_telegram(path: str) -> bool:
    """Whether a path is one of those."""
    return path.startswith(PATHS)
