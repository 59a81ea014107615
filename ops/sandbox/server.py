"""Serving the sandbox on a socket, in this process."""

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Final

import uvicorn

from ops.sandbox.app import create_app
from ops.sandbox.line import Line
from schemas.errors import ConfigError

BACKLOG: Final = 512
GRACE_S: Final = 1  # what hangs on purpose must not keep the server from ending
KEEP_ALIVE_S: Final = 75
"""As real providers do: longer than any client keeps an idle connection, so that no request meets its end."""


def serve(*, host: str, port: int, journal_path: Path, parent_line: bool = False) -> None:
    """Until SIGINT or SIGTERM. Port 0 takes a free one; the address is the first line printed.

    `parent_line`: end as well when standard input does, that is, with the process that started this
    one. Raises ConfigError for an address or a file that cannot be used.
    """
    app = create_app(journal_path)
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        http=Line,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    if parent_line:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.write(address_of(listener) + "\n")
    sys.stdout.flush()
    server.run(sockets=[listener])


def address_of(listener: socket.socket) -> str:
    """As a URL without a slash at the end."""
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        problem = f"cannot listen on {host}:{port}: {error.strerror}"
        raise ConfigError(setting="--port", problem=problem) from None


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
