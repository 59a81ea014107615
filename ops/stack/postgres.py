"""PostgreSQL on a socket of its own, with data that survives kill -9 and power cuts."""

import signal
import socket
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar
from urllib.parse import quote

import psutil
from typing_extensions import override

from ops.stack import folders
from ops.stack.processes import run
from ops.stack.server import Server, Steps
from ops.stack.tenancy import Tenant
from schemas.errors import Unavailable

PORT = 5432  # only part of the socket's name
NAME = "leyden"  # of the database and of its owner
INIT_TIMEOUT_S = 120
PROBE_TIMEOUT_S = 5.0
MAJOR_WITH_BUILTIN_LOCALE = 17
HEAD = struct.Struct("!ci")  # of every message: its kind, and its size without the kind
PROTOCOL = 196608  # 3.0, as every PostgreSQL speaks it

SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "shared_buffers=128MB",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] ",
)
# On the command line, so that no file and no ALTER SYSTEM can turn them off.
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
FORGETFUL = (
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
    # Its tables live for seconds, and so do its sessions: a statement is planned once in each.
    *("autovacuum=off", "checkpoint_timeout=1h", "plan_cache_mode=force_generic_plan"),
)


class PostgresServer(Server):
    """Its data is made at the first start, in one piece or not at all."""

    name: ClassVar[str] = "postgres"
    # Fast shutdown; then immediate (recovery at the next start); then what cannot be refused.
    stop_steps: ClassVar[Steps] = (
        (signal.SIGINT, 30.0),
        (signal.SIGQUIT, 10.0),
        (signal.SIGKILL, 10.0),
    )
    # A killed server's children need a moment to notice, and hold its memory until then.
    passing_troubles: ClassVar[tuple[str, ...]] = ("still in use",)

    def __init__(
        self,
        folder: folders.DataFolder,
        *,
        tenant: Tenant,
        sockets: Path,
        durable: bool,
        extra: Sequence[str],
    ) -> None:
        super().__init__(log_path=folder.log(self.name))
        self._folder = folder
        self._programs = tenant.programs
        self._identity = tenant.identity
        self._socket = sockets / f".s.PGSQL.{PORT}"
        self._settings = (*SETTINGS, *(DURABLE if durable else FORGETFUL), *extra)
        self._durable = durable

    @property
    @override
    def url(self) -> str:
        return f"postgres://{NAME}@/{NAME}?host={quote(str(self._socket.parent))}&port={PORT}"

    def crash(self) -> None:
        """End it as a power cut would, without a checkpoint; `start` then recovers. For tests."""
        self._end((signal.SIGQUIT, 30.0), (signal.SIGKILL, 10.0))

    @override
    def _command(self) -> list[str]:
        if not self._folder.postgres.exists():
            self._initialise()
        data = self._folder.postgres.resolve()
        for lock in (data / "postmaster.pid", self._socket.with_name(f"{self._socket.name}.lock")):
            _drop_lock_of_a_stranger(lock, data)
        settings = (*self._settings, f"unix_socket_directories={self._socket.parent}")
        options = [word for setting in settings for word in ("-c", setting)]
        argv: list[str | Path] = [self._programs.server, "-D", data, "-p", str(PORT), *options]
        return self._identity.command(argv, death_signal=signal.SIGINT)

    @override
    def _probe(self) -> str:
        return ask_version(self._socket)

    def _initialise(self) -> None:
        """Make data and database beside their final place; the rename is what makes them real."""
        home = folders.make_home(self._folder.postgres_new, self._identity)
        self._run_once(self._initdb(home))
        single = (self._programs.server, "--single", "-c", "exit_on_error=true", "-D", home)
        self._run_once([*single, "postgres"], script=f"create database {NAME}\n")
        self._folder.postgres_new.rename(self._folder.postgres)
        folders.keep_entries(self._folder.root)

    def _initdb(self, home: Path) -> list[str | Path]:
        # The only locale that every machine has and that sorts UTF-8 by code point.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return [
            *(self._programs.initdb, "-D", home, "-U", NAME, "-E", "UTF8", "--no-locale"),
            *(builtin if self._programs.major >= MAJOR_WITH_BUILTIN_LOCALE else []),
            *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
            *([] if self._durable else ["--no-sync"]),
        ]

    def _run_once(self, argv: Sequence[str | Path], *, script: str = "") -> None:
        command = self._identity.command(argv)
        code, told = run(command, timeout_s=INIT_TIMEOUT_S, script=script)
        if code != 0:
            raise Unavailable(store=self.name, reason="could not make its data", log=told)


def ask_version(address: Path) -> str:
    """Log in at the socket `address`: the server's version, or "" while it takes nobody.

    Speaks the first few messages of the protocol itself, because this must work with no event
    loop running, and inside one.
    """
    words = b"".join(word.encode() + b"\0" for word in ("user", NAME, "database", NAME))
    hello = struct.pack("!ii", len(words) + 9, PROTOCOL) + words + b"\0"
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(PROBE_TIMEOUT_S)
            line.connect(str(address))
            line.sendall(hello)
            with line.makefile("rb") as answers:
                return _version_when_ready(answers)
    except OSError:
        return ""


def _version_when_ready(answers: BinaryIO) -> str:
    version = ""
    while len(head := answers.read(HEAD.size)) == HEAD.size:
        kind, size_bytes = HEAD.unpack(head)
        body = answers.read(size_bytes - 4)
        if kind == b"S" and body.startswith(b"server_version\0"):
            version = body.split(b"\0")[1].decode().split()[0]
        elif kind == b"Z":
            return version
        elif kind == b"E":
            return ""
    return ""


def _drop_lock_of_a_stranger(lock: Path, data: Path) -> None:
    """Remove a lock file when the number in it has gone to a process that is no PostgreSQL.

    After a crash the number may be used again, surely so in a container, where numbers are small;
    PostgreSQL would then refuse to start until that stranger ends. A number that nobody has, or
    that a PostgreSQL on this data has, is left to PostgreSQL's own judgement.
    """
    try:
        pid = int(lock.read_text().split("\n", maxsplit=1)[0])
        argv = psutil.Process(pid).cmdline()
    except (OSError, ValueError, psutil.Error):
        return
    if not argv or Path(argv[0]).name != "postgres" or str(data) not in argv:
        lock.unlink()
