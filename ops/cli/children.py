"""Child processes of the CLI: `leyden worker` and `leyden api`, started, followed and ended together.

A child gets SIGTERM when its parent dies, however that happens (on Linux by the kernel): nobody is
left behind on a stack that has gone.
"""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from ops.stack.identity import ourselves

STOP_MARGIN_S = 5.0


def command(words: Sequence[str]) -> list[str]:
    """`leyden <words>` with this interpreter, bound to the life of this process."""
    argv = [sys.executable, "-m", "ops.cli", *words]
    return ourselves().command(argv, death_signal=signal.SIGTERM)


async def start(
    words: Sequence[str], *, output: IO[bytes] | int, env: Mapping[str, str] | None = None
) -> Process:
    """Its own process group: Ctrl-C reaches the parent alone, which then ends its children."""
    return await asyncio.create_subprocess_exec(
        *command(words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
        process_group=0,
    )


async def stop(process: Process, *, grace_s: float) -> int:
    """SIGTERM, then after `grace_s` and a margin SIGKILL; answers the exit code."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s + STOP_MARGIN_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    return await process.wait()


@asynccontextmanager
async def worker(log: Path, *, grace_s: float, words: Sequence[str] = ()) -> AsyncIterator[Process]:
    """A worker for the time of a command; what it says goes to the file `log`."""
    with log.open("ab") as output:
        process = await start(["worker", *words], output=output)
    try:
        yield process
    finally:
        await stop(process, grace_s=grace_s)
