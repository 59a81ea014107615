"""The pair of servers that one owner runs; either may be missing where a URL was given for it."""

from collections.abc import Callable

from ops.stack.postgres import PostgresServer
from ops.stack.processes import Mark
from ops.stack.server import Server
from ops.stack.valkey import ValkeyServer


class ServerPair:
    """Tests end and start its halves: `pair.postgres.crash()`, `pair.valkey.kill()`, `.start()`."""

    def __init__(self, postgres: PostgresServer | None, valkey: ValkeyServer | None) -> None:
        self._postgres = postgres
        self._valkey = valkey

    @property
    def postgres(self) -> PostgresServer:
        """Raises LookupError when PostgreSQL was given by URL."""
        if self._postgres is None:
            raise LookupError(PostgresServer.name)
        return self._postgres

    @property
    def valkey(self) -> ValkeyServer:
        """Raises LookupError when Redis was given by URL."""
        if self._valkey is None:
            raise LookupError(ValkeyServer.name)
        return self._valkey

    @property
    def ours(self) -> dict[str, Server]:
        """The halves that are ours to run, by name."""
        both: tuple[Server | None, ...] = (self._valkey, self._postgres)
        return {server.name: server for server in both if server is not None}

    def on_new_process(self, told: Callable[[], object]) -> None:
        """`told` is called whenever a half was started, so that its mark can be written down."""
        for server in self.ours.values():
            server.on_new_process = told

    def marks(self) -> dict[str, Mark]:
        marks = {name: server.mark for name, server in self.ours.items()}
        return {name: mark for name, mark in marks.items() if mark is not None}

    def urls(self) -> dict[str, str]:
        return {name: server.url for name, server in self.ours.items()}

    def versions(self) -> dict[str, str]:
        return {name: server.version for name, server in self.ours.items()}

    def start(self) -> None:
        for server in self.ours.values():
            server.start()

    def revive(self) -> tuple[str, ...]:
        """Start again what has ended by itself; answers its names. Raises Unavailable."""
        ended = [server for server in self.ours.values() if not server.running]
        for server in ended:
            server.start()
        return tuple(server.name for server in ended)

    def stop(self) -> None:
        """Safe to call again, and for servers that a test has ended."""
        for server in self.ours.values():
            server.stop()
