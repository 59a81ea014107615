"""Everything a running task may touch. The pipeline fills it; a test fills it with plain
functions.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from schemas.catalogue import Model
from schemas.money import App
from schemas.results import Artifact
from storage.inspect import FileFacts
from workers.providers.journal import FREE, Journal
from workers.providers.port import Call, Made, Report
from workers.providers.registry import Providers


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """An uploaded file of this user, and what was found in its bytes when it came."""

    data: bytes
    facts: FileFacts


class StoreArtifact(Protocol):
    """Keeps a made file under the id of the call that made it and the given number; storing it again
    is harmless.
    """

    async def __call__(self, made: Made, *, number: int) -> Artifact: ...


class TaskContext(NamedTuple):
    """`load_file` raises Missing `file_not_found`. `report` takes 0..1 and may drop what it
    gets.
    """

    job_id: UUID
    user_id: int
    app: App
    attempt: int
    last_look: bool
    """The deadline has passed: only ask for what was bought already, buy nothing new."""
    deadline_s: float
    """A reading of `clock.monotonic_s`."""
    providers: Providers
    load_file: Callable[[UUID], Awaitable[LoadedFile]]
    store_artifact: StoreArtifact
    report: Report
    journal: Journal = FREE
    """What the job has bought; without one, nothing can be."""
    cancel: asyncio.Event | None = None
    """Set when the user wants no more: a text that is being written ends there."""
    max_output_tokens: int | None = None
    """What was reserved for, where it counts in tokens."""
    partial: Callable[[str], None] | None = None
    """Hears the whole text so far while it is written."""

    @property
    def has_task(self) -> bool:
        """The order is made: what it was made from is needed no more."""
        return self.journal is not FREE and self.journal.remote_ref is not None

    def call(self, model: Model) -> Call:
        """The circumstances under which this task asks a provider."""
        return Call(
            model=model,
            deadline_s=self.deadline_s,
            report=self.report,
            journal=self.journal,
            cancel=self.cancel,
            on_text=self.partial,
            max_output_tokens=self.max_output_tokens,
            last_look=self.last_look,
        )
