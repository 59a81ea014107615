"""A ring of one's own for each test, and both books checked at its end.

`ring` stands on the stores that all tests share, which may lose the last moments when they are
crashed; `lasting_ring` on a pair that keeps what it has confirmed, as in production.
"""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from ops.stack import StackHandle, erase, open_stack
from tests.ring import Ring


@pytest_asyncio.fixture
async def ring(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Ring]:
    made = await Ring.open(dsn, redis_url, tmp_path)
    yield made
    try:
        assert await made.violations() == []
    finally:
        await made.close()


@pytest.fixture
def lasting_stack() -> Iterator[StackHandle]:
    data_dir = Path(tempfile.mkdtemp(prefix="leyden-chaos-"))
    with open_stack(data_dir, durable=True) as handle:
        yield handle
    erase(data_dir)


@pytest_asyncio.fixture
async def lasting_ring(lasting_stack: StackHandle, tmp_path: Path) -> AsyncIterator[Ring]:
    from storage.migrate import migrate

    await migrate(lasting_stack.database_url)
    made = await Ring.open(lasting_stack.database_url, lasting_stack.redis_url, tmp_path)
    yield made
    try:
        assert await made.violations() == []
    finally:
        await made.close()
