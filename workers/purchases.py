"""What one job has bought, may have bought, and may still buy: the journal that adapters write in.

    attempt 1   announce ──> request ──> task id noted ──> polled ... ──> outcome
    attempt n   what earlier attempts left is read first, and asked after before anything is bought again

An open call whose task id is unknown is the costly case (crash windows 8 and 10). If a callback has
named a task, the task is read back from its provider and adopted. If one may still come, the job waits
for it until its deadline. Otherwise the call is made once more at the house's cost, and never again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar
from uuid import UUID

from ops.base import metrics
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from schemas.errors import LostLease, Permanent, Retryable, Unavailable
from schemas.ids import derive_id
from schemas.models import Model
from storage.callbacks import Addresses
from storage.calls import Calls, ProviderCall
from storage.jobs import Started, Wake
from workers.claims import AGAIN_S, Claims
from workers.providers.journal import Journal, Parked
from workers.providers.registry import Providers
from workers.runtime.hand import Held
from workers.runtime.rounds import BackOff
from workers.verdicts import UNKNOWN

log = get_logger(__name__)

REPEATED: Final = "unknown"
"""Outcome of a call that was given up: it is presumed sold, and another one was or may be made."""
REBUYS_MAX: Final = 1
WAIT_FOR_CALLBACK_S: Final = 7 * 86_400.0
"""Longer than any deadline, which ends the wait."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shop:
    """What purchases stand on; one for a process."""

    calls: Calls
    addresses: Addresses
    nursery: Nursery


@dataclass(slots=True)
class Purchases:
    """The calls of one job as this attempt knows them, oldest first."""

    shop: Shop
    held: Held
    started: Started
    rows: list[ProviderCall] = field(default_factory=list)
    _minted: int = 0

    @classmethod
    async def load(cls, shop: Shop, held: Held, started: Started) -> "Purchases":
        """A first attempt has none to read. Raises Unavailable."""
        held.bought = started.intent_at is not None or started.remote_ref is not None
        rows = await shop.calls.of(started.job_id) if started.attempt > 1 else []
        return cls(shop, held, started, rows)

    # --------------------------------------------------------------------------------- what is known

    @property
    def last(self) -> ProviderCall | None:
        """The newest call that was bought, or perhaps bought."""
        if not self.rows:  # as with nearly every first attempt, and asked several times a job
            return None
        return next((row for row in reversed(self.rows) if row.counts), None)

    @property
    def task(self) -> ProviderCall | None:
        """The call whose task is to be asked after, also one that was looked at before."""
        last = self.last
        return last if last is not None and last.external_ref is not None else None

    @property
    def unanswered(self) -> ProviderCall | None:
        """The call of which nobody knows what became of it."""
        last = self.last
        return last if last is not None and last.open and last.external_ref is None else None

    @property
    def pending(self) -> ProviderCall | None:
        return self.task or self.unanswered

    @property
    def spent(self) -> int:
        return sum(row.counts for row in self.rows)

    def journal(self) -> Journal:
        """For the adapters. It is bound to a model before anything is bought with it."""
        return Bound(self, None)

    # ------------------------------------------------------------------ what earlier attempts have left

    async def resolve(self, providers: Providers, *, deadline_s: float) -> None:
        """Before anything else is done. Raises Parked, Permanent `provider_unknown`, LostLease."""
        row = self.unanswered
        if row is None or await self._adopted(row, providers, deadline_s):
            return
        waits = row.addressed and not self.started.last_look
        if waits:
            raise Parked(WAIT_FOR_CALLBACK_S)
        await self._close(row, REPEATED, sold=True)
        if self.started.last_look or self.spent > REBUYS_MAX:
            raise Permanent(UNKNOWN)

    async def _adopted(self, row: ProviderCall, providers: Providers, deadline_s: float) -> bool:
        """Whether a callback has named the task. Raises Parked when the provider cannot be asked now, or
        does not show it yet.
        """
        claims = Claims(providers, self.shop.addresses, deadline_s, self.started.last_look)
        if not claims.readable(row):
            return False
        named = await claims.sort(row)
        for ref in named.ours:
            if await self._note(row, ref):
                log.info("task.adopted", call=str(row.id))
                return True
        if not_ours := named.ours + named.foreign:
            await self.shop.calls.forget_claims(row.id, not_ours)
            log.warning("claim.rejected", call=str(row.id))
        if named.unseen and not self.started.last_look:
            raise Parked(AGAIN_S)
        return False

    async def recheck(self) -> tuple[Wake, ...]:
        """After a park: a callback may have come too early to find the job waiting. Raises Unavailable."""
        row = self.pending
        if row is None or not row.addressed:
            return ()
        return await self.shop.calls.recheck(row.id, row.heard_at)

    # ---------------------------------------------------------------------------------- what is written

    def mint(self) -> UUID:
        """The id of the next call; the same in an announcement that has to be repeated."""
        return derive_id(self.started.job_id, "purchase", self.started.attempt, self._minted)

    async def announce(self, model: Model, *, addressed: bool) -> ProviderCall:
        """Raises LostLease, Permanent `cancelled` and `provider_unknown`, Unavailable."""
        if self.unanswered is not None or self.spent > REBUYS_MAX:
            raise Permanent(UNKNOWN)
        again = self.spent > 0
        row = ProviderCall(self.mint(), model.provider, model.name, addressed=addressed)
        await self._announce(row)
        self._minted += 1
        self.rows.append(row)
        if again:
            metrics.provider_rebuys.labels(provider=row.provider).inc()
            log.warning("purchase.repeated", job_id=str(self.started.job_id), call=str(row.id))
        return row

    async def _announce(self, row: ProviderCall) -> None:
        """An interruption in here leaves the call open; an error, with nothing sent, does not."""
        self.held.bought = True
        try:
            said = await self.shop.calls.announce(row, self.started.job_id, self.started.attempt)
        except Unavailable:
            self.held.bought = False
            raise
        if said == "lost":
            raise LostLease
        if said == "cancelled":
            self.held.bought = False
            raise Permanent("cancelled")

    async def note_task(self, remote_ref: str) -> None:
        """Raises LostLease (the id is kept all the same), Retryable `provider_unknown`."""
        row = self.unanswered
        if row is None:
            msg = "a task without an announced call"
            raise RuntimeError(msg)
        if not await self._note(row, remote_ref):
            raise Retryable(UNKNOWN, reason="id_of_another_task")

    async def close(self, outcome: str, *, sold: bool, cost_usd_micros: int | None = None) -> None:
        """Raises LostLease. What is closed already stays as it is."""
        row = self.pending
        if row is not None:
            await self._close(row, outcome, sold=sold, cost_usd_micros=cost_usd_micros)

    async def _note(self, row: ProviderCall, ref: str) -> bool:
        """False: the id belongs to another call."""
        job_id, attempt = self.started.job_id, self.started.attempt
        said = await self._insist(lambda: self.shop.calls.note_task(row.id, job_id, attempt, ref))
        if said == "taken":
            return False
        self._put(replace(row, external_ref=ref))
        if said == "lost":
            raise LostLease
        return True

    async def _close(
        self, row: ProviderCall, outcome: str, *, sold: bool, cost_usd_micros: int | None = None
    ) -> None:
        if not row.open and sold:
            return
        job_id, attempt = self.started.job_id, self.started.attempt
        current = await self._insist(
            lambda: self.shop.calls.close(
                row.id, job_id, attempt, outcome=outcome, sold=sold, cost_usd_micros=cost_usd_micros
            )
        )
        if row.open:
            self._put(replace(row, outcome=outcome, sold=sold))
        if not current:
            raise LostLease

    def _put(self, row: ProviderCall) -> None:
        self.rows = [row if known.id == row.id else known for known in self.rows]
        self.held.bought = self.pending is not None

    async def _insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """What has been bought is written down, whatever becomes of this attempt: neither a store that
        is away for a while nor an interruption loses it.
        """

        async def until_heard() -> T:
            back_off = BackOff()
            while True:
                try:
                    return await call()
                except Unavailable:
                    await asyncio.sleep(back_off.next_s())

        return await asyncio.shield(self.shop.nursery.start_task(until_heard(), name="purchase"))


