"""What is being worked on, so that a reset can end it: nothing of before may show after.

A request that its client gave up goes on here, as it does at a provider: it may still buy. But one that
came before a reset would write its order into the world of whoever asked for the reset.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from ops.sandbox import line

TURNS_TO_THE_DOOR: Final = 20
"""Of the event loop: from a connection in the queue of the kernel to a request that is worked on."""


class Visits:
    """The requests to one world that are not answered yet."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def one(self, scope: Scope, receive: Receive) -> AsyncIterator[None]:
        """A request. When a reset ends it, its client sees the connection reset."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (nothing here runs outside of one)
        self._running.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if task in self._running:  # not by a reset
                raise
            task.uncancel()
            line.reset(scope)
            await line.left(receive)
        finally:
            self._running.discard(task)

    async def end(self) -> None:
        """All but the request that asks for it; who knocked before it is let in first, and ended too.

        None of them has written anything more when this returns, or ever will.
        """
        for _ in range(TURNS_TO_THE_DOOR):
            await asyncio.sleep(0)
        ended = self._running - {asyncio.current_task()}
        self._running -= ended
        for task in ended:
            task.cancel()


class Visited(Protocol):
    """A world that can be visited."""

    @property
    def visits(self) -> Visits: ...


class Doors:
    """ASGI middleware: every request is a visit to the world that `world_of` its path names, and finds it
    as `request.state.world`.
    """

    def __init__(self, app: ASGIApp, world_of: Callable[[str], Visited]) -> None:
        self._app = app
        self._world_of = world_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        world = self._world_of(scope["path"])
        scope["state"] = {**scope.get("state", {}), "world": world}
        async with world.visits.one(scope, receive):
            await self._app(scope, receive, send)
