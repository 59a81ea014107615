"""A producer process that accepts one job and may kill itself at a named line.

python -m tests.chaos.producer '{"settings": ..., "user": 1, "key": "k", "die_at": "wake.before"}'
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.chaos.deaths import arm
from tests.ring import Ring


async def main(told: dict[str, Any]) -> None:
    settings = told["settings"]
    ring = await Ring.open(
        settings["database_url"], settings["redis_url"], Path(settings["data_dir"])
    )
    arm(told["die_at"])
    await ring.submit(told["user"], "hello", key=told["key"])
    await ring.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
