"""Which PostgreSQL opens the data of a folder, and as whom; existing data has the last word."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from ops.stack import identity
from ops.stack.binaries import PostgresPrograms, find_postgres
from ops.stack.folders import SETTING, DataFolder, make_shelter
from ops.stack.identity import Identity, Mode
from schemas.errors import ConfigError


@dataclass(frozen=True)
class Tenant:
    """Programs that fit the data, and an identity that can run them."""

    programs: PostgresPrograms
    identity: Identity


def settle(folder: DataFolder) -> Tenant:
    """Raises ConfigError when nothing here can open the data, or may."""
    if folder.postgres.is_symlink() and not folder.postgres.exists():
        problem = f"{folder.postgres} points to {folder.postgres.readlink()}, which is gone"
        raise ConfigError(setting=SETTING, problem=problem)
    programs = find_postgres(major=_major_of(folder.postgres))
    probe = (programs.server, "--version")
    who = identity.nobody() if folder.postgres.is_symlink() else identity.choose(probe=probe)
    if who.mode is not Mode.OTHER:
        return Tenant(programs, who)
    if folder.postgres.exists() and not folder.postgres.is_symlink():
        problem = f"{folder.postgres} was made where root could own it; here it cannot be opened"
        raise ConfigError(setting=SETTING, problem=problem)
    return Tenant(programs if who.can_run(probe) else _sheltered(programs), who)


def _major_of(data: Path) -> int | None:
    """The major version that made the data; None when there is none yet."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _sheltered(programs: PostgresPrograms) -> PostgresPrograms:
    """A copy of a wheel's programs where everyone may read; made once per version.

    The libraries lie beside the package and are found by relative paths, so both are copied.
    """
    package = programs.folder.parent.parent
    shelter = make_shelter() / f"programs-{programs.version}"
    copied = replace(programs, folder=shelter / package.name / "pginstall" / "bin")
    if shelter.exists():
        return copied
    draft = shelter.with_name(f"{shelter.name}.{os.getpid()}")
    for part in package.parent.glob(f"{package.name}*"):
        if part.name in {package.name, f"{package.name}.libs"}:
            shutil.copytree(part, draft / part.name)
    for path in (draft, *draft.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    try:
        draft.rename(shelter)
    except OSError:  # another stack was faster
        shutil.rmtree(draft)
    return copied
