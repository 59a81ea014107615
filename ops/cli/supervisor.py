"""Keeps a few child processes alive: prefixed output, restart with back-off, one orderly end."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ops.base.clock import monotonic_s
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from ops.cli import children
from ops.cli.output import console, plain

log = get_logger(__name__)

BACK_OFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_S: Final = 30.0
"""A child that lived so long is well again: its next death waits the shortest pause."""
LINE_MAX_BYTES: Final = 1024 * 1024
COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue")


@dataclass(frozen=True, slots=True)
class Program:
    """`words` follow `leyden`. `env` is the child's whole environment, None: ours."""

    name: str
    words: Sequence[str]
    env: Mapping[str, str] | None = field(default=None, repr=False)


class Supervisor:
    def __init__(self, programs: Sequence[Program], *, grace_s: float) -> None:
        self._programs = tuple(programs)
        self._grace_s = grace_s
        self._stopping = asyncio.Event()
        self._width = max(len(program.name) for program in programs)

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; then every child drains, all at the same time."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        async with Nursery("supervisor", on_failure=self._failed) as nursery:
            for place, program in enumerate(self._programs):
                colour = COLOURS[place % len(COLOURS)]
                nursery.start(self._keep(program, colour), name=program.name)
            await self._stopping.wait()
            log.info("supervisor.stopping", children=len(self._programs))
            await nursery.drain(self._grace_s + 2 * children.STOP_MARGIN_S)

    def _failed(self, _name: str, _error: BaseException) -> None:
        self._stopping.set()

    async def _keep(self, program: Program, colour: str) -> None:
        deaths = 0
        while not self._stopping.is_set():
            began_s = monotonic_s()
            code = await self._live(program, colour)
            if self._stopping.is_set():
                return
            deaths = 0 if monotonic_s() - began_s > STEADY_S else deaths
            pause_s = BACK_OFF_S[min(deaths, len(BACK_OFF_S) - 1)]
            deaths += 1
            log.warning("child.died", child=program.name, code=code, again_in_s=pause_s)
            await self._pause(pause_s)

    async def _live(self, program: Program, colour: str) -> int:
        """One life of a child, from its start to its exit code."""
        process = await children.start(program.words, output=PIPE, env=program.env)
        log.info("child.started", child=program.name, pid=process.pid)
        async with Nursery("supervisor-output") as output:
            output.start(self._echo(process, program.name, colour), name="echo")
            stop = output.start_task(self._stopping.wait(), name="stop")
            end = output.start_task(process.wait(), name="end")
            await asyncio.wait({stop, end}, return_when=asyncio.FIRST_COMPLETED)
            code = await children.stop(process, grace_s=self._grace_s)
            stop.cancel()
            await output.drain(children.STOP_MARGIN_S)
        return code

    async def _echo(self, process: Process, name: str, colour: str) -> None:
        """Lines as they come. One longer than the pipe's buffer is cut, never a reason to stop."""
        pipe = process.stdout
        assert pipe is not None  # noqa: S101 (PIPE was asked for)
        while True:
            try:
                line = await pipe.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                line = await pipe.readexactly(error.consumed)
            except asyncio.IncompleteReadError as error:
                line = error.partial
            if not line:
                return
            _say(name.ljust(self._width), colour, line)

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            return


def _say(name: str, colour: str, line: bytes) -> None:
    text = line.decode(errors="replace").rstrip("\n")
    if console.is_terminal:
        console.print(f"[{colour}]{name}[/] │ {plain(text)}", soft_wrap=True, highlight=False)
    else:
        sys.stdout.write(f"{name} | {text}\n")
        sys.stdout.flush()
