"""A route that looks its caller up again when the person remembered under that name is no more."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute

from producers.api.auth import Gate
from schemas.errors import Refused

GONE: Final = frozenset({"closed", "no_account"})
"""What the id of an erased person is answered with."""


class SecondLook(APIRoute):
    """Nothing was written by a refusal, so the request may be handled again, once, for who it names now.

    For routes whose body is JSON or none: the framework keeps it with the request.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def twice(request: Request) -> Response:
            gate: Gate = request.app.state.gate
            try:
                return await handle(request)
            except Refused as refused:
                if refused.code not in GONE or not await gate.has_moved(request):
                    raise
            return await handle(request)

        return twice
