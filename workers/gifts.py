"""Giving what came too late: the house had ended the job, so its result costs nothing."""

from dataclasses import dataclass

from ops.base import metrics
from ops.base.logs import get_logger
from storage.gifts import Gift, Gifts, Given
from storage.progress import tell_gift
from storage.queue import Queue

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Giver:
    """One for a process."""

    gifts: Gifts
    queue: Queue

    async def give(self, gift: Gift) -> Given:
        """Commit it, then say so. Dies in between: its delivery is a row and comes all the same."""
        given = await self.gifts.give(gift)
        log.info("result.given", job_id=str(gift.job_id), outcome=given.code)
        if given.code == "ok":
            metrics.late_results.inc()
            await tell_gift(self.queue, given.user_id, gift.job_id)
        return given
