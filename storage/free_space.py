"""How much room is left where blobs are kept on a disk of ours: looked at every few seconds, not every time.

A store in S3 has no such end. A disk that cannot be asked refuses nothing: writing to it will say more.
"""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ops.base import metrics
from ops.base.clock import monotonic_s
from ops.base.logs import get_logger
from schemas.errors import NoRoom

log = get_logger(__name__)

LOOKED_S: Final = 5.0
"""How long a look holds. What is written meanwhile has to fit into the room that is kept free."""


def free_bytes(folder: Path) -> int:
    """Raises OSError."""
    return shutil.disk_usage(folder).free


class FreeSpace:
    def __init__(
        self,
        folder: Path | None,
        *,
        least_bytes: int,
        looked_s: float = LOOKED_S,
        look: Callable[[Path], int] = free_bytes,
    ) -> None:
        """`folder` None: blobs are not kept on a disk of ours. `least_bytes` 0: nothing is refused."""
        self._folder = folder
        self._least_bytes = least_bytes
        self._looked_s = looked_s
        self._look = look
        self._looked_at: float | None = None
        self._enough = True

    async def check(self) -> None:
        """Raises NoRoom while less than `least_bytes` are free."""
        if self._folder is None:
            return
        now_s = monotonic_s()
        if self._looked_at is None or now_s - self._looked_at >= self._looked_s:
            self._looked_at = now_s  # before the look: whoever asks meanwhile takes the last answer
            self._enough = await self._has_room(self._folder)
        if not self._enough:
            raise NoRoom

    async def _has_room(self, folder: Path) -> bool:
        try:
            free = await asyncio.to_thread(self._look, folder)
        except OSError as error:
            log.warning("disk.unreadable", error=type(error).__name__)
            return True
        metrics.disk_free_bytes.set(free)
        return free >= self._least_bytes
