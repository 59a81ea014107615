"""As whom PostgreSQL runs: it refuses to run as root, and containers often are root.

An ordinary user starts it as it is. Root puts it into a user namespace, where it looks like
`nobody` while its files stay root's; where the kernel forbids that, it really becomes `nobody`,
and its data and programs must then lie where `nobody` can reach them (`folders.py`).
"""

import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from ops.stack.processes import run
from schemas.errors import ConfigError

LAUNCHER = Path(__file__).with_name("launcher.py")
PROBE_TIMEOUT_S = 30


class Mode(StrEnum):
    """Values are the first argument of `launcher.py`."""

    SAME = "same"
    NAMESPACE = "namespace"
    OTHER = "other"


@dataclass(frozen=True)
class Identity:
    """`uid` and `gid` are what the server sees as its own numbers."""

    mode: Mode
    uid: int
    gid: int

    def command(self, argv: Sequence[str | Path], *, death_signal: int = 0) -> list[str]:
        """`argv`, preceded by the launcher that makes it run as this identity."""
        numbers = (self.uid, self.gid, death_signal, os.getpid())
        start = [sys.executable, "-I", "-S", str(LAUNCHER), self.mode, *map(str, numbers)]
        return [*start, *map(str, argv)]

    def can_run(self, argv: Sequence[str | Path]) -> bool:
        """Whether the kernel lets us become this identity and reach the program."""
        code, _told = run(self.command(argv), timeout_s=PROBE_TIMEOUT_S)
        return code == 0

    def give(self, path: Path) -> None:
        """Make `path` the server's own, where it runs as somebody else than we do."""
        if self.mode is Mode.OTHER:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def ourselves() -> Identity:
    return Identity(Mode.SAME, os.geteuid(), os.getegid())


def nobody() -> Identity:
    """Really that account. Raises ConfigError when there is none."""
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        problem = "PostgreSQL does not run as root and there is no account `nobody` to run it as"
        raise ConfigError(setting="LEYDEN_DATABASE_URL", problem=problem) from None
    return Identity(Mode.OTHER, account.pw_uid, account.pw_gid)


def choose(*, probe: Sequence[str | Path]) -> Identity:
    """The identity for PostgreSQL; `probe` is a harmless command of the same program.

    Raises ConfigError when we are root and there is no account to stand in.
    """
    if os.geteuid() != 0:
        return ourselves()
    outside = nobody()
    inside = replace(outside, mode=Mode.NAMESPACE)
    linux = sys.platform == "linux"
    return inside if linux and inside.can_run(probe) else outside
