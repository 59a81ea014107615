"""Everything a running task may touch. The pipeline fills it; a test fills it with plain
functions.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from schemas.catalogue import Model
from schemas.money import App
from schemas.results import Artifact
from storage.inspect import FileFacts
from workers.providers.port import Call, Made, Report
from workers.providers.registry import Providers


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """An uploaded file of this user, and what was found in its bytes when it came."""

    data: bytes
    facts: FileFacts


class StoreArtifact(Protocol):
    """Keeps a made file under the call's id and the given number; storing it again is harmless."""

    async def __call__(self, made: Made, *, number: int) -> Artifact: ...


@dataclass(frozen=True, slots=True)
class TaskContext:
    """`load_file` raises Missing `file_not_found`. `report` takes 0..1 and may drop what it
    gets.
    """

    job_id: UUID
    user_id: int
    app: App
    attempt: int
    last_look: bool
    """The deadline has passed: only ask for what was bought already, buy nothing new."""
    call_id: UUID
    """Prefix of artifact keys; a free call keeps it over all attempts, so a rerun overwrites."""
    deadline_s: float
    """A reading of `clock.monotonic_s`."""
    providers: Providers
    load_file: Callable[[UUID], Awaitable[LoadedFile]]
    store_artifact: StoreArtifact
    report: Report

    def call(self, model: Model) -> Call:
        """The circumstances under which this task asks a provider."""
        return Call(model=model, deadline_s=self.deadline_s, report=self.report)
