"""`leyden status`: lanes, the oldest job, workers alive, the last sweep."""

from typing import TYPE_CHECKING, Any

from ops.cli.output import Json, console, plain, print_json, span, table

if TYPE_CHECKING:
    from producers.desk import Desk


def status(as_json: Json = False) -> None:
    """Lanes with their backlog, workers alive, the last sweep."""
    from ops.cli.session import run_async, session

    with session(process="leyden status") as here:

        async def ask() -> dict[str, Any]:
            async with here.desk() as desk:
                return await gather(desk)

        body = run_async(ask())
    if as_json:
        print_json(body)
    else:
        _show(body)


async def gather(desk: "Desk") -> dict[str, Any]:
    """Postgres must answer; what Redis knows is null while it is down."""
    from dataclasses import asdict

    from ops.base.clock import unix_s
    from storage.overview import Overview
    from storage.queue import REDIS_TROUBLE

    lanes = [asdict(view) for view in await Overview(desk.db).lanes()]
    try:
        paused = {lane.value for lane in await desk.queue.paused()}
        workers: list[dict[str, Any]] | None = [asdict(w) for w in await desk.queue.workers()]
        sweep = await desk.queue.last_sweep()
        redis = "ok"
    except REDIS_TROUBLE as error:
        paused, workers, sweep, redis = set(), None, None, type(error).__name__
    for lane in lanes:
        lane["lane"] = lane["lane"].value
        lane["paused"] = lane["lane"] in paused
    if sweep:
        sweep = {**sweep, "age_s": round(unix_s() - sweep["at"], 1)}
    return {"lanes": lanes, "workers": workers, "sweep": sweep, "redis": redis}


def _show(body: dict[str, Any]) -> None:
    console.print(
        table(
            "Lanes",
            ("lane", ">backlog", ">oldest", ">running", ">remote", ">delayed", ">waiting", ""),
            [
                (
                    lane["lane"],
                    str(lane["backlog"]),
                    span(lane["oldest_s"]) if lane["oldest_s"] is not None else "-",
                    str(lane["running"]),
                    str(lane["remote"]),
                    str(lane["delayed"]),
                    str(lane["waiting"]),
                    "[yellow]paused[/]" if lane["paused"] else "",
                )
                for lane in body["lanes"]
            ],
        )
    )
    console.print()
    if body["workers"] is None:
        console.print(f"[red]Redis does not answer[/] ({body['redis']}); jobs are accepted anyway")
        return
    _show_workers(body["workers"])
    sweep = body["sweep"]
    console.print(
        f"\nLast sweep: {span(sweep['age_s'])} ago" if sweep else "\nLast sweep: none yet"
    )


def _show_workers(workers: list[dict[str, Any]]) -> None:
    if not workers:
        console.print("Workers: [yellow]none alive[/] (start one with `leyden worker`)")
        return
    console.print(
        table(
            "Workers",
            ("worker", "lanes", ">in hand", ">slots", "host", ">pid"),
            [
                (
                    plain(card["id"]),
                    ",".join(card["lanes"]),
                    str(card["in_hand"]),
                    str(card["slots"]),
                    plain(card["host"]),
                    str(card["pid"]),
                )
                for card in workers
            ],
        )
    )
