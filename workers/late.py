"""Looking for what was bought for jobs that the house has ended since: a film that took a day, an answer
that was paid for and never delivered.

    claim (one call, for one look) -> the task's id, perhaps one that a callback has named
    -> the finished files, or the provider asked once more -> kept, given free, told

The looks of one call are bounded in number, and end a day after the job has. Nothing is ever bought here.
"""

import asyncio
from dataclasses import dataclass, replace
from typing import Final, NoReturn
from uuid import UUID

from pydantic import ValidationError

from ops.base import clock
from ops.base.logs import get_logger
from schemas.errors import JobFault, LeydenError, Missing, Permanent, Retryable, Unavailable
from schemas.models import Model
from schemas.money import App
from schemas.payloads import PAYLOADS, AnyPayload
from schemas.results import AnyResult, Artifact
from storage.calls import ProviderCall
from storage.crypto import PAYLOAD, RESULT
from storage.gifts import Gift, Gifts, LateCall
from workers.artifacts import Shelf
from workers.claims import Claims
from workers.drafts import make_draft
from workers.gifts import Giver
from workers.pipeline import Ports
from workers.providers.journal import Journal, Parked
from workers.providers.port import Made, unheard
from workers.tasks.context import LoadedFile, TaskContext

log = get_logger(__name__)

LOOK_MAX_S: Final = 240.0
LEASE_S: Final = 600.0
"""Longer than a look: a call that is being looked at is nobody else's."""
PAUSE_FIRST_S: Final = 30.0
PAUSE_MAX_S: Final = 7_200.0
_COMES_BACK: Final = frozenset({"model_unavailable", "unknown_model"})
"""A key that was taken away, a row that an older worker does not know: not the last word."""


@dataclass(frozen=True, slots=True)
class Found:
    """The journal of a call whose job has ended: there is something to ask for, and nothing to buy."""

    gifts: Gifts
    call: ProviderCall

    @property
    def remote_ref(self) -> str | None:
        return self.call.external_ref

    @property
    def unanswered(self) -> bool:
        return False

    @property
    def row(self) -> str:
        return self.call.model

    @property
    def callback_url(self) -> None:
        return None

    def for_model(self, _model: Model) -> Journal:
        return self

    async def intend(self) -> NoReturn:
        raise Permanent("overdue")

    async def bought(self, remote_ref: str) -> NoReturn:
        msg = f"{remote_ref} was bought for a job that has ended"
        raise RuntimeError(msg)

    async def unsold(self, outcome: str) -> None:
        await self.gifts.note(self.call.id, outcome=outcome, sold=False)

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None:
        await self.gifts.note(
            self.call.id, outcome=outcome, sold=True, cost_usd_micros=cost_usd_micros
        )


class LateLooks:
    """`round` never raises for what a provider did. Raises Unavailable."""

    def __init__(self, ports: Ports, gifts: Gifts) -> None:
        self._ports = ports
        self._gifts = gifts
        self._giver = Giver(gifts, ports.queue)

    async def round(self, *, within_s: float) -> int:
        """Look at what is due, oldest first, and begin no new look after `within_s`; answers how many."""
        until_s, looks = clock.monotonic_s() + within_s, 0
        while clock.monotonic_s() < until_s:
            due = await self._gifts.claim(lease_s=LEASE_S)
            if due is None:
                break
            await self._look(due)
            looks += 1
        return looks

    async def _look(self, due: LateCall) -> None:
        """Dies in here: the claim ends by itself, and the next look finds what this one has kept."""
        pause_s = min(PAUSE_MAX_S, PAUSE_FIRST_S * 2 ** (due.tries - 1))
        code = "given"
        try:
            async with asyncio.timeout(LOOK_MAX_S):
                await self._giver.give(await self._gift(due))
        except Parked as parked:
            code, pause_s = "running", max(pause_s, parked.delay_s)
            await self._gifts.postpone(due.call.id, delay_s=pause_s)
        except (JobFault, Unavailable, TimeoutError) as error:
            code = getattr(error, "code", "timeout")
            if getattr(error, "retryable", True) or code in _COMES_BACK:
                await self._gifts.postpone(due.call.id, delay_s=pause_s)
            else:
                await self._gifts.drop(due.call.id)
        except (LeydenError, ValidationError, ValueError) as error:
            # Whatever it is, it will be the same the next time: the person has gone, or the payload.
            code = getattr(error, "code", "unreadable")
            await self._gifts.drop(due.call.id)
        log.info("late.looked", job_id=str(due.job_id), call=str(due.call.id), outcome=code)

    async def _gift(self, due: LateCall) -> Gift:
        """Raises what `_look` knows what to do with."""
        if due.payload is None:
            raise Missing("not_found")
        key = await self._ports.keys.of(due.user_id)
        payload = PAYLOADS.validate_json(key.decrypt(due.payload, purpose=PAYLOAD))
        shelf = Shelf(self._ports.blobs, key, due.call.id)
        result = await shelf.finished()
        if result is None:
            result = await self._fetched(due, payload, shelf)
        draft = None
        if due.save:
            draft = await make_draft(payload, result, shelf=shelf, make=self._ports.make)
        sealed = key.encrypt(result.model_dump_json().encode(), purpose=RESULT)
        return Gift(due.job_id, due.call.id, sealed, key.version, draft)

    async def _fetched(self, due: LateCall, payload: AnyPayload, shelf: Shelf) -> AnyResult:
        """The task of this kind once more; all that it can do here is to poll and to fetch."""
        deadline_s = clock.monotonic_s() + LOOK_MAX_S
        ref = due.call.external_ref or await self._adopted(due, deadline_s)
        if ref is None:
            raise Permanent("provider_unknown")
        call = replace(due.call, external_ref=ref)
        context = self._context(due, shelf, Found(self._gifts, call), deadline_s)
        task = self._ports.tasks.get(payload.kind)
        if task is None:
            raise Permanent("unknown_kind")
        result = await task.run(payload, context)
        await shelf.finish(result)
        return result

    async def _adopted(self, due: LateCall, deadline_s: float) -> str | None:
        """The id that a callback has named, if it is a task of ours. Raises Retryable while it is not to
        be seen.
        """
        claims = Claims(self._ports.providers, self._ports.addresses, deadline_s)
        named = await claims.sort(due.call)
        for ref in named.ours:
            said = await self._ports.calls.note_task(due.call.id, due.job_id, 0, ref)
            if said != "taken":
                return ref
        if named.unseen:
            raise Retryable("provider_unavailable", reason="no_such_task")
        return None

    def _context(
        self, due: LateCall, shelf: Shelf, journal: Journal, deadline_s: float
    ) -> TaskContext:
        async def load_file(file_id: UUID) -> LoadedFile:
            stored, data = await self._ports.files.load(due.user_id, file_id)
            return LoadedFile(data, stored.facts)

        async def store(made: Made, *, number: int) -> Artifact:
            return await shelf.store(made, number=number)

        return TaskContext(
            job_id=due.job_id,
            user_id=due.user_id,
            app=App.from_number(due.app),
            attempt=0,
            last_look=False,
            deadline_s=deadline_s,
            providers=self._ports.providers,
            load_file=load_file,
            store_artifact=store,
            report=unheard,
            journal=journal,
        )
