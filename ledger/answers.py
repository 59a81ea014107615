"""From an answer of the ledger to a result or a refusal, and the repetition of calls that got lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from schemas.errors import Unavailable, refusal
from storage.ledger import Answer

TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.05

Value = TypeVar("Value")


async def again(call: Callable[[], Awaitable[Value]]) -> Value:
    """Repeat a call whose outcome is unknown: deadlock, lost connection, restart of the database.

    Safe because every operation is idempotent by its id. Raises Unavailable after five tries, which
    says "try again in a moment" and never "insufficient".
    """
    for attempt in range(TRIES - 1):
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(FIRST_PAUSE_S * 2**attempt)
    return await call()


def done(answer: Answer, **facts: Any) -> Answer:
    """The answer if it is `ok`. Raises the refusal its code names, with the amounts as facts."""
    if answer.code == "ok":
        return answer
    if answer.balance_units is not None and answer.held_units is not None:
        facts.setdefault("available_units", answer.balance_units - answer.held_units)
        facts.setdefault("held_units", answer.held_units)
    if answer.amount_units is not None:
        facts.setdefault("price_units", abs(answer.amount_units))
    raise refusal(answer.code, **facts)
