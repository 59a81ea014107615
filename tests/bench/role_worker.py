"""A worker process of the product, whole: only its task is made to answer at once."""

from pathlib import Path
from typing import Any

from ops.base import logs
from ops.base.settings import Settings, load_settings
from schemas.jobs import Kind, Lane
from schemas.payloads import TextImprove
from schemas.results import TextImproved
from tests.bench.child import released
from tests.bench.stores import MASTER_KEY
from tests.bench.tally import Tally
from workers.app import WorkerApp
from workers.process import run_worker
from workers.tasks.context import TaskContext
from workers.tasks.registry import Task

LANES = (Lane.TEXT, Lane.IMAGE, Lane.VIDEO)
RESULT = TextImproved(provider="local", model="local-text", made_by="bench", text="Done well.")


async def run(told: dict[str, Any]) -> dict[str, Any]:
    """Settings are the product's own defaults, but for the stores and a metrics port."""
    settings = load_settings(
        database_url=told["dsn"],
        redis_url=told["redis_url"],
        data_dir=told["folder"],
        metrics_port=0,
    )
    logs.configure(settings.log_level, "json", process="bench-worker")
    tally, done = Tally(Path(told["tally"])), 0

    async def instant(_payload: TextImprove, _ctx: TaskContext) -> TextImproved:
        nonlocal done
        done += 1
        tally.set(told["slot"], done)
        return RESULT

    async def open_app(settings: Settings, master_key: bytes) -> WorkerApp:
        app = await WorkerApp.open(
            settings,
            master_key=master_key,
            tasks={Kind.TEXT_IMPROVE: Task(Kind.TEXT_IMPROVE, instant)},
        )
        await released()
        return app

    code = await run_worker(
        settings,
        master_key=MASTER_KEY,
        lanes=LANES,
        slots=told["slots"],
        suspect_command=("true",),  # no job here kills its process
        open_app=open_app,
    )
    return {"code": code, "done": done}
