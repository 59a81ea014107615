"""A sandbox for the whole run, as new before each test, and the children and adapters that talk to it."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from ops import samples
from ops.base.children import DECODE, MAKE, Children
from ops.sandbox import Sandbox
from tests.contract.stage import Stage
from workers.providers.kie import adapter as kie
from workers.providers.openai import adapter as openai
from workers.providers.openrouter import adapter as openrouter
from workers.providers.port import Tools
from workers.providers.wire import Account

KEY = "sk-contract"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for all tests of this folder, and for the children and connections that they share."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def photo() -> bytes:
    return samples.photo()


@pytest.fixture(scope="session")
def small_photo(photo: bytes) -> bytes:
    """For films, which take their size from it."""
    out = BytesIO()
    with Image.open(BytesIO(photo)) as picture:
        picture.resize((480, 320)).save(out, "JPEG")
    return out.getvalue()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tools() -> AsyncIterator[Tools]:
    """Children that live as long as a worker's do: over many calls."""
    tools = Tools(decode=Children(DECODE, slots=1), make=Children(MAKE, slots=1))
    yield tools
    await tools.decode.close()
    await tools.make.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def crew(sandbox_server: Sandbox, tools: Tools, photo: bytes) -> AsyncIterator[Stage]:
    """So do adapters."""
    adapters = {
        "openai": openai.build(tools, Account(sandbox_server.openai_url, KEY)),
        "openrouter": openrouter.build(tools, Account(sandbox_server.openrouter_url, KEY)),
        "kie": kie.build(tools, Account(sandbox_server.kie_url, KEY)),
    }
    yield Stage(sandbox_server, tools, adapters, photo)
    for adapter in adapters.values():
        await adapter.close()


@pytest.fixture
def stage(crew: Stage, sandbox: Sandbox) -> Stage:
    """The crew before a sandbox that knows nothing yet."""
    assert crew.sandbox is sandbox
    return crew
