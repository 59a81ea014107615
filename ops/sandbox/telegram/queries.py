"""Questions that bots must answer soon: a pressed button, an inline query, a payment about to be made.

They live in memory only: a question that a restart interrupts stays without an answer, as it would.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

from ops.base.clock import monotonic_s
from ops.sandbox.telegram.records import Wire
from ops.sandbox.telegram.refusals import bad_request

QueryKind = Literal["callback", "inline", "pre_checkout"]
PATIENCE_S: Final[dict[QueryKind, float]] = {"callback": 60.0, "inline": 30.0, "pre_checkout": 10.0}
KEPT: Final = 10_000
TOO_OLD: Final = "query is too old and response timeout expired or query ID is invalid"


@dataclass(slots=True)
class Query:
    id: str
    kind: QueryKind
    bot_id: int
    person_id: int
    asked_s: float
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Wire = field(default_factory=dict)


class Queries:
    """The newest questions, by id."""

    def __init__(self) -> None:
        self._queries: dict[str, Query] = {}

    def ask(self, kind: QueryKind, *, bot_id: int, person_id: int) -> Query:
        while len(self._queries) >= KEPT:
            del self._queries[next(iter(self._queries))]
        number = str(secrets.randbelow(2**62) + 2**61)
        query = Query(number, kind, bot_id, person_id, monotonic_s())
        self._queries[number] = query
        return query

    def answer(self, kind: QueryKind, query_id: str | None, *, bot_id: int, answer: Wire) -> Query:
        """Raises BotApiRefusal 400 for a question of another bot, an old one or none at all."""
        query = self._queries.get(query_id or "")
        if query is None or query.kind != kind or query.bot_id != bot_id:
            raise bad_request(TOO_OLD)
        if monotonic_s() - query.asked_s > PATIENCE_S[kind]:
            raise bad_request(TOO_OLD)
        query.answer = answer
        query.answered.set()
        return query

    def get(self, query_id: str) -> Query | None:
        return self._queries.get(query_id)

    async def wait(self, query: Query, timeout_s: float | None = None) -> Wire | None:
        """The answer; None when none came in time."""
        try:
            async with asyncio.timeout(PATIENCE_S[query.kind] if timeout_s is None else timeout_s):
                await query.answered.wait()
        except TimeoutError:
            return None
        return query.answer

    def clear(self) -> None:
        self._queries.clear()
