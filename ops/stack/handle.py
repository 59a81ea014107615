"""The way in: give a command its two stores, as its settings name them, found, or started.

    with open_stack(settings.data_dir, database_url=..., redis_url=...) as stack:
        ...  stack.database_url, stack.redis_url

The command that finds no running stack owns the one it starts, and stops it when it ends, even
while others are attached: they see their connections close, as with any server that goes away.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.base.clock import monotonic_s
from ops.base.logs import get_logger
from ops.stack.claim import Claim, Record
from ops.stack.folders import DataFolder
from ops.stack.owner import Owner, Request, take_over
from ops.stack.postgres import PostgresServer
from ops.stack.processes import POLL_S
from ops.stack.servers import ServerPair
from ops.stack.valkey import ValkeyServer
from schemas.errors import ConfigError, Unavailable

ATTACH_TIMEOUT_S = 90.0  # another's first start, and before it perhaps a last stop

log = get_logger(__name__)


@dataclass(frozen=True)
class StackHandle:
    """Two stores to connect to. A version is None where the store was named by a setting."""

    database_url: str
    redis_url: str
    postgres_version: str | None = None
    redis_version: str | None = None
    owner: Owner | None = field(default=None, repr=False, compare=False)

    @property
    def owned(self) -> bool:
        """Whether closing this handle stops servers."""
        return self.owner is not None

    @property
    def embedded(self) -> bool:
        """Whether Leyden itself runs one of the stores, here or in the command that owns them."""
        return self.postgres_version is not None or self.redis_version is not None

    @property
    def servers(self) -> ServerPair:
        """The owner's servers, for tests that crash them. Raises LookupError when not owned."""
        if self.owner is None:
            msg = "only the owner of a stack has its servers"
            raise LookupError(msg)
        return self.owner.pair

    def revive(self) -> tuple[str, ...]:
        """Start servers of ours that have died, at their old addresses; answers their names.

        Blocks until they answer, and must run in the main thread. Raises Unavailable.
        """
        return () if self.owner is None else self.owner.pair.revive()

    def close(self) -> None:
        """Stop the servers that are ours; nothing for everyone else. Safe to call again."""
        if self.owner is not None:
            self.owner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def open_stack(
    data_dir: Path,
    *,
    database_url: str | None = None,
    redis_url: str | None = None,
    durable: bool = True,
    extra_postgres: Sequence[str] = (),
) -> StackHandle:
    """Attach to the stack of `data_dir`, or start it; a URL that is given is used as it is.

    Blocks (at most `ATTACH_TIMEOUT_S` while another command starts), and must run in the main
    thread. `durable=False` is for stores that may be lost with the machine, such as a test's.
    `extra_postgres` are settings as "name=value", stronger than ours. Raises ConfigError when a
    program, the folder or a URL is missing, Unavailable when a server does not start.
    """
    if database_url and redis_url:
        return StackHandle(database_url, redis_url)
    folder = DataFolder.prepare(data_dir)
    request = Request(database_url, redis_url, durable, extra_postgres)
    until_s = monotonic_s() + ATTACH_TIMEOUT_S
    while monotonic_s() < until_s:
        claim = Claim.take(folder.lock)
        if claim is not None:
            return _own(claim, folder, request)
        record = Record.read(folder.record)
        if record is not None and record.usable:
            log.debug("stack.attached", owner_pid=record.owner.pid)
            return _handle(record, request, owner=None)
        time.sleep(POLL_S)
    reason = f"{folder.lock} is held, but its holder runs no stack that can be seen from here"
    raise Unavailable(store="stack", reason=reason)


def _own(claim: Claim, folder: DataFolder, request: Request) -> StackHandle:
    owner, record = take_over(claim, folder, request)
    log.info("stack.started", sockets=str(record.sockets), versions=record.versions)
    return _handle(record, request, owner=owner)


def _handle(record: Record, request: Request, *, owner: Owner | None) -> StackHandle:
    postgres, valkey = PostgresServer.name, ValkeyServer.name
    return StackHandle(
        request.database_url or _url(record, postgres, "LEYDEN_DATABASE_URL"),
        request.redis_url or _url(record, valkey, "LEYDEN_REDIS_URL"),
        None if request.database_url else record.versions[postgres],
        None if request.redis_url else record.versions[valkey],
        owner,
    )


def _url(record: Record, server: str, setting: str) -> str:
    url = record.urls.get(server)
    if url is None:
        problem = (
            f"not set, but the command that owns the stack (process {record.owner.pid}) has it set"
        )
        raise ConfigError(setting=setting, problem=problem)
    return url
