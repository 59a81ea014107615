"""Late results: what was bought for a job that the house has ended, looked for and given free.

Every method is one round trip, may raise Unavailable, and may then be repeated with the same arguments
(storage/migrations/0041).
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from storage.calls import ProviderCall, call_of
from storage.jobs import Draft
from storage.pool import Database

TRIES_MAX: Final = 24
"""With the pauses between them, as good as the day after which nobody looks any more."""

_CLAIM = "select * from work.claim_late($1, $2)"
_POSTPONE = "select work.postpone_late($1, $2)"
_CLOSE = "select work.close_late($1, $2, $3, $4)"
_DROP = "select work.drop_late($1)"
_GIVE = "select * from work.give_late($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


@dataclass(frozen=True, slots=True)
class LateCall:
    """A call that may still bring something, and the job it was made for. `payload` is encrypted, None
    once it is forgotten; `tries` counts this look.
    """

    call: ProviderCall
    tries: int
    job_id: UUID
    user_id: int
    app: int
    payload: bytes | None
    save: bool


@dataclass(frozen=True, slots=True)
class Gift:
    """`result` is encrypted. `call_id` None: free work of our own that took too long."""

    job_id: UUID
    call_id: UUID | None
    result: bytes
    key_version: int
    draft: Draft | None


@dataclass(frozen=True, slots=True)
class Given:
    """`code`: ok, given (it was before), refused (the job succeeded, or its user cancelled it), closed
    (an erased person). `project_code` None: nothing was to be saved, or the quota was full.
    """

    code: str
    project_code: str | None
    user_id: int


class Gifts:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def claim(self, *, lease_s: float) -> LateCall | None:
        """The call to look at now, which nobody else looks at for `lease_s`; None when none is due."""
        row = await self._db.fetchrow(_CLAIM, lease_s, TRIES_MAX)
        if row is None:
            return None
        return LateCall(
            call_of(row),
            row["tries"],
            row["job_id"],
            row["user_id"],
            row["app"],
            row["payload"],
            row["save"],
        )

    async def postpone(self, call_id: UUID, *, delay_s: float) -> None:
        """Look again; not after the last of the tries."""
        await self._db.execute(_POSTPONE, call_id, delay_s)

    async def note(
        self, call_id: UUID, *, outcome: str, sold: bool, cost_usd_micros: int | None = None
    ) -> None:
        """What its provider says became of it. An outcome that was known stays."""
        await self._db.execute(_CLOSE, call_id, outcome, cost_usd_micros, sold)

    async def drop(self, call_id: UUID) -> None:
        """There is nothing to look for any more."""
        await self._db.execute(_DROP, call_id)

    async def give(self, gift: Gift) -> Given:
        """Result, project and delivery in one commit; nothing is charged."""
        draft = gift.draft
        row = await self._db.one(
            _GIVE,
            gift.job_id,
            gift.call_id,
            gift.result,
            gift.key_version,
            draft.type if draft else None,
            draft.title if draft else None,
            draft.content if draft else None,
            draft.metadata if draft else None,
            draft.sha256 if draft else None,
            draft.size_bytes if draft else None,
        )
        return Given(row["code"], row["project"], row["user_id"])
