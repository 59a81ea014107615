"""The chain behind a name: ask the best, and the next when it certainly sold nothing.

Whoever answers, the price stays the one that was locked when the job was accepted. What was bought, or
may have been, is only ever asked for where it was bought.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeVar, runtime_checkable

from ops.base import clock, metrics
from ops.base.logs import get_logger
from schemas.errors import JobFault, Permanent, Retryable
from schemas.models import Model
from workers.providers.guard.guard import Denied, Guard
from workers.providers.guard.verdicts import QUOTA, RATE_LIMITED, UNAVAILABLE
from workers.providers.journal import FREE, Journal, Parked
from workers.providers.port import Call

log = get_logger(__name__)

P = TypeVar("P")
T = TypeVar("T")

PASSED_ON: Final = frozenset({UNAVAILABLE, RATE_LIMITED, QUOTA, "unknown_model"})
"""The provider sold nothing and would sell nothing to anybody; a refusal of the content is no such."""
BUSY_STAYS_S: Final = 10.0
"""A turn that near is waited for: the next in the chain is dearer or not as good."""
LAST_LOOK_PATIENCE_S: Final = 10.0


@runtime_checkable
class Remembers(Protocol):
    """A journal that knows with which row a purchase is being made."""

    @property
    def row(self) -> str | None:
        """Name of the row of a purchase that is not settled; None when there is none."""

    def for_model(self, model: Model) -> Journal:
        """The same purchases, the next one with this row."""


@dataclass(frozen=True, slots=True)
class Link(Generic[P]):
    """One candidate: an adapter's port, and the row that says which of its models is meant."""

    port: P
    model: Model


class Line(Generic[P]):
    """Candidates, best first. `find` gives the link of any row, for what was bought under another chain."""

    def __init__(
        self, guard: Guard, links: Sequence[Link[P]], find: Callable[[str], Link[P] | None]
    ) -> None:
        self._guard = guard
        self._links = tuple(links)
        self._find = find

    async def ask(self, call: Call, question: Callable[[P, Call], Awaitable[T]]) -> T:
        """The first answer. Raises what the ports raise; Denied when nobody may be asked now."""
        pending = self._pending(call)
        if pending is not None:
            return await self._again(pending, call, question)
        faults: list[JobFault] = []
        for link in self._links:
            try:
                return await self._once(link, call, question)
            except JobFault as fault:
                if not self._passes_on(fault):
                    raise
                faults.append(fault)
                self._note(link, fault)
        raise _told(faults)

    async def _once(
        self,
        link: Link[P],
        call: Call,
        question: Callable[[P, Call], Awaitable[T]],
        patience_s: float | None = None,
    ) -> T:
        bound = _bound(call, link.model)
        left_s = call.deadline_s - clock.monotonic_s()
        return await self._guard.sell(
            link.model,
            lambda leave: question(link.port, replace(bound, leave=leave)),
            left_s=left_s,
            patience_s=patience_s,
        )

    async def _again(
        self, link: Link[P], call: Call, question: Callable[[P, Call], Awaitable[T]]
    ) -> T:
        """Where it was bought. A poll whose turn is far parks its job instead of waiting for it."""
        bound = _bound(call, link.model)
        left_s = call.deadline_s - clock.monotonic_s()
        patience_s = min(LAST_LOOK_PATIENCE_S, left_s) if call.last_look else None
        if call.journal.remote_ref is None:
            return await self._once(link, call, question, patience_s)
        try:
            return await self._guard.call(
                link.model,
                lambda: question(link.port, bound),
                left_s=left_s,
                bought=True,
                patience_s=patience_s,
            )
        except Denied as denied:
            raise Parked(denied.wait.wait_s) from denied

    def _pending(self, call: Call) -> Link[P] | None:
        """Where an open purchase of this job was made. Raises Retryable when that is out of reach."""
        journal = call.journal
        if journal is FREE or not (journal.unanswered or journal.remote_ref is not None):
            return None
        name = journal.row if isinstance(journal, Remembers) else call.model.name
        link = self._find(name) if name else None
        if link is None:
            # Its key was taken away, or its row. Until the deadline it may come back.
            raise Retryable(UNAVAILABLE, reason="no_key", retry_after_s=30.0, counted=False)
        return link

    def _passes_on(self, fault: JobFault) -> bool:
        if isinstance(fault, Denied):
            return fault.wait.reason not in {"busy", "full"} or fault.wait.wait_s > BUSY_STAYS_S
        return fault.code in PASSED_ON

    def _note(self, link: Link[P], fault: JobFault) -> None:
        if link is not self._links[-1]:
            metrics.provider_fallbacks.labels(provider=link.model.provider).inc()
            log.info("provider.passed_over", model=link.model.name, code=fault.code)


def _bound(call: Call, model: Model) -> Call:
    journal = call.journal
    if journal is not FREE and isinstance(journal, Remembers):
        journal = journal.for_model(model)
    return replace(call, model=model, journal=journal)


def _told(faults: Sequence[JobFault]) -> JobFault:
    """One fault for all: the shortest wait, if any waiting helps. A stop is told as what it is."""
    plain = [_plain(fault) for fault in faults]
    waits = [fault for fault in plain if isinstance(fault, Retryable)]
    return min(waits, key=lambda f: float(f.facts.get("retry_after_s") or 0), default=plain[0])


def _plain(fault: JobFault) -> JobFault:
    """Nobody knows when a bill will be paid: the job ends and its credits return."""
    if isinstance(fault, Denied) and fault.wait.reason == "stopped":
        if fault.wait.why == QUOTA:
            return Permanent(QUOTA)
        return Permanent(UNAVAILABLE, reason=fault.wait.why)
    return fault
