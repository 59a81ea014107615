"""The nursery: failures are heard, nothing is forgotten, closing ends what is left."""

import asyncio
import gc

import pytest

from ops.base import metrics
from ops.base.nursery import Nursery


def failures(name: str) -> float:
    return metrics.registry.get_sample_value(
        "leyden_task_failures_total", {"nursery": name}
    ) or 0.0  # fmt: skip


async def fail() -> None:
    raise ValueError("boom")


async def test_a_failure_is_counted_and_told() -> None:
    told: list[tuple[str, BaseException]] = []
    before = failures("test")
    async with Nursery(
        "test", on_failure=lambda name, error: told.append((name, error))
    ) as nursery:
        nursery.start(fail(), name="renew")
        assert await nursery.drain(5)
    ((name, error),) = told
    assert name == "renew"
    assert isinstance(error, ValueError)
    assert failures("test") == before + 1


async def test_a_task_nobody_holds_is_not_collected() -> None:
    done = asyncio.Event()
    nursery = Nursery("test")
    waits: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()

    async def run(future: "asyncio.Future[None]") -> None:
        await future
        done.set()

    assert waits is not None
    nursery.start(run(waits), name="lonely")
    await asyncio.sleep(0)
    gc.collect()
    waits.set_result(None)
    await asyncio.wait_for(done.wait(), 5)
    await nursery.close()


async def test_close_cancels_and_waits() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    before = failures("test")
    async with Nursery("test") as nursery:
        nursery.start(forever(), name="sweep")
        await asyncio.sleep(0)
    assert ended == ["cleaned up"]
    assert len(nursery) == 0
    assert failures("test") == before, "being cancelled is no failure"


async def test_close_gives_up_on_a_task_that_will_not_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    nursery = Nursery("test")
    task = nursery.start_task(stubborn(), name="stubborn")
    await asyncio.sleep(0)
    await nursery.close(timeout_s=0.05)
    assert not task.done()
    said = "".join(capsys.readouterr())
    assert "task.abandoned" in said
    assert "stubborn" in said
    release.set()
    await asyncio.wait_for(task, 5)


async def test_nothing_starts_after_close() -> None:
    nursery = Nursery("test")
    await nursery.close()
    with pytest.raises(RuntimeError, match="late was not started"):
        nursery.start(fail(), name="late")
    assert len(nursery) == 0


async def test_drain_says_whether_time_was_enough() -> None:
    gate = asyncio.Event()
    nursery = Nursery("test")
    assert await nursery.drain(0)
    task = nursery.start_task(gate.wait(), name="job")
    assert not await nursery.drain(0.01)
    assert not task.done()
    gate.set()
    assert await nursery.drain(5)
    assert task.result() is True


async def test_a_task_may_close_its_own_nursery() -> None:
    nursery = Nursery("test")
    other = nursery.start_task(asyncio.Event().wait(), name="other")
    closer = nursery.start_task(nursery.close(), name="closer")
    await asyncio.wait_for(closer, 5)
    assert other.cancelled()
