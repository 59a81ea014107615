"""Long texts are made into messages beside the loop, which goes on meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ops.base.nursery import Nursery
from schemas.results import TextGenerated, TextImproved
from workers.delivery import answers
from workers.delivery.contents import Content, post_parts
from workers.delivery.letters import without_tags
from workers.delivery.markup import AT_ONCE_MAX
from workers.delivery.parts import TEXT_MAX_UNITS, Words, units

LONG = "\n\n".join(f"## Part {n}\n\n* **bold** and `code` " + "word " * 60 for n in range(60))
MADE: dict[str, Any] = {"provider": "local", "model": "script", "made_by": "us"}


async def generated() -> object:
    return await answers._texts(TextGenerated(**MADE, text=LONG), "en")


async def improved() -> object:
    return await answers._texts(TextImproved(**MADE, text=LONG * 20), "en")


async def posted() -> object:
    return await post_parts(Content(LONG))


@pytest.mark.parametrize("make", [generated, improved, posted])
async def test_the_loop_goes_on(make: Callable[[], Awaitable[object]]) -> None:
    assert len(LONG) > AT_ONCE_MAX
    turns, done = 0, asyncio.Event()

    async def count() -> None:
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    async with Nursery("tests") as nursery:
        nursery.start(count(), name="count")
        await asyncio.sleep(0)
        before = turns
        await make()
        seen = turns - before
        done.set()
    assert seen > 2, "held, it would have had no turn between the begin and the end"


async def test_what_is_said_is_the_same() -> None:
    parts = await post_parts(Content(LONG))
    texts = [part.html for part in parts if isinstance(part, Words)]
    assert len(texts) == len(parts) > 2
    assert all(units(without_tags(text)) <= TEXT_MAX_UNITS for text in texts)
    assert all(f"Part {n}" in "".join(texts) for n in range(60))
