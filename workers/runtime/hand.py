"""What this process has in hand: one record per job, from the wake-up to the last write."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from ops.base import metrics
from schemas.jobs import Lane, stream_lane
from storage.streams import Entry


@dataclass(slots=True, eq=False)
class Held:
    """One job in hand. `attempt` is None until Postgres gave us the lease.

    `cancel` is set when its user asked to stop. `settling`: the work is done and only its end is
    being written, so nothing may interrupt it any more. `bought`: something may have been bought
    whose result is not there yet, so giving the job back must not close its intent.
    """

    entry: Entry
    token: UUID = field(default_factory=uuid4)
    attempt: int | None = None
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[Any] | None = None
    settling: bool = False
    bought: bool = False
    lost: bool = False
    given_back: bool = False
    again: Entry | None = None
    """A wake-up that came meanwhile: it is followed when the job is out of our hands."""

    @property
    def job_id(self) -> UUID:
        return self.entry.job_id

    @property
    def lane(self) -> Lane:
        return stream_lane(self.entry.stream)

    def drop(self) -> None:
        """No longer ours: end the work and write nothing."""
        self.lost = True
        self.interrupt()

    def interrupt(self) -> None:
        if self.task is not None and not self.settling:
            self.task.cancel()


class Hand:
    """At most one record per job; `room` is set whenever a slot may have become free."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.room = asyncio.Event()
        self._held: dict[UUID, Held] = {}
        self._by_lane: Counter[Lane] = Counter()
        for lane in Lane:  # counted when somebody asks: a job would pay for it twice
            metrics.jobs_in_hand.labels(lane=lane.value).set_function(partial(self.in_lane, lane))

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    @property
    def free(self) -> int:
        return self.slots - len(self._held)

    def in_lane(self, lane: Lane) -> int:
        return self._by_lane[lane]

    def get(self, job_id: UUID) -> Held | None:
        return self._held.get(job_id)

    def take(self, entry: Entry) -> Held:
        """KeyError when the job is in hand already: one process never runs a job twice at a time."""
        if entry.job_id in self._held:
            raise KeyError(entry.job_id)
        held = self._held[entry.job_id] = Held(entry)
        self._by_lane[held.lane] += 1
        return held

    def release(self, held: Held) -> None:
        del self._held[held.job_id]
        self._by_lane[held.lane] -= 1
        self.room.set()

    def started(self) -> list[tuple[UUID, int]]:
        """(job id, attempt) of every lease we hold: what is to be renewed."""
        return [(held.job_id, held.attempt) for held in self if held.attempt is not None]
