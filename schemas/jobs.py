"""What a job is: its kind, the lane it runs in, its states and the only moves between them.

The transition table is the contract of the SQL functions in `storage/migrations`; a test compares the two.
"""

from enum import IntEnum, StrEnum
from functools import cache
from typing import Final


class Kind(StrEnum):
    TEXT_GENERATE = "text.generate"
    TEXT_IMPROVE = "text.improve"
    IMAGE_GENERATE = "image.generate"
    IMAGE_EDIT = "image.edit"
    IMAGE_ANALYZE = "image.analyze"
    VIDEO_GENERATE = "video.generate"
    FILE_PROCESS = "file.process"
    POST_PUBLISH = "post.publish"


class Lane(StrEnum):
    """Workers subscribe to lanes; a user's in-flight cap counts per lane, so videos never block texts."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    POST = "post"
    CONTROL = "control"

    @property
    def number(self) -> int:
        return _LANE_NUMBERS[self]

    @classmethod
    def from_number(cls, number: int) -> "Lane":
        return _LANES[number]


class Priority(IntEnum):
    """Order within a lane, by plan. SUSPECT is the stream of jobs that run alone in a child process."""

    HIGH = 1
    NORMAL = 2
    LOW = 3
    SUSPECT = 4


_LANE_NUMBERS: Final = {lane: n for n, lane in enumerate(Lane, start=1)}
_LANES: Final = {n: lane for lane, n in _LANE_NUMBERS.items()}
STREAMS_PER_LANE: Final = len(Priority)
STREAM_COUNT: Final = len(Lane) * STREAMS_PER_LANE

LANE_OF_KIND: Final[dict[Kind, Lane]] = {
    Kind.TEXT_GENERATE: Lane.TEXT,
    Kind.TEXT_IMPROVE: Lane.TEXT,
    Kind.FILE_PROCESS: Lane.TEXT,
    Kind.IMAGE_GENERATE: Lane.IMAGE,
    Kind.IMAGE_EDIT: Lane.IMAGE,
    Kind.IMAGE_ANALYZE: Lane.IMAGE,
    Kind.VIDEO_GENERATE: Lane.VIDEO,
    Kind.POST_PUBLISH: Lane.POST,
}


def stream_number(lane: Lane, priority: Priority) -> int:
    """1..20: the number a job row carries; lane by lane, best priority first."""
    return (lane.number - 1) * STREAMS_PER_LANE + priority


@cache
def stream_lane(stream: int) -> Lane:
    return Lane.from_number((stream - 1) // STREAMS_PER_LANE + 1)


@cache
def stream_priority(stream: int) -> Priority:
    return Priority((stream - 1) % STREAMS_PER_LANE + 1)


class State(StrEnum):
    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    REMOTE = "remote"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"

    @property
    def ended(self) -> bool:
        return self in ENDED


ENDED: Final = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED, State.DEAD})
IN_FLIGHT: Final = frozenset({State.QUEUED, State.RUNNING, State.REMOTE})

TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.WAITING: frozenset({State.QUEUED, State.CANCELLED}),
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset(
        {
            State.QUEUED,
            State.REMOTE,
            State.SUCCEEDED,
            State.FAILED,
            State.CANCELLED,
            State.DEAD,
        }
    ),
    State.REMOTE: frozenset({State.RUNNING, State.FAILED, State.CANCELLED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
    State.DEAD: frozenset(),
}
