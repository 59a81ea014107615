"""The mail of a worker process: rings when an answer may be due, and delivers where lane `post` is worked in.

What speaks to Telegram costs a second to import and is only opened by a process that has something to say
there; one without bots in its settings never does.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from ops.base.nursery import Nursery
from ops.base.settings import Settings
from ops.base.telegram import bots_of
from schemas.jobs import Kind, Lane, Priority, stream_number
from schemas.payloads import PostPublish
from storage.blobs import Blobs
from storage.crypto import Keys
from storage.jobs import Wake
from storage.pool import Database
from storage.queue import Queue
from workers.providers.registry import Providers
from workers.runtime.worker import Errand
from workers.tasks.context import TaskContext
from workers.tasks.post import task_of
from workers.tasks.registry import Task
from workers.watching import UNWATCHED, Watcher

if TYPE_CHECKING:
    from workers.delivery.office import PostOffice

DELIVER: Final = "deliver"
"""The kind of an entry that names no job."""
GATHER_S: Final = 0.02
_WAKE: Final = Wake(UUID(int=0), stream_number(Lane.POST, Priority.HIGH), DELIVER, "")


class Mailroom:
    """One for a process. `ring` is a hint and never the answer itself: who hears it asks Postgres."""

    def __init__(
        self,
        settings: Settings,
        *,
        master_key: bytes,
        db: Database,
        queue: Queue,
        providers: Providers,
    ) -> None:
        """Raises ConfigError for bots that cannot be."""
        self._settings = settings
        self._master_key = master_key
        self._db = db
        self._queue = queue
        self._providers = providers
        self._nursery = Nursery("mail")
        self._has_bots = bool(bots_of(settings))
        self._office: PostOffice | None = None
        self._near: Errand | None = None

    def tasks(self, others: Mapping[Kind, Task]) -> dict[Kind, Task]:
        """With the one that posts, if nobody else does."""
        return {Kind.POST_PUBLISH: task_of(self if self._has_bots else None), **others}

    def errands(self, lanes: tuple[Lane, ...], *, alone: bool) -> dict[str, Errand]:
        """What a worker of these lanes does beside its jobs."""
        if not self._has_bots or alone or Lane.POST not in lanes:
            return {}
        self._near = self._open().courier
        return {DELIVER: self._near}

    def watcher(self) -> Watcher:
        """Who shows running jobs in chats. Opened at once: imported later, it would hold up jobs."""
        return self._open().live if self._has_bots else UNWATCHED

    async def publish(self, payload: PostPublish, ctx: TaskContext) -> str:
        return await self._open().publisher.publish(payload, ctx)

    def ring(self) -> None:
        """A job has ended. Many in one moment are one entry; a courier of this process needs none."""
        if self._near is not None:
            self._near.ring()
        elif self._has_bots and not len(self._nursery):
            self._nursery.start(self._tell(), name="ring", apart=True)

    async def close(self) -> None:
        await self._nursery.drain(1.0)
        await self._nursery.close()
        if self._office is not None:
            await self._office.close()

    async def _tell(self) -> None:
        await asyncio.sleep(GATHER_S)
        await self._queue.wake([_WAKE], reason=DELIVER)

    def _open(self) -> "PostOffice":
        if self._office is None:
            from workers.delivery.office import PostOffice

            self._office = PostOffice.open(
                self._settings,
                db=self._db,
                queue=self._queue,
                keys=Keys(self._db, self._master_key),
                blobs=Blobs.open(str(self._settings.blob_url)),
                providers=self._providers,
            )
        return self._office
