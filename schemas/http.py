"""Bodies of the HTTP API, version 1. Amounts are integers in minor units: 1 credit is 10 000 units.

What a body does not say it may say later: clients ignore fields they do not know. What a request says
beyond its fields is refused, so that a misspelt field is noticed.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.money import App
from schemas.times import Moment


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JobRequest(Body):
    """`input` is the payload of the kind; see `schemas/payloads.py`. `run_at` in the past means now."""

    kind: Annotated[str, Field(min_length=1, max_length=40)]
    app: App
    input: dict[str, Any]
    run_at: Moment | None = None


class JobAccepted(Body):
    """`price` is the quote, the most that can be charged. `currency` is the wallet expected to pay."""

    id: UUID
    state: str
    price: int
    currency: str
    receipt: str
    """Path of the receipt, from now on."""


class ArtifactLink(Body):
    href: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None
    duration_s: float | None


class Reason(Body):
    """Why a job ended without success: a stable code, and the same in the reader's language."""

    code: str
    text: str


class JobSummary(Body):
    id: UUID
    kind: str
    app: App
    state: str
    price: int
    captured: int
    currency: str
    reason: Reason | None
    attempts: int
    cancel_requested: bool
    created_at: datetime
    run_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    replay_of: UUID | None
    receipt: str


class JobDetail(JobSummary):
    """`result` is null until the job has succeeded; `project` is the code under which it was saved."""

    result: dict[str, Any] | None
    artifacts: tuple[ArtifactLink, ...]
    project: str | None


class JobPage(Body):
    """`next` is the `before` of the following page, null on the last one."""

    jobs: tuple[JobSummary, ...]
    next: UUID | None


class Cancelled(Body):
    """`cancelled`: over, its credits are back. `requested`: it stops when it can and is charged."""

    id: UUID
    cancel: str


class ReceiptBody(Body):
    """quoted >= captured. `held` is reserved now; `returned` came back. `why` is in words."""

    job: UUID
    kind: str
    app: App
    state: str
    currency: str
    quoted: int
    held: int
    captured: int
    returned: int
    refunded: int
    why: str
    why_code: str
    price_version: int
    attempts: int
    created_at: datetime
    finished_at: datetime | None


class FileAccepted(Body):
    """`id` is what a job's input names as `file`. Facts are read from the bytes, not from a name."""

    id: UUID
    media_type: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    pages: int
    expires_at: datetime


class WalletBody(Body):
    """`held` is reserved for running jobs and part of `balance`; so is `bonus`."""

    currency: str
    balance: int
    held: int
    available: int
    bonus: int


class WalletPage(Body):
    """`apps`: which wallets pay in an app; the first that covers a price pays it whole."""

    units_per_credit: int
    plan: str
    wallets: tuple[WalletBody, ...]
    apps: dict[str, tuple[str, ...]]


class ProjectBody(Body):
    code: str
    app: App
    type: str
    title: str
    size_bytes: int
    created_at: datetime
    job: UUID | None
    metadata: dict[str, Any]
    content: str
    """Path of the content."""


class StorageShare(Body):
    app: App
    projects: int
    size_bytes: int


class StorageBody(Body):
    used_bytes: int
    limit_bytes: int
    available_bytes: int
    by_app: tuple[StorageShare, ...]


class ProjectPage(Body):
    projects: tuple[ProjectBody, ...]
    storage: StorageBody


class ProjectDeleted(Body):
    code: str
    freed_bytes: int


class Problem(BaseModel):
    """RFC 9457. `code` is stable API; `title` is for people, `detail` for developers."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    code: str
    detail: str
    facts: dict[str, Any]
