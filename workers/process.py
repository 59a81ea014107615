"""One worker process from its first line to its exit code."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from ops.base import garbage, metrics
from ops.base.logs import get_logger
from ops.base.settings import Settings
from schemas.jobs import Lane
from workers.app import WorkerApp
from workers.runtime.warden import ChildTerms
from workers.suspect import SuspectConfig, child_settings

log = get_logger(__name__)

FINISHED: Final = 0
CUT_SHORT: Final = 1

OpenApp = Callable[[Settings, bytes], Awaitable[WorkerApp]]


async def open_app(settings: Settings, master_key: bytes) -> WorkerApp:
    """The app that runs every task of this build. Raises ConfigError, Unavailable."""
    return await WorkerApp.open(settings, master_key=master_key)


async def run_worker(
    settings: Settings,
    *,
    master_key: bytes,
    lanes: tuple[Lane, ...],
    slots: int,
    suspect_command: tuple[str, ...],
    open_app: OpenApp = open_app,
) -> int:
    """Work until SIGTERM or SIGINT; answers the exit code. `settings` name both stores.

    0: drained. 1: a second signal cut it short, and the jobs in hand come back by their leases.
    """
    app = await open_app(settings, master_key)
    garbage.settle()
    server = None
    if settings.metrics_port is not None:
        server = metrics.start_metrics_server(settings.host, settings.metrics_port)
    try:
        config = SuspectConfig(child_settings(settings), master_key, lanes)
        worker = app.worker(
            lanes,
            slots=slots,
            suspects=ChildTerms(suspect_command, config.line(), settings.grace_s),
        )
        try:
            await worker.async_run()
        except asyncio.CancelledError:
            log.warning("worker.cut_short")
            return CUT_SHORT
        finally:
            await worker.close()
        return FINISHED
    finally:
        if server is not None:
            server.close()
        await app.close()
