"""The floor of a pickup: XREADGROUP that waits, through the same client, and nothing else."""

import asyncio
import signal
from typing import Any, Final

from ops.base import clock
from storage.queue import Queue
from tests.bench.child import released

KEY: Final = "bench:raw"
GROUP: Final = "raw"


async def run(told: dict[str, Any]) -> dict[str, Any]:
    seen: list[tuple[str, float]] = []
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    queue = await Queue.open(told["redis_url"])
    await queue.raw("XGROUP", "CREATE", KEY, GROUP, "0", "MKSTREAM")
    await released()
    read = ("XREADGROUP", "GROUP", GROUP, "me", "COUNT", 1, "BLOCK", 500, "STREAMS", KEY, ">")
    while not stopping:
        for _, entries in await queue.raw(*read) or ():
            for entry_id, fields in entries:
                seen.append((fields[b"i"].hex(), clock.monotonic_s()))
                await queue.raw("XACK", KEY, GROUP, entry_id)
    await queue.aclose()
    return {"seen": seen}
