"""Gathering calls: who is alone goes alone, who waits goes together, everyone gets an own answer."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from ops.base.logs import bind_job, get_logger
from schemas.errors import Unavailable
from storage.batch import Batch


class Statements:
    """A stand-in for a pair of SQL functions that doubles numbers and remembers what it was sent."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails: dict[int, Exception] = {}

    async def many(self, rows: Sequence[int]) -> list[int]:
        self.sent.append(list(rows))
        await self.gate.wait()
        for row in rows:
            if row in self.fails:
                raise self.fails[row]
        return [row * 2 for row in rows]

    async def single(self, row: int) -> int:
        return (await self.many([row]))[0]

    def batch(self, **options: int) -> Batch[int, int]:
        return Batch(self.many, single=self.single, call="test", **options)


async def test_a_caller_alone_goes_alone() -> None:
    statements = Statements()
    assert await statements.batch()(1) == 2
    assert statements.sent == [[1]]


async def test_callers_of_one_turn_go_together_and_get_their_own_answers() -> None:
    statements = Statements()
    batch = statements.batch(lanes=1)
    assert await asyncio.gather(*(batch(n) for n in range(10))) == [n * 2 for n in range(10)]
    assert statements.sent == [list(range(10))]


async def test_a_statement_for_many_names_no_job_in_its_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not even that of the caller who came first."""
    log = get_logger("x")

    async def many(rows: Sequence[int]) -> Sequence[int]:
        log.warning("statement.slow")
        return rows

    async def single(row: int) -> int:
        return (await many([row]))[0]

    bind_job(job_id="j", user_id=1, kind="text.improve", attempt=1, trace_id="t")
    await Batch(many, single=single, call="test")(1)
    log.warning("job.slow")
    shared, own = map(json.loads, capsys.readouterr().err.splitlines())
    assert ("job_id" in shared, own["job_id"]) == (False, "j")


async def test_rows_gather_while_statements_are_in_flight_up_to_the_size() -> None:
    statements = Statements()
    statements.gate.clear()
    batch = statements.batch(lanes=1, size_max=4)
    tasks = [asyncio.ensure_future(batch(n)) for n in range(1)]
    await asyncio.sleep(0.01)
    tasks += [asyncio.ensure_future(batch(n)) for n in range(1, 11)]
    await asyncio.sleep(0.01)
    statements.gate.set()
    await asyncio.gather(*tasks)
    assert [len(part) for part in statements.sent] == [1, 4, 4, 2]


async def test_an_unknown_outcome_reaches_every_caller() -> None:
    statements = Statements()
    statements.fails[3] = Unavailable(store="postgres", reason="cut")
    batch = statements.batch(lanes=1)
    answers = await asyncio.gather(*(batch(n) for n in range(5)), return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert len(statements.sent) == 1


async def test_a_row_that_cannot_be_taken_fails_alone() -> None:
    statements = Statements()
    statements.fails[3] = ValueError("no such number")
    batch = statements.batch(lanes=1)
    answers = await asyncio.gather(*(batch(n) for n in range(5)), return_exceptions=True)
    assert isinstance(answers[3], ValueError)
    assert answers[:3] == [0, 2, 4]


async def test_a_cancelled_caller_withdraws_a_row_that_was_not_sent() -> None:
    statements = Statements()
    statements.gate.clear()
    batch = statements.batch(lanes=1)
    first = asyncio.ensure_future(batch(1))
    await asyncio.sleep(0.01)
    second, third = asyncio.ensure_future(batch(2)), asyncio.ensure_future(batch(3))
    await asyncio.sleep(0.01)
    second.cancel()
    statements.gate.set()
    assert (await first, await third) == (2, 6)
    assert statements.sent == [[1], [3]]


async def test_the_line_is_bounded() -> None:
    statements = Statements()
    statements.gate.clear()
    batch = statements.batch(lanes=1, waiting_max=2)
    tasks = [asyncio.ensure_future(batch(n)) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await batch(9)
    statements.gate.set()
    await asyncio.gather(*tasks)


async def test_closing_tells_who_waits() -> None:
    statements = Statements()
    statements.gate.clear()
    batch = statements.batch(lanes=1)
    task = asyncio.ensure_future(batch(1))
    await asyncio.sleep(0.01)
    await batch.close()
    with pytest.raises(Unavailable):
        await task
