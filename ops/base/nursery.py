"""The one place that starts asyncio tasks in the background.

A bare task can vanish while it runs (the loop keeps only a weak reference) and can fail without
anybody hearing of it. A nursery keeps the reference, logs and counts the failure, tells its owner,
and ends what is left when it closes.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from types import TracebackType
from typing import Any, Self, TypeVar

from ops.base import metrics
from ops.base.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")
OnFailure = Callable[[str, BaseException], None]


class Nursery:
    """Background tasks with one owner; `name` is a metric label, so it is one of a few words."""

    def __init__(
        self, name: str, *, on_failure: OnFailure | None = None, close_timeout_s: float = 5.0
    ) -> None:
        """`on_failure(task name, error)` is called on the loop for every task that failed."""
        self._name = name
        self._on_failure = on_failure
        self._close_timeout_s = close_timeout_s
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def __len__(self) -> int:
        """How many tasks are running."""
        return len(self._tasks)

    def start(self, coro: Coroutine[Any, Any, object], *, name: str, apart: bool = False) -> None:
        """Run `coro` in the background. RuntimeError when the nursery has closed.

        `apart`: it works for many, so its lines must not name the job that happened to begin it.
        """
        self._tasks.add(self._make(coro, name, Context() if apart else None))

    def start_task(self, coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """The same for who needs the task itself, to cancel it or to await its result."""
        task = self._make(coro, name)
        self._tasks.add(task)
        return task

    async def drain(self, timeout_s: float) -> bool:
        """Wait, without cancelling, until all tasks have ended; False when time ran out first."""
        waiting = self._others()
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)
        return not self._others()

    async def close(self, timeout_s: float | None = None) -> None:
        """Take no more tasks, cancel the rest and wait for them, at most `timeout_s` seconds."""
        self._closed = True
        left = self._others()
        for task in left:
            task.cancel()
        if not left:
            return
        patience_s = self._close_timeout_s if timeout_s is None else timeout_s
        _, stuck = await asyncio.wait(left, timeout=patience_s)
        for task in stuck:
            log.error("task.abandoned", nursery=self._name, task=task.get_name())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _make(
        self, coro: Coroutine[Any, Any, T], name: str, context: Context | None = None
    ) -> asyncio.Task[T]:
        if self._closed:
            coro.close()
            msg = f"the nursery {self._name} has closed, {name} was not started"
            raise RuntimeError(msg)
        task = asyncio.create_task(coro, name=name, context=context)  # noqa: TID251 (the permitted place)
        task.add_done_callback(self._ended)
        return task

    def _others(self) -> set[asyncio.Task[Any]]:
        return self._tasks - {asyncio.current_task()}

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        metrics.task_failures.labels(nursery=self._name).inc()
        log.error("task.failed", nursery=self._name, task=task.get_name(), exc_info=error)
        if self._on_failure is not None:
            self._on_failure(task.get_name(), error)
