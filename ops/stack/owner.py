"""The owning side of a stack: clear up after a dead owner, run the pair, keep the record true."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ops.base.logs import get_logger
from ops.stack.binaries import find_valkey
from ops.stack.claim import Claim, Record
from ops.stack.folders import DataFolder, is_private, make_socket_folder
from ops.stack.postgres import PostgresServer
from ops.stack.processes import this_process
from ops.stack.servers import ServerPair
from ops.stack.tenancy import settle
from ops.stack.valkey import ValkeyServer
from schemas.errors import Unavailable

log = get_logger(__name__)


@dataclass(frozen=True)
class Request:
    """What a command asks of its stack; a half that has a URL is not started."""

    database_url: str | None = None
    redis_url: str | None = None
    durable: bool = True
    extra_postgres: Sequence[str] = ()


class Owner:
    """Runs the pair. `closing` undoes, in reverse order, all that was done to get here."""

    def __init__(
        self, folder: DataFolder, *, sockets: Path, pair: ServerPair, closing: ExitStack
    ) -> None:
        self.pair = pair
        self._folder = folder
        self._sockets = sockets
        self._closing = closing
        self._ready = False
        pair.on_new_process(self.write_record)

    def start(self) -> Record:
        self.pair.start()
        self._ready = True
        return self.write_record()

    def close(self) -> None:
        """Stop the servers, also for those who are attached. Safe to call again."""
        self._closing.close()

    def write_record(self) -> Record:
        """After every new process: whoever follows a crash must know what to end."""
        record = Record(
            owner=this_process(),
            ready=self._ready,
            sockets=self._sockets,
            servers=self.pair.marks(),
            urls=self.pair.urls(),
            versions=self.pair.versions(),
        )
        record.write(self._folder.record)
        return record


def take_over(claim: Claim, folder: DataFolder, request: Request) -> tuple[Owner, Record]:
    """Start what `request` misses. Raises ConfigError or Unavailable, and then nothing is left.

    Read upwards, the callbacks are the closing: first nobody may attach any more, then the
    servers stop, then their sockets go, and only then may others own.
    """
    with ExitStack() as undo:
        undo.callback(claim.release)
        sockets = _clear_up(folder) or make_socket_folder()
        undo.callback(shutil.rmtree, sockets, ignore_errors=True)
        pair = _build(folder, request, sockets)
        undo.callback(pair.stop)
        undo.callback(folder.record.unlink, missing_ok=True)
        closing = undo.pop_all()
    owner = Owner(folder, sockets=sockets, pair=pair, closing=closing)
    try:
        return owner, owner.start()
    except BaseException:
        owner.close()
        raise


def _build(folder: DataFolder, request: Request, sockets: Path) -> ServerPair:
    postgres = valkey = None
    if not request.database_url:
        tenant = settle(folder)
        tenant.identity.give(sockets)
        postgres = PostgresServer(
            folder,
            tenant=tenant,
            sockets=sockets,
            durable=request.durable,
            extra=request.extra_postgres,
        )
    if not request.redis_url:
        program = find_valkey()
        valkey = ValkeyServer(folder, program=program, sockets=sockets, durable=request.durable)
    return ServerPair(postgres, valkey)


def _clear_up(folder: DataFolder) -> Path | None:
    """End what a dead owner left running; answers its socket folder when it may be used again.

    With the same sockets, commands that were attached find the new servers where the old ones were.
    """
    record = Record.read(folder.record)
    if record is None:
        return None
    for server in (PostgresServer, ValkeyServer):
        mark = record.servers.get(server.name)
        if mark is not None and not mark.end(*server.stop_steps):
            reason = f"process {mark.pid} of a dead owner does not end"
            raise Unavailable(store=server.name, reason=reason)
    folder.record.unlink(missing_ok=True)
    log.warning("stack.recovered", owner_pid=record.owner.pid)
    return record.sockets if is_private(record.sockets) else None
