"""Takes wake-ups from the streams: only for free slots, best priority first, lanes in turn."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ops.base import metrics
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.jobs import Lane, Priority, stream_lane, stream_number
from storage.consumer import BLOCK_S, Consumer
from storage.queue import REDIS_TROUBLE
from storage.streams import Delivered, Entry
from workers.runtime.hand import Hand
from workers.runtime.rounds import BackOff, Stop

log = get_logger(__name__)

READ_MAX: Final = 100
SETTLE_TURNS: Final = 2
"""Jobs end in bursts: after a wait for a slot, turns of the loop in which the others of the burst leave
theirs, so that one read fills them all.
"""
CALL_OFF_S: Final = 0.01
"""Until a wait that has room again is called off once more: it had not begun."""
REVERSE_EVERY: Final = 8
"""Each so many reads the order is reversed: a busy `high` stream never starves the others."""
SLOW_LANES: Final = frozenset({Lane.VIDEO})
SLOW_READ_MAX: Final = 2
"""A worker that reads a burst of slow jobs leaves its twin idle: one or two at a time."""
SLOW_SHARE: Final = 4
"""Beside other lanes a slow one gets at most this part of the slots, or it would end up with all."""


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """Which streams, in which order. `alone` reads the suspects of its lanes and nothing else."""

    lanes: tuple[Lane, ...]
    slots: int
    alone: bool = False

    @property
    def streams(self) -> tuple[int, ...]:
        return self.order(0)

    @property
    def suspects(self) -> tuple[int, ...]:
        return tuple(stream_number(lane, Priority.SUSPECT) for lane in self.lanes)

    def order(self, turn: int) -> tuple[int, ...]:
        """Priority by priority; within one, the lanes take turns to be first."""
        if self.alone:
            return self.suspects
        shift = turn % len(self.lanes)
        lanes = self.lanes[shift:] + self.lanes[:shift]
        levels = [Priority.HIGH, Priority.NORMAL, Priority.LOW]
        if turn % REVERSE_EVERY == REVERSE_EVERY - 1:
            levels.reverse()
        return tuple(stream_number(lane, level) for level in levels for lane in lanes)

    def budget(self, lane: Lane, *, in_hand: int) -> int:
        """How many jobs of a lane one read may take, of those it may still have."""
        if lane not in SLOW_LANES:
            return self.slots
        room = self.slots if len(self.lanes) == 1 else max(1, self.slots // SLOW_SHARE)
        return max(0, min(SLOW_READ_MAX, room - in_hand))


class Reader:
    """Hands each entry to `take`. Survives Redis being away for any time."""

    def __init__(
        self,
        consumer: Consumer,
        *,
        plan: ReadPlan,
        hand: Hand,
        take: Callable[[Entry], None],
        stop: Stop,
    ) -> None:
        self._consumer = consumer
        self._plan = plan
        self._hand = hand
        self._take = take
        self._stop = stop
        self._turn = 0
        self._back_off = BackOff(max_s=1.0)

    async def run(self) -> None:
        """Until `stop`; then wake it with `end`."""
        while not self._stop.is_set:
            if self._hand.free <= 0:
                self._hand.room.clear()
                await self._hand.room.wait()
                for _ in range(SETTLE_TURNS):
                    await asyncio.sleep(0)
                continue
            try:
                await self._dispatch(await self._read())
            except REDIS_TROUBLE as error:
                metrics.redis_errors.inc()
                log.warning("streams.unread", error=type(error).__name__)
                await self._stop.wait(self._back_off.next_s())
            except Exception:  # a worker that lives but does not read would be seen by nobody
                log.exception("streams.unread")
                await self._stop.wait(self._back_off.next_s())
            else:
                self._back_off.reset()

    async def end(self) -> None:
        """Let `run` return now: from its wait for a slot, or for an entry. To be repeated until it
        has: it may just have been on its way into a wait.
        """
        self._hand.room.set()
        try:
            await self._consumer.unblock()
        except REDIS_TROUBLE:  # the wait ends by itself, half a second later
            metrics.redis_errors.inc()

    async def _read(self) -> Delivered:
        self._turn += 1
        order = self._plan.order(self._turn)
        found = await self._consumer.read(
            order, budget=min(self._hand.free, READ_MAX), lane_budgets=self._budgets()
        )
        if found.entries or found.broken or self._stop.is_set:
            return found
        self._hand.room.clear()  # an end from here on is heard
        budgets = self._budgets()
        awaited = _open(order, found.paused, budgets)
        return await self._wait(awaited, full=min(budgets.values()) <= 0)

    async def _wait(self, awaited: Sequence[int], *, full: bool) -> Delivered:
        """For an entry, a moment at most. `full`: a slow lane has all it may have in hand, so the end of
        a job ends the wait, too: its entries would lie there for the rest of the moment.
        """
        if not awaited:
            with suppress(TimeoutError):
                async with asyncio.timeout(BLOCK_S):
                    await self._hand.room.wait()
            return Delivered()
        if not full:
            return await self._consumer.wait(awaited)
        over = Stop()
        async with Nursery("reader") as nursery:
            nursery.start(self._call_off(over), name="room")
            try:
                return await self._consumer.wait(awaited)
            finally:
                over.set()

    async def _call_off(self, over: Stop) -> None:
        """Until it is heard: the wait may still be on its way to Redis."""
        await self._hand.room.wait()
        with suppress(*REDIS_TROUBLE):  # the wait ends by itself
            while not await self._consumer.unblock():
                if await over.wait(CALL_OFF_S):
                    return

    def _budgets(self) -> dict[str, int]:
        return {
            lane.value: self._plan.budget(lane, in_hand=self._hand.in_lane(lane))
            for lane in self._plan.lanes
        }

    async def _dispatch(self, found: Delivered) -> None:
        if self._stop.is_set and found.entries:
            await self._consumer.put_back(found.entries)
            return
        for entry in found.entries:
            self._take(entry)
        if found.broken:
            log.error("entries.broken", count=len(found.broken))
            await self._consumer.set_aside(found.broken)


def _open(order: Sequence[int], paused: frozenset[str], budgets: dict[str, int]) -> tuple[int, ...]:
    lanes = {name for name, budget in budgets.items() if budget > 0} - paused
    return tuple(stream for stream in order if stream_lane(stream).value in lanes)
