"""Health: what makes a process unready, and what must not restart it."""

import asyncio

import pytest

from ops.base.health import Health, Verdict


async def well() -> None:
    return


async def test_ready_when_every_check_passes() -> None:
    health = Health()
    health.add("database", well)
    assert await health.ready() == Verdict(ok=True, checks={"database": "ok"})


async def test_one_bad_check_is_named_without_its_text() -> None:
    async def unwell() -> None:
        raise ConnectionError("postgres://u:hunter2@h")

    health = Health()
    health.add("database", well)
    health.add("redis", unwell)
    verdict = await health.ready()
    assert verdict == Verdict(ok=False, checks={"database": "ok", "redis": "ConnectionError"})
    assert (await health.live()).ok, "a store that is down must not restart the process"


async def test_a_check_that_hangs_has_failed() -> None:
    health = Health(check_timeout_s=0.01)
    health.add("database", asyncio.Event().wait)
    assert (await health.ready()).checks == {"database": "TimeoutError"}


async def test_draining_is_unready_but_alive() -> None:
    health = Health()
    health.add("database", well)
    health.drain()
    assert await health.ready() == Verdict(ok=False, checks={"database": "ok", "drain": "draining"})
    assert (await health.live()).ok


async def test_a_name_is_taken_once() -> None:
    health = Health()
    health.add("database", well)
    with pytest.raises(ValueError, match="database"):
        health.add("database", well)
