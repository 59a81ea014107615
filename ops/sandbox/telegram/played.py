"""The world that a request has come to: whoever serves these routes has put it into the request's state."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from ops.sandbox.telegram.world import TelegramWorld


async def played(request: Request) -> TelegramWorld:
    world: TelegramWorld = request.state.world
    return world


Played = Annotated[TelegramWorld, Depends(played)]
