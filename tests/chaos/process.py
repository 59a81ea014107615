"""A worker process like any other, but for its tasks, and for a line at which it may kill itself.

    python -m tests.chaos.process '{"settings": ..., "lanes": ..., "die_at": "started", ...}'

`--suspect` is its child for suspects, told by its standard input like the product's own.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from ops.base import logs
from ops.base.settings import Settings, load_settings
from schemas.catalogue import catalogue
from schemas.jobs import Lane
from tests.chaos.deaths import arm
from tests.chaos.scripted import Script
from tests.ring import MASTER_KEY
from workers import suspect
from workers.app import WorkerApp
from workers.process import run_worker
from workers.providers.registry import Providers


def opener(journal: Path) -> suspect.Open:
    async def open_app(settings: Settings, master_key: bytes) -> WorkerApp:
        return await WorkerApp.open(
            settings,
            master_key=master_key,
            tasks=Script(journal).tasks(),
            providers=Providers(catalogue(), {}),
        )

    return open_app


def main(told: dict[str, Any]) -> int:
    settings = load_settings(**told["settings"])
    logs.configure("info", "json", process="test worker")
    arm(told["die_at"])
    return asyncio.run(
        run_worker(
            settings,
            master_key=MASTER_KEY,
            lanes=tuple(Lane(name) for name in told["lanes"]),
            slots=told["slots"],
            suspect_command=(sys.executable, "-m", __spec__.name, "--suspect", told["journal"]),
            open_app=opener(Path(told["journal"])),
        )
    )


if __name__ == "__main__":
    if sys.argv[1] == "--suspect":
        suspect.main(opener(Path(sys.argv[2])))
    else:
        sys.exit(main(json.loads(sys.argv[1])))
