"""A purchase that outlives its request: created once, looked at until it ends, fetched at once.

Every step but the first is about something that is bought already, so nothing that goes wrong there
ends the job before its deadline, except what the provider itself says about the task.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from schemas.errors import JobFault, Permanent, Retryable
from schemas.results import Usage
from workers.providers.download import LinkRefused
from workers.providers.journal import Parked
from workers.providers.port import Call, Sighting
from workers.providers.wire_deal import POLL_AGAIN_S, buy, follow
from workers.providers.wire_faults import is_policy
from workers.providers.wire_made import Bought

JITTER: Final = 0.2
"""Of a pause, so that tasks which began together are not polled together."""
LINKS_MAX: Final = 8
"""More files than any task of ours orders; what else a record names is not fetched."""

Order = Callable[[], Awaitable[str]]
Read = Callable[[str], Awaitable["Record | None"]]
Fetch = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Record:
    """A task as its provider describes it. `links` of a finished one may be empty: it is broken then.

    `age_s` is how long it has been there, where the record tells; `moving`: it is being worked on, not
    waiting. `code` and `told` say why it failed.
    """

    phase: Literal["running", "done", "failed"]
    links: tuple[str, ...] = ()
    progress: float | None = None
    cost_usd_micros: int | None = None
    age_s: float | None = None
    moving: bool = False
    code: int = 0
    told: str = ""
    callback_url: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to look: `first_s` after the order, then by age: `(younger than, pause)`, the last for all.

    A task that is worked on moves the deadline of its job with it until it is `patience_s` old.
    """

    first_s: float
    steps: tuple[tuple[float, float], ...]
    patience_s: float

    def parked(self, record: Record) -> Parked:
        """Until the next look."""
        age_s = record.age_s
        pause_s = self.steps[-1][1]
        if age_s is not None:
            pause_s = next((pause for below, pause in self.steps if age_s < below), pause_s)
        moves = record.moving and age_s is not None and age_s < self.patience_s
        return Parked(
            jittered(pause_s), progress=record.progress, extend_s=pause_s if moves else 0.0
        )


@dataclass(frozen=True, slots=True)
class Task:
    """How one task is ordered, read and fetched. `order` is called only when nothing is bought."""

    order: Order
    read: Read
    fetch: Fetch
    schedule: Schedule


async def pursue(task: Task, call: Call) -> Bought:
    """The files of the finished task. Raises Parked, and what `port` promises."""
    ref = call.journal.remote_ref
    if ref is None:
        ref = await buy(call, task.order)
        # Crash window 10: the id is known here and nowhere else until the next line has committed.
        await call.journal.bought(ref)
        raise Parked(jittered(task.schedule.first_s))
    record = await follow(lambda: task.read(ref))
    if record is None:
        raise _again("provider_unavailable", "no_such_task")
    if record.progress is not None:
        call.report(record.progress)
    match record.phase:
        case "running":
            raise Permanent("overdue") if call.last_look else task.schedule.parked(record)
        case "failed":
            await _withdraw(record, call)
            raise failure(record)
        case "done":
            return await _fetched(task, record, call)


async def _fetched(task: Task, record: Record, call: Call) -> Bought:
    """Crash window 12: whatever happens to a download, the task is done and can be fetched again."""
    if not record.links:
        raise _again("bad_result", "broken_record")
    try:
        files = [await follow(partial(task.fetch, link)) for link in record.links[:LINKS_MAX]]
    except LinkRefused as error:
        await call.journal.paid("bad_result", cost_usd_micros=record.cost_usd_micros)
        raise Permanent("bad_result", reason=error.reason) from error
    usage = Usage(units=len(files), cost_usd_micros=record.cost_usd_micros)
    return Bought(tuple(files), usage)


def _again(code: str, reason: str) -> Retryable:
    """The next record may be better, and no try is lost by looking."""
    return Retryable(code, reason=reason, retry_after_s=POLL_AGAIN_S, counted=False)


async def _withdraw(record: Record, call: Call) -> None:
    if record.cost_usd_micros:
        await call.journal.paid("failed", cost_usd_micros=record.cost_usd_micros)
    else:
        await call.journal.unsold("failed")


def failure(record: Record) -> JobFault:
    """Why the provider gave up: what was asked for, or itself. Its words are read, never shown."""
    if is_policy(record.told):
        return Permanent("content_refused")
    if 400 <= record.code < 500:  # noqa: PLR2004 (as of HTTP)
        return Permanent("provider_refused", reason=f"task_{record.code}")
    return Permanent("failed", reason=f"task_{record.code}")


def sighting(ref: str, record: Record | None) -> Sighting | None:
    """The record for who only wants to know whether there is such a task."""
    return None if record is None else Sighting(ref, record.phase, record.callback_url)


def jittered(pause_s: float) -> float:
    """A fifth more or less."""
    return pause_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (no secret)
