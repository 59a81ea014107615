"""How far a job is, told while it runs. A hint: losing it loses nothing."""

from typing import Final
from uuid import UUID

from ops.base import clock
from ops.base.nursery import Nursery
from storage.progress import tell_progress
from storage.queue import Queue
from workers.watching import UNWATCHED, Watch

PROGRESS_EVERY_S: Final = 0.25


class Progress:
    """Tells how far a job is, a few times a second at most; dropped when Redis is away or slow."""

    def __init__(
        self,
        queue: Queue,
        nursery: Nursery,
        watch: Watch = UNWATCHED,
        *,
        user_id: int,
        job_id: UUID,
    ) -> None:
        """`watch` hears everything, and chooses for itself."""
        self._queue = queue
        self._watch = watch
        self._nursery = nursery
        self._user_id = user_id
        self._job_id = job_id
        self._next_s = 0.0
        self._busy = False

    def __call__(self, share: float) -> None:
        self._watch.report(share)
        if self._busy or clock.monotonic_s() < self._next_s:
            return
        self._busy = True
        self._nursery.start(self._tell(share), name="progress")

    async def _tell(self, share: float) -> None:
        try:
            await tell_progress(self._queue, self._user_id, self._job_id, share)
        finally:
            self._busy = False
            self._next_s = clock.monotonic_s() + PROGRESS_EVERY_S
