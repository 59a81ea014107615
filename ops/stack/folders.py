"""Where things lie: the data folder, the short folder of the sockets, and the shelter.

    .leyden/            0700, ours alone
        lock            held (flock) by the process that owns the servers
        stack.json      who owns them, where they listen; there only while they run
        postgres/       PostgreSQL's data; a link into the shelter where it runs as `nobody`
        postgres.new    the same, half made: removed at the next start
        valkey/         Valkey's append-only files
        *.log           what the servers say

Sockets lie elsewhere because their paths are limited to about 100 bytes. Permissions of folders
that we did not make are never changed.
"""

import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ops.stack.identity import Identity, Mode
from schemas.errors import ConfigError

SETTING = "LEYDEN_DATA_DIR"
SHELTER = Path("/var/lib/leyden")
SOCKET_FOLDER_SIZE_MAX_BYTES = 80  # 104 on macOS, less "/.s.PGSQL.5432.lock"


@dataclass(frozen=True)
class DataFolder:
    """Paths inside one data folder; `prepare` makes it."""

    root: Path

    @classmethod
    def prepare(cls, root: Path) -> Self:
        """Make the folder (0700) where it is missing.

        Raises ConfigError when it is not ours, or when others could put files into it.
        """
        root = root.expanduser().resolve()
        try:
            root.parent.mkdir(parents=True, exist_ok=True)
            root.mkdir(mode=0o700, exist_ok=True)
            _check(root)
        except OSError as error:
            problem = f"{root} cannot be used ({error.strerror})"
            raise ConfigError(setting=SETTING, problem=problem) from error
        return cls(root)

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def record(self) -> Path:
        return self.root / "stack.json"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def postgres_new(self) -> Path:
        return self.root / "postgres.new"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    def log(self, server: str) -> Path:
        return self.root / f"{server}.log"


def make_socket_folder() -> Path:
    """A new folder (0700) with a short and plain path, safe inside any URL."""
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 (mkdtemp makes it ours)
        plain = re.fullmatch(r"/[\w/.+-]*", parent)
        if plain and len(parent) + len("/leyden-abcdefgh") <= SOCKET_FOLDER_SIZE_MAX_BYTES:
            return Path(tempfile.mkdtemp(prefix="leyden-", dir=parent))
    msg = "unreachable: /tmp is short and plain"
    raise AssertionError(msg)


def is_private(folder: Path) -> bool:
    """Whether `folder` is a real folder that only we (or root for its server) can enter."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    ours = os.geteuid() in {0, found.st_uid}
    return stat.S_ISDIR(found.st_mode) and ours and not found.st_mode & 0o077


def make_home(path: Path, identity: Identity) -> Path:
    """Make `path` an empty home for a server's data; answers where it really lies.

    A server that runs as somebody else cannot reach into a private data folder, and opening that
    folder's parents to everyone is not ours to do: its home is made in the shelter, `path` links.
    """
    remove(path)
    if identity.mode is not Mode.OTHER:
        path.mkdir(mode=0o700)
        return path
    home = Path(tempfile.mkdtemp(prefix="postgres-", dir=make_shelter()))
    identity.give(home)
    path.symlink_to(home)
    return home


def make_shelter() -> Path:
    """The folder for what another account must reach; everyone may pass, only root may write."""
    SHELTER.mkdir(mode=0o755, parents=True, exist_ok=True)
    SHELTER.chmod(0o755)
    return SHELTER


def remove(path: Path) -> None:
    """Remove a folder, or a link together with the folder in the shelter it points to."""
    if path.is_symlink():
        target = path.resolve()
        if target.parent == SHELTER:
            shutil.rmtree(target, ignore_errors=True)
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def keep_entries(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def erase(data_dir: Path) -> None:
    """Remove a data folder for good, the shelter's part too. Its stack must be closed."""
    remove(DataFolder(data_dir).postgres)
    remove(DataFolder(data_dir).postgres_new)
    shutil.rmtree(data_dir)


def _check(root: Path) -> None:
    found = root.stat()
    if found.st_uid != os.geteuid():
        problem = (
            f"{root} belongs to user {found.st_uid}, not to you: run as that user or name another"
        )
        raise ConfigError(setting=SETTING, problem=problem)
    if found.st_mode & stat.S_IWOTH:
        problem = f"everyone can write to {root}: name a folder of your own"
        raise ConfigError(setting=SETTING, problem=problem)
    if found.st_mode & 0o077 and not any(root.iterdir()):
        root.chmod(0o700)
