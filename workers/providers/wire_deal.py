"""Buying something, asking about what was bought, and asking for something free: where an answer of
the wire becomes a fault of the job and a line of the journal.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from schemas.errors import Permanent, Retryable
from workers.providers.port import Call
from workers.providers.wire_faults import Lost, NotSold

T = TypeVar("T")

POLL_AGAIN_S: Final = 10.0


async def buy(call: Call, order: Callable[[], Awaitable[T]]) -> T:
    """`order()`, announced before it leaves; a certain no is withdrawn, an unknown end stays open.

    The caller says `bought` or `paid` for what comes back. Raises what `port` promises.
    """
    if call.last_look:
        raise Permanent("overdue")
    await call.leave()
    await call.journal.intend()
    # Crash window 8: from here until the answer is read, nobody knows whether it was bought.
    try:
        return await order()
    except NotSold as no:
        await call.journal.unsold(no.fault.code)
        raise no.fault from no
    except Lost as lost:
        # A second order, if there is one, waits for it too.
        raise Retryable("provider_unknown", reason=lost.reason, **_pause(lost)) from lost


async def ask(question: Callable[[], Awaitable[T]]) -> T:
    """`question()` that costs nothing however often it is asked: an unknown end is only a delay."""
    try:
        return await question()
    except NotSold as no:
        raise no.fault from no
    except Lost as lost:
        raise Retryable("provider_unavailable", reason=lost.reason, **_pause(lost)) from lost


async def follow(question: Callable[[], Awaitable[T]]) -> T:
    """`question()` about something that is bought and running: no answer, whatever its reason, ends
    that. The job asks again until its deadline, and it costs no try.
    """
    try:
        return await question()
    except NotSold as no:
        code = no.fault.code if no.fault.retryable else "provider_unavailable"
        raise _delay(code, no.fault.facts.get("retry_after_s")) from no
    except Lost as lost:
        raise _delay("provider_unavailable", lost.retry_after_s, reason=lost.reason) from lost


def _delay(code: str, named_s: object, **facts: object) -> Retryable:
    """`pause_s`: what the provider asks of everybody, not our own pause between two looks."""
    if not isinstance(named_s, int | float):
        return Retryable(code, retry_after_s=POLL_AGAIN_S, counted=False, **facts)
    return Retryable(code, retry_after_s=named_s, pause_s=named_s, counted=False, **facts)


def _pause(lost: Lost) -> dict[str, float]:
    return {} if lost.retry_after_s is None else {"retry_after_s": lost.retry_after_s}
