"""The one way in: a wish becomes a job, once, or a clear refusal with nothing written and no charge.

An answer `Accepted` means the job is committed. Killed before the commit, the caller has no answer and
nothing exists; killed after it, the same key finds the job, and the sweeper adds the wake-up that was
never sent. Redis may be down the whole time.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from ledger.wallets import Wallets
from ops.base import metrics
from ops.base.clock import now
from ops.base.logs import get_logger
from ops.base.settings import Settings
from ops.base.trace import trace_id, trace_of
from producers.offer import Offer, Offers
from producers.request import (
    Accepted,
    SubmitRequest,
    body_hash,
    check_key,
    check_size,
    check_time,
)
from schemas.errors import Conflict, Refused, Unavailable, refusal
from schemas.ids import new_id
from schemas.jobs import LANE_OF_KIND, Kind, stream_number
from schemas.money import App, Currency, format_units
from schemas.plans import kind_limits
from storage.batch import Batch
from storage.crypto import PAYLOAD, Keys
from storage.jobs import Jobs, NewJob, Submitted
from storage.queue import Queue
from storage.results import KnownKey, Results
from storage.users import Users

log = get_logger(__name__)

PAUSES_S: Final = (0.05, 0.15, 0.3, 0.6, 0.9)
"""Between repetitions of a call whose outcome is unknown: five within about two seconds."""
FIRST_USES_KEPT: Final = 50_000


class Intake:
    """Every refusal is a Refused with the narrowest code. Unavailable: not known, ask again."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        queue: Queue,
        keys: Keys,
        offers: Offers,
        results: Results,
        wallets: Wallets,
        users: Users,
        settings: Settings,
    ) -> None:
        self._jobs = jobs
        self._queue = queue
        self._keys = keys
        self._offers = offers
        self._results = results
        self._wallets = wallets
        self._users = users
        self._plans = offers.plans
        self._payload_max_bytes = settings.payload_max_bytes
        self._seen: dict[tuple[int, App], None] = {}
        self._submit: Batch[NewJob, Submitted] = Batch(
            self._send_many, single=self._send, call="submit", size_max=settings.batch_size_max
        )

    async def close(self) -> None:
        await self._submit.close()

    async def submit(self, request: SubmitRequest) -> Accepted:
        """Accept a wish, or answer the job that its key stands for already.

        Raises InvalidInput, NotAllowed, Missing, Conflict, Insufficient, TooMuch, NoRoom; Unavailable.
        """
        try:
            check_key(request.key)
            check_time(request.run_at)  # first: what cannot be moved to UTC has no canonical form
            check_size(request, limit_bytes=self._payload_max_bytes)
            job_id = new_id()
            wish = replace(request, key=request.key or str(job_id), trace=trace_of(request.trace))
            accepted = await self._repeated(wish, job_id)
        except Refused as refused:
            metrics.jobs_refused.labels(code=refused.code).inc()
            raise
        if not accepted.replayed:
            metrics.jobs_accepted.labels(kind=request.kind, app=request.app.value).inc()
            log.info(
                "job.accepted",
                job_id=str(accepted.job_id),
                user_id=request.user_id,
                kind=request.kind,
                trace_id=trace_id(wish.trace or ""),
            )
        return accepted

    async def cancel(self, user_id: int, job_id: UUID) -> str:
        """`cancelled`: over, its credits are back. `requested`: it stops when it can, and is charged.

        Raises Missing, for another person's job too; Conflict `too_late`; Unavailable.
        """
        code, wakes = await self._jobs.cancel(job_id, user_id)
        await self._queue.wake(wakes)
        if code in {"cancelled", "requested"}:
            return code
        raise refusal("not_found" if code == "missing" else code)

    async def check_funds(self, request: SubmitRequest, *, price_units: int) -> None:
        """Whether this much could be promised now: for several jobs of which only the first is submitted.

        A courtesy as at `submit`: who starts pays. Raises Insufficient; Unavailable.
        """
        await self._welcome(request)
        short = await self._shortfall(request, price_units)
        if price_units > short["available_units"]:
            raise refusal("insufficient", **short)

    async def _repeated(self, wish: SubmitRequest, job_id: UUID) -> Accepted:
        """A lost reply may hide a commit: the same id and key again answer what the first one did."""
        for pause_s in PAUSES_S:
            try:
                return await self._once(wish, job_id)
            except Unavailable as error:
                log.warning("submit.repeated", job_id=str(job_id), error=str(error))
                await asyncio.sleep(pause_s)
        return await self._once(wish, job_id)

    async def _once(self, wish: SubmitRequest, job_id: UUID) -> Accepted:
        try:
            await self._offers.space.check()
            offer = await self._offers.make(wish)
            await self._welcome(wish)
            submitted = await self._submit(await self._job(wish, job_id, offer))
            if submitted.code in {"ok", "replay"}:
                return await self._accepted(wish, submitted, fresh=submitted.job_id == job_id)
            raise await self._refusal(wish, submitted.code, offer)
        except Refused:
            # A key that is known is answered before any refusal: the model may be gone by now, or
            # the file, or the credits, but the job of the first time is there.
            known = await self._results.known(wish.user_id, wish.key or "")
            if known is None:
                raise
            return await self._known(wish, known, job_id)

    async def _known(self, wish: SubmitRequest, known: KnownKey, job_id: UUID) -> Accepted:
        if known.body_hash != body_hash(wish):
            raise Conflict("key_conflict") from None
        submitted = Submitted("replay", known.job_id, known.state, known.price_units, ())
        return await self._accepted(wish, submitted, fresh=known.job_id == job_id)

    async def _job(self, wish: SubmitRequest, job_id: UUID, offer: Offer) -> NewJob:
        kind = Kind(wish.kind)
        key = await self._keys.of(wish.user_id)
        limits = kind_limits()[kind]
        return NewJob(
            id=job_id,
            user_id=wish.user_id,
            app=wish.app.number,
            kind=kind.value,
            version=offer.payload.version,
            stream=stream_number(LANE_OF_KIND[kind], offer.plan.stream_priority),
            key=wish.key or str(job_id),
            body_hash=body_hash(wish),
            payload=key.encrypt(offer.payload.model_dump_json().encode(), purpose=PAYLOAD),
            key_version=key.version,
            price_units=offer.quote.price_units,
            price_version=offer.quote.price_version,
            spend_order=self._plans.app(wish.app).spend_numbers,
            reply=wish.reply,
            daily_limit=offer.plan.daily_limits[wish.app],
            limit_s=limits.deadline_s,
            max_tries=limits.max_tries,
            trace=wish.trace or "",
            save=wish.save,
            run_at=wish.run_at,
            replay_of=wish.replay_of,
        )

    async def _send(self, job: NewJob) -> Submitted:
        submitted = await self._jobs.submit(job)
        # Killed here: the job is committed, its wake-up is not sent. The sweeper adds it.
        await self._queue.wake(submitted.wakes)
        return submitted

    async def _send_many(self, jobs: Sequence[NewJob]) -> list[Submitted]:
        answers = await self._jobs.submit_many(jobs)
        await self._queue.wake([wake for answer in answers for wake in answer.wakes])
        return answers

    async def _welcome(self, wish: SubmitRequest) -> None:
        """The grants of a first use. They are given once whatever this process remembers, and not to
        who was erased and came back.
        """
        grants = self._plans.grants.first_use.get(wish.app)
        if not grants or (wish.user_id, wish.app) in self._seen:
            return
        if not await self._users.has_returned(wish.user_id):
            await self._wallets.first_use(wish.user_id, wish.app)
        self._seen[wish.user_id, wish.app] = None
        if len(self._seen) > FIRST_USES_KEPT:
            del self._seen[next(iter(self._seen))]

    async def _accepted(
        self, wish: SubmitRequest, submitted: Submitted, *, fresh: bool
    ) -> Accepted:
        assert submitted.job_id is not None  # noqa: S101 (ok and replay name their job)
        assert submitted.state is not None  # noqa: S101
        price_units = submitted.price_units or 0
        currency = await self._payer(wish, price_units)
        return Accepted(
            job_id=submitted.job_id,
            state=submitted.state.value,
            price_units=price_units,
            currency=currency.value,
            replayed=not fresh,
        )

    async def _payer(self, wish: SubmitRequest, price_units: int) -> Currency:
        """The wallet that would pay now; the hold decides when the job starts."""
        order = self._plans.app(wish.app).spend_order
        if len(order) == 1 or price_units == 0:
            return order[-1]
        wallets = {wallet.currency: wallet for wallet in await self._wallets.balances(wish.user_id)}
        for currency in order:
            wallet = wallets.get(currency)
            if wallet and wallet.available_units >= price_units:
                return currency
        return order[-1]

    async def _refusal(self, wish: SubmitRequest, code: str, offer: Offer) -> Refused:
        match code:
            case "insufficient":
                return refusal(code, **await self._shortfall(wish, offer.quote.price_units))
            case "daily_limit":
                limit = offer.plan.daily_limits[wish.app]
                reset = (now() + timedelta(days=1)).strftime("%Y-%m-%d 00:00 UTC")
                return refusal(code, used=limit, limit=limit, reset=reset)
            case "backlog_full":
                burden = await self._results.burden(wish.user_id)
                return refusal(code, waiting=burden.waiting)
            case _:
                return refusal(code)

    async def _shortfall(self, wish: SubmitRequest, price_units: int) -> dict[str, Any]:
        """What is needed, what each wallet of this app has, and what unfinished jobs take of it."""
        order = self._plans.app(wish.app).spend_order
        wallets = [w for w in await self._wallets.balances(wish.user_id) if w.currency in order]
        total_units = sum(wallet.balance_units for wallet in wallets)
        promised_units = (await self._results.burden(wish.user_id)).promised_units
        return {
            "price_units": price_units,
            "available_units": max(0, total_units - promised_units),
            "held_units": min(total_units, promised_units),
            "wallets": {w.currency.value: format_units(w.balance_units) for w in wallets},
        }
