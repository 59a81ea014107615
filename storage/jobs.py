"""The job state machine, as seen from Python: one typed method per SQL function.

Only these functions move a job (see docs/state_machine.md). One call is one round trip and one
transaction. Every method may raise Unavailable; its outcome is then unknown and the same call may be
repeated with the same arguments: each answers a repetition with what it answered first.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from schemas.jobs import State
from storage.job_shapes import (
    Draft,
    Ended,
    NewJob,
    Renewal,
    StartAnswer,
    Started,
    Submitted,
    Success,
    Wake,
)
from storage.pool import Database, Row, columns

__all__ = [
    "Draft",
    "Ended",
    "Jobs",
    "NewJob",
    "Renewal",
    "StartAnswer",
    "Started",
    "Submitted",
    "Success",
    "Wake",
]


_SUBMIT = """
select * from work.submit(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
"""
_SUBMIT_MANY = """
select * from work.submit_many(
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
"""
_STARTED = """
  code, job, attempt, tries, crashes, user_id, app, kind, version, payload, key_version, price, save,
  last_look, cancel_requested, remote_ref, intent_at, deadline, trace, run_at, coalesce(taken_over, false)
"""
_START = f"select {_STARTED}, wakes from work.start($1,$2,$3,$4,$5,$6)"  # noqa: S608 (our own words)
_START_MANY = f"select {_STARTED}, what, next_stream from work.start_many($1,$2,$3,$4,$5,$6)"  # noqa: S608 (our own words)
_SUCCEED = "select * from work.succeed($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)"
_SUCCEED_MANY = (
    "select * from work.succeed_many($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)"
)
_RENEW = "select job, verdict from work.renew($1,$2,$3)"
_PARK = "select * from work.park($1,$2,$3,$4,$5)"
_RETRY = "select * from work.retry($1,$2,$3,$4,$5,$6)"
_FAIL = "select * from work.fail($1,$2,$3)"
_BURY = "select * from work.bury($1,$2,$3)"
_CANCEL = "select * from work.cancel($1,$2)"

_STARTED_SIZE: Final = len(Started._fields)
_NO_DRAFT: Final = (None,) * len(Draft._fields)
_DRAFTS: Final = slice(5, 5 + len(_NO_DRAFT))


class Jobs:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def submit(self, job: NewJob) -> Submitted:
        """Accept a job (tx 0), or say why not. Nothing is written on a refusal."""
        row = await self._db.one(_SUBMIT, *job)
        return _submitted(row, _wakes_of(row))

    async def submit_many(self, jobs: Sequence[NewJob]) -> list[Submitted]:
        """The same for several at once: one statement, one commit, an answer per job, in order.

        Answers may carry wakes of other jobs of the same users.
        """
        args = columns(jobs)
        # An array of arrays must be rectangular; spend orders are not.
        args[12] = ["{" + ",".join(map(str, job.spend_order)) + "}" for job in jobs]
        answers: dict[int, Submitted] = {}
        extra: list[Wake] = []
        for row in await self._db.fetch(_SUBMIT_MANY, *args):
            if row["n"] == 0:
                extra.append(_wake_of(row))
            else:
                wakes = (_wake_of(row),) if row["wake"] else ()
                answers[row["n"]] = _submitted(row, wakes)
        first = answers[1]
        answers[1] = Submitted(
            first.code, first.job_id, first.state, first.price_units, (*first.wakes, *extra)
        )
        return [answers[n] for n in range(1, len(jobs) + 1)]

    async def start(
        self,
        job_id: UUID,
        token: UUID,
        *,
        worker: str,
        lease_s: float,
        kinds: Sequence[str],
        alone: bool = False,
    ) -> StartAnswer:
        """Take the lease and hold the price (tx 1). `kinds` are the `kind:version` this worker knows.

        `token` is minted per delivery: the same token again gets the same attempt (a lost reply).
        """
        row = await self._db.one(_START, job_id, token, worker, lease_s, list(kinds), alone)
        return StartAnswer((Started(*row[:_STARTED_SIZE]),), _wakes_of(row))

    async def start_many(
        self,
        deliveries: Sequence[tuple[UUID, UUID]],
        *,
        worker: str,
        lease_s: float,
        kinds: Sequence[str],
        alone: bool = False,
    ) -> StartAnswer:
        """`deliveries` are (job id, token) pairs with distinct jobs; one answer per job."""
        ids, tokens = columns(deliveries)
        rows = await self._db.fetch(_START_MANY, ids, tokens, worker, lease_s, list(kinds), alone)
        jobs = tuple([Started(*row[:_STARTED_SIZE]) for row in rows if row["what"] == "job"])
        wakes = tuple(
            Wake(row["job"], row["next_stream"], row["kind"], row["trace"])
            for row in rows
            if row["what"] == "wake"
        )
        return StartAnswer(jobs, wakes)

    async def succeed(self, success: Success) -> tuple[Ended, tuple[Wake, ...]]:
        """Result, capture, usage, project, delivery and the user's next job (tx 2)."""
        row = await self._db.one(_SUCCEED, *_success_args(success))
        return _ended(row), _wakes_of(row)

    async def succeed_many(
        self, successes: Sequence[Success]
    ) -> tuple[list[Ended], tuple[Wake, ...]]:
        """One answer per success, in order; distinct jobs."""
        in_order = sorted(successes, key=lambda success: success.job_id.int)
        args: list[Any] = [*columns([_success_args(success) for success in in_order])]
        if not any(success.draft for success in in_order):
            args[_DRAFTS] = _NO_DRAFT  # one null for a hundred
        rows = await self._db.fetch(_SUCCEED_MANY, *args)
        ended = {row["job"]: _ended(row) for row in rows if row["what"] == "job"}
        wakes = tuple(_wake_of(row) for row in rows if row["what"] == "wake")
        return [ended[s.job_id] for s in successes], wakes

    async def renew(self, held: Sequence[tuple[UUID, int]], *, lease_s: float) -> list[Renewal]:
        """Extend the leases of (job id, attempt) pairs; answers only those lost or asked to stop."""
        if not held:
            return []
        ids, attempts = columns(held)
        rows = await self._db.fetch(_RENEW, ids, attempts, lease_s)
        return [Renewal(row["job"], row["verdict"]) for row in rows]

    async def park(
        self,
        job_id: UUID,
        attempt: int,
        *,
        delay_s: float,
        remote_ref: str | None = None,
        extend_s: float = 0,
    ) -> tuple[str, tuple[Wake, ...]]:
        """To `remote` until the next poll. `extend_s` moves the deadline of a task that shows progress."""
        row = await self._db.one(_PARK, job_id, attempt, delay_s, remote_ref, extend_s)
        return row["code"], _wakes_of(row)

    async def retry(
        self,
        job_id: UUID,
        attempt: int,
        *,
        delay_s: float,
        code: str,
        counted: bool = True,
        bought: bool = False,
    ) -> tuple[str, tuple[Wake, ...]]:
        """Back to `queued` after `delay_s`, or `failed` with `code` when the tries are used up.

        `counted=False`: waiting for a limit, or handing the job back at shutdown, is not a try.
        `bought`: the provider may have sold something, the intent stays open.
        """
        row = await self._db.one(_RETRY, job_id, attempt, delay_s, code, counted, bought)
        return row["code"], _wakes_of(row)

    async def fail(self, job_id: UUID, attempt: int, code: str) -> tuple[str, tuple[Wake, ...]]:
        """End without a charge; the hold returns to its wallet."""
        row = await self._db.one(_FAIL, job_id, attempt, code)
        return row["code"], _wakes_of(row)

    async def bury(
        self, job_id: UUID, attempt: int, *, deaths_max: int
    ) -> tuple[str, tuple[Wake, ...]]:
        """A process died while it ran this job alone: back to the suspects, or `dead` at `deaths_max`."""
        row = await self._db.one(_BURY, job_id, attempt, deaths_max)
        return row["code"], _wakes_of(row)

    async def cancel(self, job_id: UUID, user_id: int) -> tuple[str, tuple[Wake, ...]]:
        """`cancelled` at once before anything was bought, else `requested`; `too_late`, `missing`."""
        row = await self._db.one(_CANCEL, job_id, user_id)
        return row["code"], _wakes_of(row)


def _success_args(success: Success) -> tuple[Any, ...]:
    return (*success[:5], *(success.draft or _NO_DRAFT), *success[6:])


def _submitted(row: Row, wakes: tuple[Wake, ...]) -> Submitted:
    state = State(row["st"]) if row["st"] is not None else None
    return Submitted(row["code"], row["job"], state, row["price"], wakes)


def _ended(row: Row) -> Ended:
    return Ended(row["code"], row["project"], row["captured"])


def _wake_of(row: Row) -> Wake:
    return Wake(row["job"], row["stream"], row["kind"], row["trace"])


def _wakes_of(row: Row) -> tuple[Wake, ...]:
    """Wakes that a single call answers: an array of (job, stream, kind, trace) rows."""
    return tuple(Wake(*wake) for wake in row["wakes"] or ())
