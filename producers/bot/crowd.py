"""How full it is: what is queued and who works, looked up for all cards of a process together.

A look at the queue takes the longer, the fuller it is, so it is good for ten times as long as it took.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from ops.base import clock
from schemas.jobs import Lane
from schemas.plans import kind_limits
from storage.places import Lines, Place, lines, place_behind
from storage.pool import Database
from storage.queue import REDIS_TROUBLE, Queue

GOOD_TIMES: Final = 10
SLOTS_GOOD_S: Final = 2.0
LOOK_MAX_S: Final = 0.5

Slots = Mapping[Lane, int]
"""How many jobs of a lane can run at a time."""


class Crowd:
    """One for a process."""

    def __init__(self, db: Database, queue: Queue) -> None:
        self._db = db
        self._queue = queue
        self._typical_s = {kind: limits.typical_s for kind, limits in kind_limits().items()}
        self._looking = asyncio.Lock()
        self._lines: Lines | None = None
        self._lines_until_s = 0.0
        self._asking = asyncio.Lock()
        self._slots: Slots | None = None
        self._slots_until_s = 0.0

    async def place_of_new(self, job_id: UUID) -> Place | None:
        """Where a job stands that has just been accepted. Raises Unavailable."""
        async with self._looking:
            began_s = clock.monotonic_s()
            if self._lines is None or began_s >= self._lines_until_s:
                self._lines = await lines(self._db, typical_s=self._typical_s)
                ended_s = clock.monotonic_s()
                self._lines_until_s = ended_s + GOOD_TIMES * (ended_s - began_s)
            queued = self._lines
        return await place_behind(self._db, job_id, queued, typical_s=self._typical_s)

    async def slots(self) -> Slots | None:
        """None while Redis cannot say."""
        async with self._asking:
            if clock.monotonic_s() >= self._slots_until_s:
                self._slots = await self._ask()
                self._slots_until_s = clock.monotonic_s() + SLOTS_GOOD_S
            return self._slots

    async def _ask(self) -> Slots | None:
        try:
            async with asyncio.timeout(LOOK_MAX_S):
                workers = await self._queue.workers()
        except REDIS_TROUBLE as error:
            self._queue.count_error(error, "workers")
            return None
        return {lane: sum(one.slots for one in workers if lane.value in one.lanes) for lane in Lane}
