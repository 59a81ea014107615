"""Jobs to watch: a live bar each and a queue line, until all have ended."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from ops.cli.output import amount, console, state
from schemas.jobs import State

if TYPE_CHECKING:
    from producers.desk import Desk
    from storage.overview import LaneView
    from storage.results import JobView

POLL_S: Final = 0.1
SHARE_OF_STATE: Final = {State.WAITING: 0.0, State.QUEUED: 0.02, State.RUNNING: 0.1}


class Watch:
    """`names` are what the bars are called, in the order of the jobs."""

    def __init__(self, desk: "Desk", user_id: int, names: Mapping[UUID, str]) -> None:
        self._desk = desk
        self._user_id = user_id
        self._names = dict(names)
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[price]}[/]"),
            console=console,
        )
        self._bars: dict[UUID, TaskID] = {}

    async def until_ended(self, *, timeout_s: float) -> list["JobView"]:
        """The jobs as they ended, in order. Raises TimeoutError; the jobs go on without us."""
        for job_id, name in self._names.items():
            self._bars[job_id] = self._progress.add_task(
                name, total=1.0, state="", price="", start=False
            )
        async with asyncio.timeout(timeout_s):
            with Live(console=console, refresh_per_second=12, transient=False) as live:
                while True:
                    views = await self._look()
                    live.update(Group(self._progress, Text.from_markup(await self._queue_line())))
                    if all(view.state.ended for view in views):
                        return views
                    await asyncio.sleep(POLL_S)

    async def _look(self) -> list["JobView"]:
        from storage.progress import read_progress

        views = [await self._desk.results.get(self._user_id, job_id) for job_id in self._names]
        running = [view.id for view in views if view.state is State.RUNNING]
        shares = await read_progress(self._desk.queue, running)
        for view in views:
            self._draw(view, shares.get(view.id))
        return views

    def _draw(self, view: "JobView", share: float | None) -> None:
        bar = self._bars[view.id]
        started = view.state not in {State.WAITING, State.QUEUED}
        if started and not self._progress.tasks[bar].started:
            self._progress.start_task(bar)
        ended = view.state.ended
        done = 1.0 if ended else max(share or 0.0, SHARE_OF_STATE.get(view.state, 0.1))
        if not started:
            price = f"{amount(view.price_units)} quoted"
        elif ended:
            price = f"{amount(view.captured_units)} charged"
        else:
            price = f"{amount(view.price_units)} held"
        self._progress.update(
            bar, completed=done, state=f"{state(view.state.value):<9}", price=price
        )

    async def _queue_line(self) -> str:
        from storage.overview import Overview

        lanes = await Overview(self._desk.db).lanes()
        busy = [line for lane in lanes if (line := _lane(lane))]
        return f"\n[dim]queue:[/] {' · '.join(busy) or 'empty'}"


def _lane(view: "LaneView") -> str:
    counts = (
        (view.running + view.remote, "running"),
        (view.backlog + view.delayed, "queued"),
        (view.waiting, "waiting"),
    )
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"[bold]{view.lane.value}[/] {said}" if said else ""


async def watch(
    desk: "Desk", user_id: int, names: Mapping[UUID, str], *, timeout_s: float, live: bool
) -> Sequence["JobView"]:
    """With bars, or (for `--json`) without a word."""
    if live:
        return await Watch(desk, user_id, names).until_ended(timeout_s=timeout_s)
    async with asyncio.timeout(timeout_s):
        while True:
            views = [await desk.results.get(user_id, job_id) for job_id in names]
            if all(view.state.ended for view in views):
                return views
            await asyncio.sleep(POLL_S)
