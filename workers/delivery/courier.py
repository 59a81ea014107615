"""Takes what is due and has it delivered: one loop beside the jobs of a worker of lane `post`.

It is woken by entries of the stream, which are only a hint; what it asks Postgres twice a second makes it
sure. A wait of more than a moment gives the place in hand to the next delivery.
"""

import asyncio
from typing import Final

from ops.base import clock
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.errors import Unavailable
from schemas.jobs import Lane
from storage.deliveries import Deliveries, Due
from storage.posts import Posts
from storage.queue import REDIS_TROUBLE, Queue
from workers.delivery.sender import Sender
from workers.runtime.rounds import BackOff, Stop, repeat

log = get_logger(__name__)

POLL_S: Final = 0.5
SETTLE_EVERY_S: Final = 5.0
PAUSED_EVERY_S: Final = 1.0
IN_HAND_MAX: Final = 32


class Courier:
    """`run` until it is stopped; `ring` says that something may be due."""

    def __init__(
        self,
        sender: Sender,
        *,
        deliveries: Deliveries,
        posts: Posts,
        queue: Queue,
        lease_s: float,
        grace_s: float,
    ) -> None:
        self._sender = sender
        self._deliveries = deliveries
        self._posts = posts
        self._queue = queue
        self._lease_s = lease_s
        self._grace_s = grace_s
        self._bell = asyncio.Event()
        self._in_hand: dict[tuple[int, int], Due] = {}
        """By number and fence: one whose lease has ended may come again while it is still in hand."""
        self._paused = False
        self._paused_until_s = 0.0

    def ring(self) -> None:
        self._bell.set()

    async def run(self, stop: Stop) -> None:
        """What is in hand at the end may be finished; killed meanwhile, its lease ends."""
        renewing = Stop()
        async with Nursery("deliveries") as nursery:
            for name, work, every_s in (
                ("renew", self._renew, self._lease_s / 3),
                ("settle", self._settle, SETTLE_EVERY_S),
            ):
                rounds = repeat(work, every_s=every_s, stop=renewing, name=f"deliveries.{name}")
                nursery.start(rounds, name=name)
            async with Nursery("delivering", close_timeout_s=self._grace_s) as hands:
                await self._loop(hands, stop)
                await hands.drain(self._grace_s)
            renewing.set()

    async def _loop(self, hands: Nursery, stop: Stop) -> None:
        back_off = BackOff()
        while not stop.is_set:
            self._bell.clear()
            try:
                await self._take(hands)
            except Unavailable as error:
                log.warning("deliveries.untaken", error=str(error))
                await stop.wait(back_off.next_s())
            except Exception:  # a process that lives and delivers nothing would be seen by nobody
                log.exception("deliveries.untaken")
                await stop.wait(back_off.next_s())
            else:
                back_off.reset()
                await self._wait(stop)

    async def _take(self, hands: Nursery) -> None:
        free = IN_HAND_MAX - len(self._in_hand)
        if free <= 0 or await self._is_paused():
            return
        names = self._sender.wire.names
        for due in await self._deliveries.take(names, limit=free, lease_s=self._lease_s):
            self._in_hand[due.id, due.fence] = due
            hands.start(self._deliver(due), name="deliver")

    async def _deliver(self, due: Due) -> None:
        full = len(self._in_hand) >= IN_HAND_MAX
        try:
            await self._sender.deliver(due)
        finally:
            del self._in_hand[due.id, due.fence]
            if full:  # others may be due already
                self.ring()

    async def _wait(self, stop: Stop) -> None:
        """For the bell, or a moment; not longer when it is the end."""
        async with Nursery("bell") as nursery:
            waits = [
                nursery.start_task(self._bell.wait(), name="bell"),
                nursery.start_task(stop.wait(), name="stop"),
            ]
            await asyncio.wait(waits, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)

    async def _renew(self) -> None:
        await self._deliveries.renew(list(self._in_hand.values()), lease_s=self._lease_s)

    async def _settle(self) -> None:
        """Posts that nobody is going to ask about."""
        if stranded := await self._posts.settle_all():
            log.warning("posts.stranded", n_posts=stranded)

    async def _is_paused(self) -> bool:
        """An operator has stopped the lane. Redis away: nobody can have."""
        if clock.monotonic_s() >= self._paused_until_s:
            self._paused_until_s = clock.monotonic_s() + PAUSED_EVERY_S
            try:
                self._paused = Lane.POST in await self._queue.paused()
            except REDIS_TROUBLE as error:
                self._queue.count_error(error, "paused")
                self._paused = False
        return self._paused
