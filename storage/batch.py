"""Gathers single calls into set calls, so that one commit serves many callers.

It never waits for a set to fill: while the statements in flight are busy, the next rows gather by
themselves. A caller that is alone goes through the single form, the quicker one for one row.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from ops.base import metrics
from ops.base.nursery import Nursery
from schemas.errors import LeydenError, Unavailable

SIZE_MAX: Final = 50
WAITING_MAX: Final = 5_000

Row = TypeVar("Row")
Answer = TypeVar("Answer")
Many = Callable[[Sequence[Row]], Awaitable[Sequence[Answer]]]
Single = Callable[[Row], Awaitable[Answer]]


class Batch(Generic[Row, Answer]):
    """At most `lanes` statements in flight, each of at most `size_max` rows.

    `many` answers one item per row, in order. `call` is the label of the metric `batch_rows`.
    """

    def __init__(
        self,
        many: Many[Row, Answer],
        *,
        single: Single[Row, Answer],
        call: str,
        size_max: int = SIZE_MAX,
        lanes: int = 2,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._many = many
        self._single = single
        self._rows_metric = metrics.batch_rows.labels(call=call)
        self._size_max = size_max
        self._waiting_max = waiting_max
        self._free_lanes = lanes
        self._waiting: deque[tuple[Row, asyncio.Future[Answer]]] = deque()
        self._nursery = Nursery("batch")

    async def __call__(self, row: Row) -> Answer:
        """The answer for this row; raises what the statement raised.

        Cancelling the caller withdraws a row that was not sent; one that was sent runs on.
        Raises Unavailable when too many rows wait already.
        """
        if len(self._waiting) >= self._waiting_max:
            raise Unavailable(store="postgres", reason="too_many_waiting")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, answer))
        if self._free_lanes:
            self._free_lanes -= 1
            self._nursery.start(self._work(), name="batch", apart=True)
        return await answer

    async def close(self) -> None:
        """Cancel what is in flight; its outcome is then unknown to its callers."""
        await self._nursery.close()

    async def _work(self) -> None:
        try:
            await asyncio.sleep(0)  # callers of this turn of the loop join the first statement
            while part := self._take():
                await self._send(part)
        finally:
            self._free_lanes += 1

    def _take(self) -> list[tuple[Row, asyncio.Future[Answer]]]:
        """A fair share of what waits: free statements should not idle beside one that is full."""
        fair = -(-len(self._waiting) // (self._free_lanes + 1))
        part: list[tuple[Row, asyncio.Future[Answer]]] = []
        while self._waiting and len(part) < min(fair, self._size_max):
            row, answer = self._waiting.popleft()
            if not answer.done():
                part.append((row, answer))
        return part

    async def _send(self, part: list[tuple[Row, asyncio.Future[Answer]]]) -> None:
        self._rows_metric.observe(len(part))
        if len(part) == 1:
            await self._send_single(*part[0])
            return
        try:
            answers = await self._many([row for row, _ in part])
        except asyncio.CancelledError:
            _fail(part, Unavailable(store="postgres", reason="closing"))
            raise
        except LeydenError as error:
            _fail(part, error)
        except Exception:  # noqa: BLE001 (nothing was written: find the row that is to blame)
            # One row that Postgres cannot take must not refuse the others of its set.
            for row, answer in part:
                await self._send_single(row, answer)
        else:
            for (_, answer), item in zip(part, answers, strict=True):
                if not answer.done():
                    answer.set_result(item)

    async def _send_single(self, row: Row, answer: "asyncio.Future[Answer]") -> None:
        try:
            item = await self._single(row)
        except asyncio.CancelledError:
            _fail([(row, answer)], Unavailable(store="postgres", reason="closing"))
            raise
        except Exception as error:  # noqa: BLE001 (handed to the caller as it is)
            _fail([(row, answer)], error)
        else:
            if not answer.done():
                answer.set_result(item)


def _fail(part: Sequence[tuple[object, "asyncio.Future[Answer]"]], error: BaseException) -> None:
    for _, answer in part:
        if not answer.done():
            answer.set_exception(error)
