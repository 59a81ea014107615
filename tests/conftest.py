"""The stores every test may ask for: real servers, one stack for each pytest process.

stack          the running stack (crash its servers if you must: they are started again)
dsn            a migrated database of your own, without rows; gone after the test
db             the same, opened as storage.pool.Database
redis_url      an empty Valkey
any_redis_url  an empty Valkey, and once more the redis-server of this machine where there is one
sandbox        the providers' sandbox as new: one server for each pytest process
"""

import gc
import os
import secrets
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from redis import Redis

from ops.base import logs
from ops.stack import StackHandle, erase, open_stack
from ops.stack.binaries import find_valkey
from ops.stack.folders import DataFolder, make_socket_folder, remove
from ops.stack.valkey import ValkeyServer
from schemas.errors import ConfigError
from tests.databases import Databases
from tests.introspection import ask_once
from tests.nest import ADDRESS, nest, python_of_workers
from tests.nest.piped import start_sandbox

if TYPE_CHECKING:
    from ops.sandbox import Sandbox
    from storage.pool import Database

LONG_FOLDERS = frozenset({"chaos", "e2e"})


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """No setting of the developer's own may reach a test, nor a way around the test's database. And a
    busy machine is no fault of an example.
    """
    if config.getoption("tx", None):  # processes of pytest-xdist are hatched, too
        kept = ExitStack()
        config.add_cleanup(kept.close)
        os.environ[ADDRESS] = kept.enter_context(nest())
        config.option.tx = [f"popen//python={python_of_workers()}" for _ in config.option.tx]
    settings.register_profile(
        "house",
        deadline=None,
        max_examples=1_000 if config.getoption("--long") else 60,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("house")
    # Reading the authorities takes 20 ms each time, for a client that never speaks TLS here.
    ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]
    ask_once()
    # Not in colours, and no error with all that was in scope: to draw one takes seconds.
    logs.configure("info", "json", process="tests")
    for name in [name for name in os.environ if name.startswith(("LEYDEN_", "PG"))]:
        del os.environ[name]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="the long form: full counts of kills and jobs"
    )
    parser.addoption("--shots", type=Path, help="a folder for screenshots of the pages, to look at")
    parser.addoption("--seed", type=int, help="repeat a random run; every run prints its seed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The short form leaves out what is marked slow; it is never all of a test."""
    if not config.getoption("--long"):
        _leave_out_slow(config, items)
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = _long_ones_first(items, processes)


def _long_ones_first(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """Each process is given an equal stretch of the list. Tests that are given more time than others go
    round, a file to a stretch, and behind them files that mostly wait. They stand in its first quarter, so
    that no process is left alone with one of them at the end, and further back from one process to the next:
    those that measure what a crowd does are not begun together.
    """
    longest: dict[Path, list[pytest.Item]] = {}
    waiting: dict[Path, list[pytest.Item]] = {}
    others: list[pytest.Item] = []
    for item in items:
        if _is_long(item):
            longest.setdefault(item.path, []).append(item)
        elif item.path.parent.name in LONG_FOLDERS:
            waiting.setdefault(item.path, []).append(item)
        else:
            others.append(item)
    ordered: list[pytest.Item] = []
    for place in range(processes):
        size = (len(items) - len(ordered)) // (processes - place)
        files = [list(folder.values())[place::processes] for folder in (longest, waiting)]
        heads = [item for folder in files for file in folder for item in file]
        left = max(0, size - len(heads))
        before = left * place // (4 * processes)
        ordered += [*others[:before], *heads, *others[before:left]]
        others = others[left:]
    return ordered


def _is_long(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("timeout")
    return mark is not None and mark.args[0] > float(item.config.getini("timeout"))


def _leave_out_slow(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = [item for item in items if not item.get_closest_marker("slow")]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[i for i in items if i.get_closest_marker("slow")])
        items[:] = kept


def pytest_collection_finish() -> None:
    """All tests and what they import stay until the end: the collector need not look at them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def long_form(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Path | None:
    folder: Path | None = request.config.getoption("--shots")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Printed when a test fails, so that a random run can be repeated."""
    given: int | None = request.config.getoption("--seed")
    number = secrets.randbelow(2**31) if given is None else given
    print(f"seed {number}")
    return number


@pytest.fixture(scope="session")
def stack() -> Iterator[StackHandle]:
    data_dir = Path(tempfile.mkdtemp(prefix="leyden-tests-"))
    with open_stack(data_dir, durable=False) as handle:
        yield handle
    erase(data_dir)


@pytest.fixture(scope="session")
def databases(stack: StackHandle) -> Iterator[Databases]:
    found = Databases(stack.database_url)
    found.make_template()
    yield found
    found.close()


@pytest.fixture
def dsn(stack: StackHandle, databases: Databases) -> Iterator[str]:
    stack.servers.start()
    yield databases.lend()
    stack.servers.start()
    databases.take_back()


@pytest.fixture
def empty_dsn(stack: StackHandle, databases: Databases) -> Iterator[str]:
    """A database without any migration."""
    stack.servers.start()
    name, address = databases.make_empty()
    yield address
    databases.drop(name)


@pytest_asyncio.fixture
async def db(dsn: str) -> "AsyncIterator[Database]":
    from storage.pool import Database

    database = await Database.open(dsn)
    yield database
    await database.close()


@pytest.fixture
def redis_url(stack: StackHandle) -> Iterator[str]:
    yield from _emptied(stack.servers.valkey)


@pytest.fixture(scope="session", params=["embedded", "installed"])
def redis_server(request: pytest.FixtureRequest, stack: StackHandle) -> Iterator[ValkeyServer]:
    """First the stack's server, then a valkey-server or redis-server found on PATH."""
    if request.param == "embedded":
        yield stack.servers.valkey
        return
    try:
        program = find_valkey(wheel=False)
    except ConfigError as error:
        pytest.skip(str(error))
    folder = DataFolder.prepare(Path(tempfile.mkdtemp(prefix="leyden-tests-")))
    sockets = make_socket_folder()
    server = ValkeyServer(folder, program=program, sockets=sockets, durable=False)
    yield server
    server.stop()
    remove(sockets)
    erase(folder.root)


@pytest.fixture
def any_redis_url(redis_server: ValkeyServer) -> Iterator[str]:
    yield from _emptied(redis_server)


@pytest.fixture(scope="session")
def sandbox_server() -> "Iterator[Sandbox]":
    from ops.sandbox import running_sandbox

    with running_sandbox(start=start_sandbox) as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: "Sandbox") -> "Sandbox":
    sandbox_server.reset()
    return sandbox_server


def _emptied(server: ValkeyServer) -> Iterator[str]:
    """Started again if the last test killed it, and empty before and after this one."""
    for end in (False, True):
        server.start()
        with Redis.from_url(server.url) as client:
            client.flushall()
        if not end:
            yield server.url
