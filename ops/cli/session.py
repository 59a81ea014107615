"""What a command needs before its work: settings, logs, the stores, and a schema that fits.

With no URL set, the embedded stack of the data folder is attached to or started for the time of the
command, and brought up to date: it is ours. A database that a setting names is only checked.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ops.base import logs
from ops.base.settings import Settings, load_settings

if TYPE_CHECKING:
    from ops.stack import StackHandle
    from producers.desk import Desk

T = TypeVar("T")

QUIET: Final[logs.Level] = "warning"


@dataclass(frozen=True, slots=True)
class Session:
    settings: Settings
    database_url: str
    redis_url: str
    master_key: bytes
    embedded: bool
    stack: "StackHandle"

    @asynccontextmanager
    async def desk(self) -> "AsyncIterator[Desk]":
        """A producer's desk for the time of a command. Raises ConfigError, Unavailable."""
        from producers.desk import Desk

        desk = await Desk.open(
            self.settings,
            database_url=self.database_url,
            redis_url=self.redis_url,
            master_key=self.master_key,
        )
        try:
            yield desk
        finally:
            await desk.close()


@contextmanager
def session(*, process: str, migrate: bool = True, quiet: bool = True) -> Iterator[Session]:
    """`quiet`: a command for people logs warnings only, unless LEYDEN_LOG_LEVEL asks for more.

    Must run in the main thread: a server dies with the thread that started it.
    """
    from ops.base.master_key import resolve_master_key
    from ops.stack import open_stack

    settings = load_settings()
    asked = "log_level" in settings.model_fields_set
    level = QUIET if quiet and not asked else settings.log_level
    logs.configure(level, settings.log_format, process=process)
    embedded = settings.database_url is None
    with open_stack(
        settings.data_dir, database_url=settings.database_url, redis_url=settings.redis_url
    ) as stack:
        if migrate and embedded:
            asyncio.run(_migrate(stack.database_url))
        yield Session(
            settings=settings,
            database_url=stack.database_url,
            redis_url=stack.redis_url,
            master_key=resolve_master_key(settings, embedded=embedded),
            embedded=embedded,
            stack=stack,
        )


async def _migrate(database_url: str) -> None:
    from storage.migrate import migrate

    await migrate(database_url)


def run_async(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
