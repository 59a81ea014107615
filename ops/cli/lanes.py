"""`leyden lanes`: stop and go for a whole lane; what runs goes on."""

from typing import Annotated

import typer

from ops.cli.output import Json, console, print_json
from schemas.jobs import Lane

app = typer.Typer(help="Pause and resume lanes.", no_args_is_help=True)

Lanes = Annotated[list[Lane], typer.Argument(help="One or more lanes.")]


@app.command()
def pause(lanes: Lanes, as_json: Json = False) -> None:
    """Workers stop taking jobs of these lanes within a second."""
    _set(lanes, paused=True, as_json=as_json)


@app.command()
def resume(lanes: Lanes, as_json: Json = False) -> None:
    """Workers take jobs of these lanes again."""
    _set(lanes, paused=False, as_json=as_json)


def _set(lanes: list[Lane], *, paused: bool, as_json: bool) -> None:
    from ops.cli.session import run_async, session

    with session(process="leyden lanes") as here:
        now_paused = run_async(_change(here.redis_url, lanes, paused=paused))
    if as_json:
        print_json({"paused": now_paused})
    else:
        console.print(f"paused: {', '.join(now_paused) or 'none'}")


async def _change(redis_url: str, lanes: list[Lane], *, paused: bool) -> list[str]:
    """Raises Unavailable: without Redis no worker reads anything anyway."""
    from schemas.errors import Unavailable
    from storage.queue import REDIS_TROUBLE, Queue

    queue = await Queue.open(redis_url)
    try:
        for lane in lanes:
            await (queue.pause(lane) if paused else queue.resume(lane))
        return sorted(lane.value for lane in await queue.paused())
    except REDIS_TROUBLE as error:
        raise Unavailable(store="redis", reason=type(error).__name__) from error
    finally:
        await queue.aclose()
