"""`leyden up`: everything on this machine, in the foreground, until Ctrl-C."""

from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.output import console, plain

if TYPE_CHECKING:
    from ops.cli.session import Session
    from ops.cli.supervisor import Program


def up(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
) -> None:
    """Start the stores, the API and workers under one supervisor; SIGTERM drains."""
    from ops.cli.session import run_async, session
    from ops.cli.supervisor import Supervisor

    with session(process="leyden up", quiet=False) as here:
        _tell(here)

        async def keep() -> None:
            programs = programs_of(workers)
            await Supervisor(programs, grace_s=here.settings.grace_s).run()

        run_async(keep())


def programs_of(workers: int) -> "list[Program]":
    from ops.cli.supervisor import Program

    names = ["worker"] if workers == 1 else [f"worker-{n}" for n in range(1, workers + 1)]
    return [Program("api", ("api",)), *(Program(name, ("worker",)) for name in names)]


def _tell(here: "Session") -> None:
    settings = here.settings
    stores = "embedded" if here.embedded else "of your own"
    console.print(f"[bold]Leyden[/] stores: {stores}, data: {plain(settings.data_dir)}")
    console.print(f"API: http://{settings.host}:{settings.port}/docs")
    console.print(f"key: {plain(settings.data_dir / 'dev.key')} (Authorization: Bearer ...)\n")
