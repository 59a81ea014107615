"""Everything that speaks to Telegram in a worker, opened once and closed once."""

from dataclasses import dataclass
from typing import Self

from ledger.pricing import Pricing
from ops.base.settings import Settings
from schemas.plans import plans
from storage.blobs import Blobs
from storage.calls import Calls
from storage.cards import Cards
from storage.channels import Channels
from storage.crypto import Keys
from storage.deliveries import Deliveries
from storage.files import Files
from storage.pool import Database
from storage.posts import Posts
from storage.preferences import Preferences
from storage.projects import Projects
from storage.queue import Queue
from storage.results import Results
from storage.users import SignUp, Users
from workers.delivery.answers import Answers
from workers.delivery.contents import Contents
from workers.delivery.courier import Courier
from workers.delivery.live import Live
from workers.delivery.prices import Prices
from workers.delivery.publisher import ChannelPublisher
from workers.delivery.sender import Sender
from workers.delivery.wire import Wire
from workers.moderation.gate import Gate
from workers.providers.registry import Providers


@dataclass(frozen=True, slots=True)
class PostOffice:
    """`courier` tells people how their jobs ended, `live` how they go; `publisher` posts in channels."""

    wire: Wire
    courier: Courier
    publisher: ChannelPublisher
    live: Live

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        db: Database,
        queue: Queue,
        keys: Keys,
        blobs: Blobs,
        providers: Providers,
    ) -> Self:
        """Opens no connection yet. Raises ConfigError for bots that cannot be."""
        wire = Wire.open(settings, queue)
        results, posts, deliveries = Results(db, keys, blobs), Posts(db), Deliveries(db)
        prices = Prices(Pricing.current(providers.book), Preferences(db))
        answers = Answers(results, posts, prices)
        courier = Courier(
            Sender(deliveries, Cards(db), answers, wire),
            deliveries=deliveries,
            posts=posts,
            queue=queue,
            lease_s=settings.lease_s,
            grace_s=settings.grace_s,
        )
        publisher = ChannelPublisher(
            posts=posts,
            channels=Channels(db),
            users=Users(db, keys, SignUp.of(plans(), waiting_max=settings.waiting_max)),
            contents=Contents(results, Projects(db, keys), Files(db, keys, blobs)),
            gate=Gate(Calls(db), providers),
            wire=wire,
        )
        return cls(wire, courier, publisher, Live(wire, Cards(db)))

    async def close(self) -> None:
        await self.live.close()
        await self.wire.close()
