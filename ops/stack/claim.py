"""Who owns the stack of a data folder, and how the others find it.

The owner holds a flock on `lock` for as long as it lives; the kernel frees it however the owner
ends. `stack.json` says where the servers are. From the two together everything follows:

    lock free,  no record      nobody runs a stack: take the lock, start one
    lock free,  a record       its owner died: take the lock, end what it left, start again
    lock held,  ready record of the living owner      attach
    lock held,  anything else                         its owner is starting or stopping: look again
"""

import fcntl
import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ops.stack.processes import Mark


class Claim:
    """The held lock of one data folder."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """None when another process, or another part of this one, holds it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return None
            raise
        return cls(descriptor)

    def release(self) -> None:
        """The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class Record(BaseModel):
    """What stack.json holds. `ready` turns true once every server answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    owner: Mark
    ready: bool
    sockets: Path
    servers: dict[str, Mark]
    urls: dict[str, str]
    versions: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """None when there is none, or none that can be understood."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, path: Path) -> None:
        """In one step: a reader sees the old record or this one, whole."""
        draft = path.with_suffix(".new")
        draft.write_text(self.model_dump_json(indent=2) + "\n")
        draft.chmod(0o600)
        draft.replace(path)

    @property
    def usable(self) -> bool:
        return self.ready and self.owner.alive
