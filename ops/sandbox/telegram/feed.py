"""What happens in the chats of one person, as numbered events for an open page.

The newest events are kept, so that a page that lost its line goes on after the last one it saw; one that
was away for longer is told to load everything anew.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from ops.sandbox.telegram.records import Wire

KEPT: Final = 500
ALIVE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    number: int
    kind: str
    body: Wire


class Feed:
    """One of these for the sandbox; numbers rise over all people."""

    def __init__(self, has_page: Callable[[int], bool]) -> None:
        """`has_page(person id)`: people whom only tests move never look, and nothing is kept."""
        self.number = 0
        self._has_page = has_page
        self._events: defaultdict[int, deque[Event]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._forgotten: dict[int, int] = {}
        self._news: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    def tell(self, person_id: int, kind: str, body: Wire) -> None:
        if not self._has_page(person_id):
            return
        self.number += 1
        events = self._events[person_id]
        if len(events) == KEPT:
            self._forgotten[person_id] = events[0].number
        events.append(Event(self.number, kind, body))
        self._news.pop(person_id, asyncio.Event()).set()

    async def follow(self, person_id: int, after: int) -> AsyncIterator[Event | None]:
        """Every event after that number, as it comes; None now and then, so that the line is used."""
        if after > self.number or after < self._forgotten.get(person_id, 0):
            after = self.number
            yield Event(after, "reload", {})
        while True:
            news = self._news[person_id]
            fresh = [event for event in self._events[person_id] if event.number > after]
            for event in fresh:
                after = event.number
                yield event
            if not fresh and not await _within(news, ALIVE_S):
                yield None

    def clear(self) -> None:
        self._events.clear()
        self._forgotten.clear()


async def _within(news: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await news.wait()
    except TimeoutError:
        return False
    return True
