"""A process that runs suspects: one job at a time, and says to its parent which one.

Started by `workers.runtime.warden`. The settings come as one line of standard input; the end of that
input means that the parent has died, and then this process ends at once.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from uuid import UUID

from ops.base import logs
from ops.base.accounts import revealed
from ops.base.settings import Settings, load_settings
from schemas.jobs import Lane
from workers.app import WorkerApp
from workers.runtime.warden import IDLE_LINE, Report

IDLE_EXIT_S: Final = 60.0
CONNECTIONS: Final = 2
_PR_SET_PDEATHSIG: Final = 1

Open = Callable[[Settings, bytes], Awaitable[WorkerApp]]


@dataclass(frozen=True, slots=True)
class SuspectConfig:
    """What the parent tells its child."""

    settings: dict[str, Any]
    master_key: bytes
    lanes: tuple[Lane, ...]

    def line(self) -> str:
        key = urlsafe_b64encode(self.master_key).decode()
        return json.dumps({"settings": self.settings, "master_key": key, "lanes": self.lanes})

    @classmethod
    def parse(cls, line: bytes) -> "SuspectConfig":
        said = json.loads(line)
        key = urlsafe_b64decode(said["master_key"])
        return cls(said["settings"], key, tuple(Lane(name) for name in said["lanes"]))


def child_settings(settings: Settings) -> dict[str, Any]:
    """The same as the parent's, without its port and with fewer connections; keys in the clear."""
    kept = settings.model_dump(mode="json", exclude={"master_key", "metrics_port"})
    return {**kept, **revealed(settings), "database_pool_size": CONNECTIONS}


def main(open_app: Open | None = None) -> None:
    """Run until told to stop, or until there has been nothing to do for a while."""
    parent_pid = os.getppid()
    _die_with_parent()
    # What a library prints goes to standard error: a stray line would be read as a report.
    out = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    config = SuspectConfig.parse(sys.stdin.buffer.readline())
    threading.Thread(target=_end_at_end_of_input, daemon=True).start()
    if os.getppid() != parent_pid:  # it died before the signal was asked for
        os._exit(1)
    settings = load_settings(**config.settings)
    logs.configure(settings.log_level, settings.log_format, process="leyden suspect")
    asyncio.run(_run(settings, config, out, open_app or _open))


async def _run(settings: Settings, config: SuspectConfig, out: BinaryIO, open_app: Open) -> None:
    app = await open_app(settings, config.master_key)
    try:
        worker = app.worker(config.lanes, slots=1, alone=True, idle_exit_s=IDLE_EXIT_S)

        async def starting(ctx: dict[Any, Any]) -> None:
            out.write(Report(UUID(ctx["job_id"]), ctx["job_try"], ctx["kind"]).line())

        async def ended(_ctx: dict[Any, Any]) -> None:
            out.write(IDLE_LINE)

        worker.watch(starting, ended)
        await worker.async_run()
        await worker.close()
    finally:
        await app.close()


async def _open(settings: Settings, master_key: bytes) -> WorkerApp:
    return await WorkerApp.open(settings, master_key=master_key)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_at_end_of_input() -> None:
    """Also where no signal tells of the parent's death, and while the loop is busy."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
