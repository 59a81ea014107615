"""The connection itself: what a fault does to it below HTTP."""

import asyncio
import socket
import struct
from typing import Any, Final

from starlette.types import Receive, Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT: Final = "sandbox_transport"
_CLOSE_WITH_RESET: Final = struct.pack("ii", 1, 0)  # linger on, for 0 s: the kernel sends RST


class Line(H11Protocol):
    """uvicorn's HTTP/1.1 that shows each request the transport it came by."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state: dict[str, Any] = {**self.app_state, _TRANSPORT: transport}
        super().connection_made(transport)


def reset(scope: Scope) -> None:
    """Nothing more is sent, not even what was waiting; the client sees the connection reset."""
    transport: asyncio.Transport = scope["state"][_TRANSPORT]
    if transport.is_closing():  # the client was faster
        return
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)
    transport.abort()


def cut(scope: Scope) -> None:
    """What was written still arrives, then the connection ends."""
    transport: asyncio.Transport = scope["state"][_TRANSPORT]
    transport.close()


async def left(receive: Receive) -> None:
    """Until the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
