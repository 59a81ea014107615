"""Valkey (or Redis) on a socket of its own, appending every command to a file."""

import signal
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import quote

from redis import Redis
from redis.exceptions import RedisError
from typing_extensions import override

from ops.stack.binaries import ValkeyProgram
from ops.stack.folders import DataFolder
from ops.stack.identity import ourselves
from ops.stack.server import Server, Steps

PROBE_TIMEOUT_S = 5.0
SOCKET = "valkey.sock"

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "logfile": "",
    "save": "",
    "appendonly": "yes",
    "maxmemory-policy": "noeviction",
}


class ValkeyServer(Server):
    """A killed server loses nothing that it acknowledged; a power cut at most one second."""

    name: ClassVar[str] = "valkey"
    stop_steps: ClassVar[Steps] = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 10.0))

    def __init__(
        self,
        folder: DataFolder,
        *,
        program: ValkeyProgram,
        sockets: Path,
        durable: bool,
    ) -> None:
        super().__init__(log_path=folder.log(self.name))
        self._data = folder.valkey
        self._program = program
        self._socket = sockets / SOCKET
        self._fsync = "everysec" if durable else "no"

    @property
    @override
    def url(self) -> str:
        return f"unix://{quote(str(self._socket))}?db=0"

    def kill(self) -> None:
        """End it as kill -9 does. For tests."""
        self._end((signal.SIGKILL, 10.0))

    @override
    def _command(self) -> list[str]:
        self._data.mkdir(mode=0o700, exist_ok=True)
        own = {"unixsocket": str(self._socket), "dir": str(self._data), "appendfsync": self._fsync}
        options = [
            word for name, value in (SETTINGS | own).items() for word in (f"--{name}", value)
        ]
        return ourselves().command([self._program.server, *options], death_signal=signal.SIGTERM)

    @override
    def _probe(self) -> str:
        client = Redis(unix_socket_path=str(self._socket), socket_timeout=PROBE_TIMEOUT_S)
        try:
            client.ping()  # refused while the file is still being loaded
            told = cast("dict[str, Any]", client.info("server"))
        except RedisError:
            return ""
        finally:
            client.close()
        return str(told.get("valkey_version") or told["redis_version"])
