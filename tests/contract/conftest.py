"""A sandbox for the whole run, as new before each test, and the adapters that talk to it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

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


@pytest.fixture(scope="session")
def photo() -> bytes:
    return samples.photo()


@pytest_asyncio.fixture
async def tools() -> AsyncIterator[Tools]:
    tools = Tools(decode=Children(DECODE, slots=1), make=Children(MAKE, slots=1))
    yield tools
    await tools.decode.close()
    await tools.make.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crew(sandbox_server: Sandbox, photo: bytes) -> AsyncIterator[Stage]:
    """Adapters that live as long as a worker's do: over many calls."""
    tools = Tools(decode=Children(DECODE, slots=1), make=Children(MAKE, slots=1))
    adapters = {
        "openai": openai.build(tools, Account(sandbox_server.openai_url, KEY)),
        "openrouter": openrouter.build(tools, Account(sandbox_server.openrouter_url, KEY)),
        "kie": kie.build(tools, Account(sandbox_server.kie_url, KEY)),
    }
    yield Stage(sandbox_server, tools, adapters, photo)
    for adapter in adapters.values():
        await adapter.close()
    await tools.decode.close()
    await tools.make.close()


@pytest.fixture
def stage(crew: Stage, sandbox: Sandbox) -> Stage:
    """The crew before a sandbox that knows nothing yet."""
    assert crew.sandbox is sandbox
    return crew
