"""What goes into the job functions and what they answer. Amounts in units; see `storage.jobs`.

Fields stand in the order of the functions' arguments and columns: a row becomes one of these, and one of
these a row, without a name being looked up.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from schemas.jobs import State


class Wake(NamedTuple):
    """A stream entry to add after commit: a wake-up, never a lease. Losing it costs seconds, not jobs."""

    job_id: UUID
    stream: int
    kind: str
    trace: str


class NewJob(NamedTuple):
    """`body_hash` is a digest of the request (16 bytes as UUID): the same key must come with the same.

    `payload` is encrypted. `daily_limit` -1 is unlimited. `reply` names where the end is told
    (`pull` = the client asks). `max_tries` counts runs that end in a retryable error.
    """

    id: UUID
    user_id: int
    app: int
    kind: str
    version: int
    stream: int
    key: str
    body_hash: UUID
    payload: bytes
    key_version: int
    price_units: int
    price_version: int
    spend_order: tuple[int, ...]
    reply: str
    daily_limit: int
    limit_s: int
    max_tries: int
    trace: str
    save: bool = True
    run_at: datetime | None = None
    replay_of: UUID | None = None


class Submitted(NamedTuple):
    """`code`: ok, replay; or why not: key_conflict, no_account, suspended, closed, insufficient,
    backlog_full, daily_limit. `state` and `price_units` are the stored job's.
    """

    code: str
    job_id: UUID | None
    state: State | None
    price_units: int | None
    wakes: tuple[Wake, ...]


class Started(NamedTuple):
    """`code` is `ok` when the job is ours to run; otherwise there is nothing to do.

    Other codes: missing, not_due, leased, ended, suspect, unknown_kind, overdue, cancelled,
    insufficient, suspended, closed, no_account. `last_look`: the deadline has passed, ask the provider
    once and end. `remote_ref` and `intent_at` say what an earlier attempt bought. `taken_over`: from
    a worker whose lease had ended. `run_at`: since when it could have been started.
    """

    code: str
    job_id: UUID
    attempt: int
    tries: int
    crashes: int
    user_id: int
    app: int
    kind: str
    version: int
    payload: bytes
    key_version: int
    price_units: int
    save: bool
    last_look: bool
    cancel_requested: bool
    remote_ref: str | None
    intent_at: datetime | None
    deadline: datetime | None
    trace: str
    run_at: datetime | None = None
    taken_over: bool = False


class StartAnswer(NamedTuple):
    jobs: tuple[Started, ...]
    wakes: tuple[Wake, ...]


class Draft(NamedTuple):
    """A project to save with a result: encrypted except type and sizes. `sha256` is of the plain content."""

    type: str
    title: bytes
    content: bytes
    metadata: bytes
    sha256: bytes
    size_bytes: int


class Success(NamedTuple):
    job_id: UUID
    attempt: int
    result: bytes
    key_version: int
    captured_units: int
    draft: Draft | None = None
    model: str = ""
    provider: str = ""
    tokens: int = 0
    units: int = 0


class Ended(NamedTuple):
    """`code`: ok (done now or by this very attempt before), late (the house ended it), zombie, missing.

    `project_code` is None when nothing was to be saved or the quota was full.
    """

    code: str
    project_code: str | None
    captured_units: int


class Renewal(NamedTuple):
    job_id: UUID
    verdict: str
    """`lost`: no longer ours. `cancel`: its user asked to stop."""
