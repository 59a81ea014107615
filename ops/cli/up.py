"""`leyden up`: everything on this machine, in the foreground, until Ctrl-C."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.base.logs import get_logger
from ops.cli.output import console, plain
from schemas.errors import Unavailable

if TYPE_CHECKING:
    from ops.cli.playground import Playground
    from ops.cli.session import Session
    from ops.cli.supervisor import Program
    from ops.stack import StackHandle

log = get_logger(__name__)

LOOK_S: Final = 1.0
AGAIN_S: Final = 10.0
"""After a store that did not start: a full disk does not empty itself within a second."""


def up(
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    sandbox_port: Annotated[
        int,
        typer.Option(
            min=0, max=65_535, help="Port of the play Telegram, when no bot is set; 0: any."
        ),
    ] = 8090,
) -> None:
    """Start the stores, the API, the bots and workers under one supervisor; SIGTERM drains.

    Without LEYDEN_TELEGRAM_BOTS the sandbox plays Telegram, and its chat page talks to the bots.
    """
    from ops.cli.playground import Playground
    from ops.cli.session import run_async, session

    with session(process="leyden up", quiet=False) as here:
        playground = None
        if here.settings.telegram_bots is None:
            playground = Playground.choose(sandbox_port)
        _tell(here, playground)
        run_async(_keep(here, playground, workers))


async def _keep(here: "Session", playground: "Playground | None", workers: int) -> None:
    from ops.base.nursery import Nursery
    from ops.cli.supervisor import Supervisor

    async with Nursery("up") as nursery:
        if playground is not None:
            nursery.start(_open(playground), name="playground")
        nursery.start(_mind(here.stack), name="stores")
        await Supervisor(programs_of(workers, playground), grace_s=here.settings.grace_s).run()


async def _mind(stack: "StackHandle") -> None:
    """A store of ours that dies is started again; children and other commands wait for it.

    The loop stands still meanwhile: a server is born in the main thread, or ends with another.
    """
    while True:
        pause_s = LOOK_S
        try:
            for name in stack.revive():
                log.warning("store.restarted", store=name)
        except Unavailable as error:
            log.error("store.down", **error.facts)  # noqa: TRY400 (its facts say all)
            pause_s = AGAIN_S
        await asyncio.sleep(pause_s)


async def _open(playground: "Playground") -> None:
    if await playground.open():
        console.print(f"\n[bold]Chat with the bots:[/] {playground.chat_url}\n", soft_wrap=True)


def programs_of(workers: int, playground: "Playground | None" = None) -> "list[Program]":
    """What is kept running; with a playground, all of it takes that for Telegram."""
    from ops.cli.supervisor import Program

    env = playground.environment() if playground else None
    names = ["worker"] if workers == 1 else [f"worker-{n}" for n in range(1, workers + 1)]
    return [
        *([Program("sandbox", playground.words)] if playground else []),
        Program("api", ("api",), env),
        Program("bot", ("bot",), env),
        *(Program(name, ("worker",), env) for name in names),
    ]


def _tell(here: "Session", playground: "Playground | None") -> None:
    settings = here.settings
    stores = "embedded" if here.embedded else "of your own"
    console.print(f"[bold]Leyden[/] stores: {stores}, data: {plain(settings.data_dir)}")
    console.print(f"API: http://{settings.host}:{settings.port}/docs")
    if playground is not None:
        said = "a sandbox plays it; set LEYDEN_TELEGRAM_BOTS for your own bots"
        console.print(f"Telegram: {playground.chat_url} ({said})", soft_wrap=True)
    console.print(f"key: {plain(settings.data_dir / 'dev.key')} (Authorization: Bearer ...)\n")
