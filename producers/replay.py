"""A dead job again, as a new job: own id, own hold, a new quote, and a word of where it came from.

First the preview: jobs, credits and people concerned. Then the replay, through the one way in, so that
limits, plans and prices of today apply. The key is derived from the dead job: replaying twice is once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from producers.desk import Desk
from producers.request import SubmitRequest
from schemas.errors import LeydenError, Missing
from schemas.jobs import State
from schemas.payloads import PAYLOADS
from storage.crypto import PAYLOAD
from storage.overview import JobLine, Overview


@dataclass(frozen=True, slots=True)
class Preview:
    """`price_units` is what the jobs cost before; `forgotten` have no payload left to run."""

    jobs: tuple[JobLine, ...]
    price_units: int
    user_ids: tuple[int, ...]
    forgotten: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """`new_id` is None when the job was refused; `code` says why."""

    old_id: UUID
    new_id: UUID | None
    price_units: int
    code: str


class Replays:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._overview = Overview(desk.db)

    async def preview(self, ids: Sequence[UUID], *, limit: int = 1_000) -> Preview:
        """All dead jobs, or those of `ids`. Raises Missing when one of `ids` is not dead."""
        lines = await self._overview.jobs(state=State.DEAD, ids=tuple(ids), limit=limit)
        if missing := set(ids) - {line.id for line in lines}:
            raise Missing("not_found", jobs=sorted(map(str, missing)))
        whole = tuple(line for line in lines if line.whole)
        return Preview(
            jobs=whole,
            price_units=sum(line.price_units for line in whole),
            user_ids=tuple(sorted({line.user_id for line in whole})),
            forgotten=tuple(line.id for line in lines if not line.whole),
        )

    async def run(self, preview: Preview) -> list[Replayed]:
        """Submit each anew, oldest first; one that is refused does not stop the rest."""
        return [await self._one(line) for line in reversed(preview.jobs)]

    async def _one(self, line: JobLine) -> Replayed:
        try:
            accepted = await self._desk.intake.submit(await self._wish(line))
        except LeydenError as error:
            return Replayed(line.id, None, 0, error.code)
        return Replayed(line.id, accepted.job_id, accepted.price_units, "ok")

    async def _wish(self, line: JobLine) -> SubmitRequest:
        """Raises Missing, Unreadable."""
        stored = await self._overview.stored_payload(line.id)
        if stored is None or stored.sealed is None:
            raise Missing("not_found")
        key = await self._desk.keys.of(stored.user_id)
        plain = key.decrypt(stored.sealed, purpose=PAYLOAD)
        payload = PAYLOADS.validate_json(plain)
        body = json.loads(payload.model_dump_json(exclude={"kind", "version"}))
        return SubmitRequest(
            user_id=stored.user_id,
            app=line.app,
            kind=line.kind.value,
            input=body,
            key=f"replay:{line.id}",
            replay_of=line.id,
        )
