"""What tests of the bots stand on: both bots at a Telegram that is played, and a desk."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from tests.integration.bots import Running


@pytest_asyncio.fixture
async def bots(dsn: str, redis_url: str, tmp_path: Path) -> "AsyncIterator[Running]":
    from tests.integration.bots import running
    from tests.integration.sandbox_telegram import playing

    async with playing() as play, running(play, dsn, redis_url, tmp_path) as found:
        yield found
