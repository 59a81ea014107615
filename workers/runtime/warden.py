"""Watches over a child process that runs suspected poison, one job at a time.

What a job does to the child, it does to nobody else: the parent lives on, sees the death, and tells
Postgres which job it was. The third such death ends the job. A child is started only when there is
a suspect, and goes by itself when there has been none for a while.
"""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ops.base import metrics
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.errors import Unavailable
from storage.jobs import Jobs, Wake
from storage.queue import REDIS_TROUBLE, Queue
from workers.runtime.rounds import BackOff, Stop

log = get_logger(__name__)

DEATHS_MAX: Final = 3
LOOK_S: Final = 0.5
END_S: Final = 5.0
"""Beyond the grace of the child itself, before it is killed."""


@dataclass(frozen=True, slots=True)
class ChildTerms:
    """`config` is one line for its standard input: it holds secrets, so it is no argument."""

    command: tuple[str, ...]
    config: str
    grace_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """One line of the child: what it is about to run, or None when it is idle again."""

    job_id: UUID
    attempt: int
    kind: str

    @classmethod
    def parse(cls, line: bytes) -> "Report | None":
        said = json.loads(line)
        return cls(UUID(said["job"]), said["attempt"], said["kind"]) if said else None

    def line(self) -> bytes:
        said = {"job": str(self.job_id), "attempt": self.attempt, "kind": self.kind}
        return json.dumps(said).encode() + b"\n"


IDLE_LINE: Final = b"null\n"


class Warden:
    def __init__(
        self, jobs: Jobs, queue: Queue, *, streams: Sequence[int], terms: ChildTerms
    ) -> None:
        self._jobs = jobs
        self._queue = queue
        self._streams = tuple(streams)
        self._terms = terms

    async def run(self, stop: Stop) -> None:
        """Until `stop`; then the child finishes what it can, and is ended."""
        back_off = BackOff(first_s=LOOK_S)
        while not stop.is_set:
            try:
                if await self._queue.waiting(self._streams):
                    await self._keep_child(stop)
            except REDIS_TROUBLE as error:
                self._queue.count_error(error, "suspects")
                await stop.wait(back_off.next_s())
            except Exception:  # suspects without a warden would wait for ever
                log.exception("suspect_child.lost")
                await stop.wait(back_off.next_s())
            else:
                back_off.reset()
                await stop.wait(LOOK_S)

    async def _keep_child(self, stop: Stop) -> None:
        """One life of a child, from its start to what is done about its end."""
        process = await asyncio.create_subprocess_exec(
            *self._terms.command, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        log.info("suspect_child.started", pid=process.pid)
        try:
            async with Nursery("warden") as nursery:
                nursery.start(self._end_with(stop, process), name="end")
                in_hand = await self._listen(process)
                code = await process.wait()
        finally:
            # Cancelled in the middle: nobody would be left to see how it ends.
            if process.returncode is None:
                process.kill()
                await process.wait()
        log.info("suspect_child.ended", pid=process.pid, code=code)
        if in_hand is not None and code != 0:
            await self._bury(in_hand)

    async def _listen(self, process: Process) -> Report | None:
        """What it had in hand when it fell silent."""
        assert process.stdin is not None  # noqa: S101 (PIPE was asked for)
        assert process.stdout is not None  # noqa: S101
        in_hand = None
        try:
            # Its standard input stays open for its life: reading its end, the child knows we died.
            process.stdin.write(self._terms.config.encode() + b"\n")
            await process.stdin.drain()
            async for line in process.stdout:
                in_hand = Report.parse(line)
        except (BrokenPipeError, ConnectionResetError, ValueError) as error:
            log.warning("suspect_child.unheard", error=type(error).__name__)
        return in_hand

    async def _end_with(self, stop: Stop, process: Process) -> None:
        await stop.wait()
        if process.returncode is None:
            process.terminate()
            await asyncio.sleep(self._terms.grace_s + END_S)
        if process.returncode is None:
            process.kill()

    async def _bury(self, death: Report) -> None:
        """Tell Postgres until it hears: a death that is not counted would be suffered again."""
        code, wakes = await self._count_death(death)
        log.warning("job.killed_its_process", job_id=str(death.job_id), outcome=code)
        if code == "dead":
            metrics.jobs_dead.labels(kind=death.kind).inc()
        await self._queue.wake(wakes, reason="suspect")

    async def _count_death(self, death: Report) -> tuple[str, tuple[Wake, ...]]:
        back_off = BackOff()
        while True:
            try:
                return await self._jobs.bury(death.job_id, death.attempt, deaths_max=DEATHS_MAX)
            except Unavailable:
                await asyncio.sleep(back_off.next_s())
