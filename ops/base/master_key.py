"""The master key: given by a setting, or made once beside the embedded stack.

Losing it loses every user's content, so a key is made only where the database is made with it:
in the data folder of the embedded stack. With a database of one's own it must be given.
"""

import base64
import os
import secrets
from pathlib import Path

from ops.base.settings import Settings
from ops.base.validators import KEY_SIZE_BYTES, decode_key
from schemas.errors import ConfigError

FILE_NAME = "master.key"
SETTING = "LEYDEN_MASTER_KEY"


def resolve_master_key(settings: Settings, *, embedded: bool) -> bytes:
    """The 32 bytes of the master key; on the embedded stack made at the first call (mode 0600).

    Raises ConfigError naming LEYDEN_MASTER_KEY when it is missing or its file is damaged.
    """
    if settings.master_key is not None:
        return decode_key(settings.master_key.get_secret_value())
    if not embedded:
        problem = "is required with a database of your own (32 bytes in URL-safe base64)"
        raise ConfigError(setting=SETTING, problem=problem)
    return _from_file(settings.data_dir / FILE_NAME)


def _from_file(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    try:
        return decode_key(path.read_text(encoding="ascii"))
    except ValueError:
        problem = f"the file {path} is damaged: put back a copy of it, or set the key itself"
        raise ConfigError(setting=SETTING, problem=problem) from None


def _make(path: Path) -> None:
    """Killed at any line: either no key file, or a whole one on disk; two makers agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    text = base64.urlsafe_b64encode(secrets.token_bytes(KEY_SIZE_BYTES))
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)  # fails when another process was first: its key counts
        except FileExistsError:
            return
        _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
