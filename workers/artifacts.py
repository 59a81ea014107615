"""The files of a result: encrypted blobs named by their provider call, and a manifest written last.

A recovery that finds the manifest of a call finds the whole answer and does not make it again. The
call of free local work is derived from the job, so every attempt writes over the same blobs.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas.errors import Missing
from schemas.ids import derive_id
from schemas.results import AnyResult, Artifact, parse_result
from storage.blobs import Blobs, artifact_key
from storage.crypto import ARTIFACT, RESULT, DataKey
from workers.providers.port import Made

MANIFEST: Final = "manifest"


def free_call_id(job_id: UUID) -> UUID:
    """The id of the one free local call of a job."""
    return derive_id(job_id, "call")


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one call keeps what it made. Every method may raise Unavailable."""

    blobs: Blobs
    key: DataKey
    call_id: UUID

    async def store(self, made: Made, *, number: int) -> Artifact:
        """Keep one file. Doing it again replaces it, so a rerun is harmless."""
        name = artifact_key(self.key.user_id, self.call_id, number)
        sealed, sha256 = await asyncio.to_thread(self._seal, made.data)
        await self.blobs.put(name, sealed)
        return Artifact(
            key=name,
            name=made.name,
            media_type=made.media_type,
            size_bytes=len(made.data),
            sha256=sha256,
            width=made.width,
            height=made.height,
            duration_s=made.duration_s,
        )

    async def load(self, artifact: Artifact) -> bytes:
        """Raises Missing, Unreadable."""
        sealed = await self.blobs.get(artifact.key)
        return await asyncio.to_thread(self.key.decrypt, sealed, purpose=ARTIFACT)

    async def finish(self, result: AnyResult) -> None:
        """The manifest: the whole result, after all of its files. A text that was bought has one too; one
        that cost nothing is as quickly made again.

        Crash window 13: dying before this line makes the work again, dying after it does not.
        """
        body = self.key.encrypt(result.model_dump_json().encode(), purpose=RESULT)
        await self.blobs.put(self._manifest, body)

    async def finished(self) -> AnyResult | None:
        """What an earlier attempt made and kept; None when it did not come so far."""
        try:
            sealed = await self.blobs.get(self._manifest)
        except Missing:
            return None
        return parse_result(self.key.decrypt(sealed, purpose=RESULT))

    @property
    def _manifest(self) -> str:
        return artifact_key(self.key.user_id, self.call_id, MANIFEST)

    def _seal(self, data: bytes) -> tuple[bytes, str]:
        return self.key.encrypt(data, purpose=ARTIFACT), hashlib.sha256(data).hexdigest()
