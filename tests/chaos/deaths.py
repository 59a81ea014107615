"""Where a worker process can be made to kill itself, by name. Nothing of this is in the product."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from storage.consumer import Consumer
from storage.deliveries import Deliveries
from storage.jobs import Jobs
from storage.queue import Queue
from workers.artifacts import Shelf


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(name: str) -> None:
    """From now on this process dies at the line called `name`; "" arms nothing."""
    if name:
        POINTS[name]()


def _before(owner: type[Any] | ModuleType, method: str) -> None:
    async def replaced(*_args: Any, **_options: Any) -> None:
        die()

    setattr(owner, method, replaced)


def _after(owner: type[Any], method: str, when: Callable[[Any], bool] = bool) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def replaced(*args: Any, **options: Any) -> Any:
        answer = await original(*args, **options)
        if when(answer):
            die()
        return answer

    setattr(owner, method, replaced)


def _during(owner: type[Any], method: str) -> None:
    """The statement is on its way; whether it commits is anybody's guess."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, method)

    async def replaced(*args: Any, **options: Any) -> Any:
        async def ask() -> Any:
            return await original(*args, **options)

        asked = asyncio.create_task(ask())
        for _ in range(20):
            await asyncio.sleep(0)
        die()
        return await asked

    setattr(owner, method, replaced)


def _each(owner: type[Any], methods: tuple[str, ...], how: Callable[..., None]) -> None:
    for method in methods:
        how(owner, method)


def _delivered() -> None:
    for method in ("read", "wait"):
        _after(Consumer, method, lambda found: bool(found.entries))


def _letters(how: Callable[[type[Any]], None]) -> None:
    """Imported only by a process that is to die there: it brings aiogram."""
    from workers.delivery.letters import Letters

    how(Letters)


STARTS = ("start", "start_many")
ENDS = ("succeed", "succeed_many")

POINTS: dict[str, Callable[[], None]] = {
    "wake.before": lambda: _before(Queue, "wake"),  # 2: committed, never told
    "wake.after": lambda: _after(Queue, "wake"),  # 3: told, the answer is lost
    "entry.delivered": _delivered,  # 5: read, nothing done
    "start.during": lambda: _each(Jobs, STARTS, _during),  # 6: tx 1 is on its way
    "start.after": lambda: _each(Jobs, STARTS, _after),  # 7: lease and hold, nothing bought
    "manifest.after": lambda: _after(Shelf, "finish", lambda _: True),  # 13: made, not ended
    "succeed.before": lambda: _each(Jobs, ENDS, _before),  # 13: the same without files
    "succeed.during": lambda: _each(Jobs, ENDS, _during),  # 14: tx 2 is on its way
    "succeed.after": lambda: _each(Jobs, ENDS, _after),  # 14: committed, the answer is lost
    "letter.before": lambda: _letters(lambda o: _before(o, "_send")),  # 16: marked, not sent
    "letter.during": lambda: _letters(lambda o: _during(o, "_send")),  # 16: it is on its way
    "letter.after": lambda: _letters(lambda o: _after(o, "_send")),  # 18: sent, not written down
    "edit.after": lambda: _letters(lambda o: _after(o, "edit", lambda _: True)),  # 18: an edit
    "delay.before": lambda: _before(Deliveries, "delay"),  # 17: refused, not written down
    "end.before": lambda: _before(Deliveries, "end"),  # 17, 18: all is said but the end
    "part.noted": lambda: _after(Deliveries, "note_part"),  # 18: one part is written down
    "entry.open": lambda: _before(Consumer, "settle"),  # 15: never closed
}
