"""The application: the gate in front, one router for each provider behind it.

Another provider is one more router, mounted here, and its paths in `operations.py`. Telegram, which
sells nothing, is mounted beside them with a world of its own.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from ops.base.nursery import Nursery
from ops.sandbox import (
    control,
    files,
    kie,
    kie_uploads,
    openai,
    openrouter,
    openrouter_videos,
    page,
)
from ops.sandbox.gate import Gate
from ops.sandbox.journal import Journal
from ops.sandbox.operations import Provider, place_of
from ops.sandbox.refusals import Refusal
from ops.sandbox.telegram import TelegramWorld, is_telegram, telegram_router
from ops.sandbox.visits import Doors
from ops.sandbox.world import World

ROUTERS: Final = (
    openai.router,
    openrouter.router,
    openrouter_videos.router,
    kie.router,
    kie_uploads.router,
    files.router,
    control.router,
    page.router,
    telegram_router,
)


def create_app(journal_path: Path) -> FastAPI:
    """The sandbox on this journal. Raises ConfigError when the file cannot be used."""
    journal = Journal(journal_path)
    nursery = Nursery("sandbox")
    world = World(journal, nursery)
    telegram = TelegramWorld(nursery, folder=journal_path.parent / "telegram")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        world.resume()
        telegram.resume()
        yield
        await telegram.close()
        await nursery.close()
        await world.callbacks.close()
        journal.close()

    app = FastAPI(title="Leyden sandbox", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Gate, world=world)
    app.add_middleware(Doors, world_of=lambda path: telegram if is_telegram(path) else world)
    app.add_exception_handler(Refusal, _refuse)
    app.add_exception_handler(404, _not_played)
    for router in ROUTERS:
        app.include_router(router)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    """In the words of the provider who was asked."""
    assert isinstance(error, Refusal)  # noqa: S101 (registered for that class alone)
    if (call := getattr(request.state, "call", None)) is not None:
        call.error = str(error.status)  # where HTTP says 200, only the body does
    place = place_of(request.method, request.url.path)
    return error.response(place.provider if place else Provider.FILES)


async def _not_played(request: Request, _error: Exception) -> Response:
    message = f"The sandbox does not play {request.method} {request.url.path}"
    return Refusal(404, "not_found", message, loud=True).response(
        place.provider if (place := place_of(request.method, request.url.path)) else Provider.FILES
    )
