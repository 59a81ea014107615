"""`leyden api`: the application behind uvicorn, on an address that was taken before anything else."""

import signal
import socket

import uvicorn

from ops.base import garbage
from ops.base.health import Health
from ops.base.logs import get_logger
from ops.base.settings import Settings
from ops.base.validators import is_loopback
from producers.api.app import build_app
from producers.api.auth import dev_key
from producers.desk import Desk
from schemas.errors import ConfigError

log = get_logger(__name__)

BACKLOG = 512
KEEP_ALIVE_S = 75
"""Longer than balancers keep an idle connection (mostly a minute): they close it, and no request is cut."""


class Server(uvicorn.Server):
    """Stops being ready before it stops answering."""

    def __init__(self, config: uvicorn.Config, health: Health) -> None:
        super().__init__(config)
        self._health = health

    def handle_exit(self, sig: int, frame: object) -> None:
        self._health.drain()
        log.info("api.stopping", signal=signal.Signals(sig).name)
        super().handle_exit(sig, frame)  # type: ignore[arg-type]


async def serve(
    settings: Settings, *, database_url: str, redis_url: str, master_key: bytes
) -> None:
    """Answer until SIGTERM or SIGINT, then finish what was begun. Raises ConfigError, Unavailable."""
    listener = _listen(settings.host, settings.port)
    key = dev_key(settings.data_dir)
    desk = await Desk.open(
        settings, database_url=database_url, redis_url=redis_url, master_key=master_key
    )
    try:
        health = Health()
        config = uvicorn.Config(
            build_app(desk, key=key, checks=health),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=max(1, int(settings.grace_s)),
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        host, port = listener.getsockname()[:2]
        log.info("api.started", host=host, port=port)
        if not is_loopback(settings.host):
            log.warning("dev_key.disabled", host=settings.host, reason="not on loopback")
        garbage.settle()
        await Server(config, health).serve(sockets=[listener])
    finally:
        await desk.close()
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """Raises ConfigError naming LEYDEN_PORT, before any store is opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        problem = f"cannot listen on {host}:{port} ({error.strerror})"
        raise ConfigError(setting="LEYDEN_PORT", problem=problem) from error
