"""What is told while things happen, over Redis: names, never content.

An event says which job of which person to look at; whoever hears it fetches the rest from Postgres or
from the job's progress. Losing one loses nothing: an end is a row.
"""

from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

CHANNEL_PREFIX: Final = "leyden:events:"


class JobEvent(BaseModel):
    """`id` is a UUIDv7, so a reader that was away knows what it has seen last.

    `given`: a job that had ended without success has a result after all, free of charge.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: UUID
    user_id: int
    job_id: UUID
    what: Literal["progressed", "given"]


def channel_of(user_id: int) -> str:
    """Where the events of one person are published."""
    return f"{CHANNEL_PREFIX}{user_id}"
