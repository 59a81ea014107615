"""The provider journal: one row per paid request, announced before it leaves.

Every method is one round trip, may raise Unavailable, and may then be repeated with the same
arguments. What is written here outlives the lease of who writes it: a remote id that is known counts
for whoever comes next (storage/migrations/0040).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from storage.jobs import Wake
from storage.pool import Database, Row

Announced = Literal["ok", "lost", "cancelled"]
Noted = Literal["ok", "lost", "taken"]

_OF_JOB = """
select id, provider, model, external_ref, outcome, sold, addressed, claimed_refs, heard_at
  from work.provider_call where job_id = $1 order by intent_at, id
"""
_ANNOUNCE = "select work.announce_call($1, $2, $3, $4, $5, $6)"
_NOTE_TASK = "select work.note_task($1, $2, $3, $4)"
_CLOSE = "select work.close_call($1, $2, $3, $4, $5, $6)"
_HEAR = "select * from work.hear_call($1, $2)"
_FORGET = "select work.forget_claims($1, $2)"
_RECHECK = "select * from work.recheck_call($1, $2)"
_NOTE_BLOCK = "select work.note_block($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """`model` is the name of a catalogue row. Open while `outcome` is None; `sold`: it was, or must be
    presumed to have been. `addressed`: the provider knows where to report. `claimed_refs`: task ids
    that callbacks have named and nobody has checked.
    """

    id: UUID
    provider: str
    model: str
    external_ref: str | None = None
    outcome: str | None = None
    sold: bool = False
    addressed: bool = False
    claimed_refs: tuple[str, ...] = ()
    heard_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.outcome is None

    @property
    def counts(self) -> bool:
        """Bought, or perhaps bought."""
        return self.open or self.sold


class Calls:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, job_id: UUID) -> list[ProviderCall]:
        """Oldest first."""
        return [call_of(row) for row in await self._db.fetch(_OF_JOB, job_id)]

    async def announce(self, call: ProviderCall, job_id: UUID, attempt: int) -> Announced:
        """Commit that this request is about to leave; unless it is `ok`, it must not."""
        said = await self._db.fetchval(
            _ANNOUNCE, call.id, job_id, attempt, call.provider, call.model, call.addressed
        )
        return cast("Announced", said)

    async def note_task(self, call_id: UUID, job_id: UUID, attempt: int, remote_ref: str) -> Noted:
        """Commit the remote id. Written even when the answer is `lost`; not when it is `taken`."""
        return cast(
            "Noted", await self._db.fetchval(_NOTE_TASK, call_id, job_id, attempt, remote_ref)
        )

    async def close(
        self,
        call_id: UUID,
        job_id: UUID,
        attempt: int,
        *,
        outcome: str,
        sold: bool,
        cost_usd_micros: int | None = None,
    ) -> bool:
        """What came of it; the first outcome stays. False: the job is no longer this attempt's."""
        said = await self._db.fetchval(
            _CLOSE, call_id, job_id, attempt, outcome, cost_usd_micros, sold
        )
        return bool(said == "ok")

    async def hear(self, call_id: UUID, remote_ref: str | None) -> tuple[str, tuple[Wake, ...]]:
        """A callback has come: `heard`, `ended` (nobody waits any more) or `missing`."""
        row = await self._db.one(_HEAR, call_id, remote_ref)
        return row["code"], _wakes(row)

    async def forget_claims(self, call_id: UUID, remote_refs: Sequence[str]) -> None:
        """These ids are no tasks of this call."""
        await self._db.execute(_FORGET, call_id, list(remote_refs))

    async def recheck(self, call_id: UUID, heard_at: datetime | None) -> tuple[Wake, ...]:
        """For who has just parked: poll at once if something was heard since `heard_at`."""
        return _wakes(await self._db.one(_RECHECK, call_id, heard_at))

    async def note_block(self, job_id: UUID, *, class_: str, score: float, judge: str) -> None:
        """Why nothing was generated: a class and a score (0..1), never what was asked for."""
        await self._db.execute(_NOTE_BLOCK, job_id, class_, score, judge)


def call_of(row: Row) -> ProviderCall:
    """A row of the journal that has all these columns."""
    return ProviderCall(
        id=row["id"],
        provider=row["provider"],
        model=row["model"],
        external_ref=row["external_ref"],
        outcome=row["outcome"],
        sold=row["sold"],
        addressed=row["addressed"],
        claimed_refs=tuple(row["claimed_refs"]),
        heard_at=row["heard_at"],
    )


def _wakes(row: Row) -> tuple[Wake, ...]:
    return tuple(Wake(*wake) for wake in row["wakes"] or ())
