"""`leyden worker`: one process that runs jobs of some lanes until it is told to stop."""

import asyncio
import sys
from typing import Annotated, Final

import typer

from schemas.errors import ConfigError
from schemas.jobs import Lane

RUNNABLE: Final = (Lane.TEXT, Lane.IMAGE, Lane.VIDEO, Lane.POST)
SUSPECT_COMMAND: Final = (sys.executable, "-m", "workers.suspect")


def worker(
    lanes: Annotated[str, typer.Option(help="Lanes to work in, separated by commas.")] = ",".join(
        RUNNABLE
    ),
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Jobs in hand at a time.")
    ] = None,
) -> None:
    """Run jobs of these lanes. SIGTERM finishes what it can and hands the rest back."""
    from ops.base import logs
    from ops.base.master_key import resolve_master_key
    from ops.base.settings import load_settings
    from ops.stack import open_stack
    from workers.process import run_worker

    wanted = parse_lanes(lanes)
    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format, process="leyden worker")
    with open_stack(
        settings.data_dir, database_url=settings.database_url, redis_url=settings.redis_url
    ) as stack:
        master_key = resolve_master_key(settings, embedded=settings.database_url is None)
        stores = {"database_url": stack.database_url, "redis_url": stack.redis_url}
        code = asyncio.run(
            run_worker(
                settings.model_copy(update=stores),
                master_key=master_key,
                lanes=wanted,
                slots=concurrency or settings.concurrency,
                suspect_command=SUSPECT_COMMAND,
            )
        )
    raise typer.Exit(code)


def parse_lanes(text: str) -> tuple[Lane, ...]:
    """`text,image` -> lanes, each once. Raises ConfigError naming the option."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    known = {lane.value: lane for lane in RUNNABLE}
    if not names or (unknown := [name for name in names if name not in known]):
        shown = ", ".join(unknown) if names else "nothing"
        problem = f"there is no lane {shown}; there are {', '.join(known)}"
        raise ConfigError(setting="--lanes", problem=problem)
    return tuple(known[name] for name in names)