@dataclass(slots=True)
class Bound:
    """The journal as one adapter sees it: the job's purchases, the next one with this model."""

    _purchases: Purchases
    _model: Model | None
    _addressed: bool = False

    @property
    def remote_ref(self) -> str | None:
        task = self._purchases.task
        return None if task is None else task.external_ref

    @property
    def unanswered(self) -> bool:
        return self._purchases.unanswered is not None

    @property
    def row(self) -> str | None:
        pending = self._purchases.pending
        return None if pending is None else pending.model

    @property
    def callback_url(self) -> str | None:
        """Asking for it says that the provider will be told: such a call is worth waiting for."""
        if self._model is None:
            return None
        url = self._purchases.shop.addresses.of(self._model.provider, self._purchases.mint())
        self._addressed = url is not None
        return url

    def for_model(self, model: Model) -> Journal:
        return Bound(self._purchases, model)

    async def intend(self) -> None:
        if self._model is None:
            msg = "a purchase with no model"
            raise RuntimeError(msg)
        await self._purchases.announce(self._model, addressed=self._addressed)

    async def bought(self, remote_ref: str) -> None:
        await self._purchases.note_task(remote_ref)

    async def unsold(self, outcome: str) -> None:
        await self._purchases.close(outcome, sold=False)

    async def paid(self, outcome: str, *, cost_usd_micros: int | None) -> None:
        """From here on the job is only being finished: a worker that stops waits for that."""
        self._purchases.held.settling = True
        await self._purchases.close(outcome, sold=True, cost_usd_micros=cost_usd_micros)
