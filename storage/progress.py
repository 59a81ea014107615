"""How far a running job has come: a number in Redis that lives a minute, and never more than a hint.

The worker that runs a job sets it and publishes an event; readers listen, or poll. It is not a delivery:
losing it loses nothing.
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from schemas.events import JobEvent, channel_of
from schemas.ids import new_id
from storage.queue import REDIS_TROUBLE, Queue

KEY_PREFIX: Final = "leyden:progress:"
LIVES_S: Final = 60


async def tell_progress(queue: Queue, user_id: int, job_id: UUID, share: float) -> None:
    """0..1. Raises nothing of Redis."""
    event = JobEvent(id=new_id(), user_id=user_id, job_id=job_id, what="progressed")
    pipe = queue.pipeline(transaction=False)
    pipe.set(f"{KEY_PREFIX}{job_id}", f"{min(1.0, max(0.0, share)):.3f}", ex=LIVES_S)
    pipe.publish(channel_of(user_id), event.model_dump_json())
    try:
        await pipe.execute()
    except REDIS_TROUBLE as error:
        queue.count_error(error, "progress")


async def tell_gift(queue: Queue, user_id: int, job_id: UUID) -> None:
    """That an ended job has a result after all. Raises nothing of Redis."""
    event = JobEvent(id=new_id(), user_id=user_id, job_id=job_id, what="given")
    try:
        await queue.publish(channel_of(user_id), event.model_dump_json())
    except REDIS_TROUBLE as error:
        queue.count_error(error, "progress")


async def read_progress(queue: Queue, job_ids: Iterable[UUID]) -> dict[UUID, float]:
    """What is known of these jobs; empty when Redis is down."""
    ids = list(job_ids)
    if not ids:
        return {}
    try:
        shares = await queue.mget([f"{KEY_PREFIX}{job_id}" for job_id in ids])
    except REDIS_TROUBLE as error:
        queue.count_error(error, "progress")
        return {}
    return {
        job_id: float(share) for job_id, share in zip(ids, shares, strict=True) if share is not None
    }
