"""Everything a producer needs, opened once and closed once: the composition root of this side."""

from dataclasses import dataclass
from typing import Self

from ledger.housekeeping import keep_prices
from ledger.pricing import Pricing
from ledger.receipts import Receipts
from ledger.statement import Statement
from ledger.wallets import Wallets
from ops.base.accounts import available
from ops.base.children import Children, Profile
from ops.base.clock import now
from ops.base.settings import Settings
from producers.intake import Intake
from producers.offer import Offers
from producers.updates import Door
from schemas.catalogue import catalogue
from schemas.plans import plans
from storage import migrate
from storage.blobs import Blobs
from storage.callbacks import Addresses, Callbacks
from storage.calls import Calls
from storage.crypto import Keys
from storage.deliveries import Deliveries
from storage.files import Files, StoredFile
from storage.free_space import FreeSpace
from storage.inbox import Inbox
from storage.inspect import inspect
from storage.jobs import Jobs
from storage.pool import Database
from storage.projects import Projects
from storage.queue import Queue
from storage.results import Results
from storage.updates import Updates
from storage.users import SignUp, Users

DECODE_CALLS_MAX = 200


@dataclass(frozen=True, slots=True)
class Desk:
    settings: Settings
    db: Database
    queue: Queue
    keys: Keys
    users: Users
    files: Files
    projects: Projects
    results: Results
    deliveries: Deliveries
    wallets: Wallets
    receipts: Receipts
    statement: Statement
    intake: Intake
    children: Children
    addresses: Addresses
    callbacks: Callbacks
    offers: Offers
    updates: Updates
    door: Door
    space: FreeSpace

    @classmethod
    async def open(
        cls, settings: Settings, *, database_url: str, redis_url: str, master_key: bytes
    ) -> Self:
        """Raises ConfigError for a wrong setting or an old database, Unavailable without Postgres.

        Redis need not answer: nothing here depends on it.
        """
        db = await Database.open(database_url, size=settings.database_pool_size)
        try:
            await migrate.check(db)
            await keep_prices(db)  # what is quoted here can be explained for ever
            queue = await Queue.open(redis_url, timeout_s=settings.redis_timeout_s)
            return cls._build(settings, db, queue, master_key)
        except BaseException:
            await db.close()
            raise

    @classmethod
    def _build(cls, settings: Settings, db: Database, queue: Queue, master_key: bytes) -> Self:
        keys = Keys(db, master_key)
        updates = Updates(db, master_key)
        blobs = Blobs.open(settings.blob_url)
        users = Users(db, keys, SignUp.of(plans(), waiting_max=settings.waiting_max))
        files = Files(db, keys, blobs)
        results = Results(db, keys, blobs)
        wallets = Wallets(db)
        models = catalogue().bound(available(settings), lambda: now().date())
        space = FreeSpace(blobs.folder, least_bytes=settings.disk_free_min_bytes)
        offers = Offers(users, files, plans=plans(), pricing=Pricing.current(models), space=space)
        intake = Intake(
            jobs=Jobs(db),
            queue=queue,
            keys=keys,
            offers=offers,
            results=results,
            wallets=wallets,
            users=users,
            settings=settings,
        )
        return cls(
            settings=settings,
            db=db,
            queue=queue,
            keys=keys,
            users=users,
            files=files,
            projects=Projects(db, keys),
            results=results,
            deliveries=Deliveries(db),
            wallets=wallets,
            receipts=Receipts(db),
            statement=Statement(db),
            intake=intake,
            children=Children(_decode_profile(settings), slots=settings.children),
            addresses=Addresses(master_key, public_url=settings.public_url),
            callbacks=Callbacks(Inbox(db), Calls(db), queue),
            offers=offers,
            updates=updates,
            door=Door.of(settings, updates, master_key=master_key),
            space=space,
        )

    async def receive(self, user_id: int, data: bytes) -> StoredFile:
        """An uploaded file: looked at in a child process, then kept. Raises InvalidInput, NoRoom."""
        await self.space.check()
        facts = await inspect(self.children, data)
        return await self.files.add(user_id, data, facts=facts)

    async def close(self) -> None:
        await self.intake.close()
        await self.children.close()
        await self.queue.aclose()
        await self.db.close()


def _decode_profile(settings: Settings) -> Profile:
    return Profile(
        "decode",
        settings.decode_memory_max_bytes,
        settings.decode_timeout_s,
        DECODE_CALLS_MAX,
    )
