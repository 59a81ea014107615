"""Task ids that callbacks have named, before the job that waits for them goes on: which are its own?"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from ops.base.clock import monotonic_s
from ops.base.nursery import Nursery
from schemas.catalogue import catalogue
from schemas.ids import new_id
from storage.callbacks import Addresses
from storage.calls import Calls, ProviderCall
from storage.streams import Entry
from tests.ring import MASTER_KEY, Ring
from workers.providers.journal import Parked
from workers.providers.port import Adapter, Call, Sighting
from workers.providers.registry import Providers
from workers.purchases import WAIT_FOR_CALLBACK_S, Purchases, Shop
from workers.runtime.hand import Held

KINDS = ("text.improve:1",)
ADDRESSES = Addresses(MASTER_KEY, public_url="https://leyden.example")


@dataclass
class Board:
    """A provider's tasks: id -> where each reports to."""

    tasks: dict[str, str | None] = field(default_factory=dict)

    async def look(self, remote_ref: str, _call: Call) -> Sighting | None:
        known = remote_ref in self.tasks
        return Sighting(remote_ref, "running", self.tasks[remote_ref]) if known else None


@dataclass
class Scene:
    """A parked job whose order left, and whose answer never came."""

    ring: Ring
    calls: Calls
    job_id: UUID
    call_id: UUID
    board: Board = field(default_factory=Board)

    @classmethod
    async def open(cls, ring: Ring) -> "Scene":
        calls, job_id = Calls(ring.db), await ring.submit(await ring.person(), "hello")
        await ring.jobs.start(job_id, uuid4(), worker="w", lease_s=60, kinds=KINDS)
        call = ProviderCall(new_id(), "kie", "kling-3.0", addressed=True)
        assert await calls.announce(call, job_id, 1) == "ok"
        await ring.jobs.park(job_id, 1, delay_s=60)
        return cls(ring, calls, job_id, call.id)

    @property
    def address(self) -> str | None:
        return ADDRESSES.of("kie", self.call_id)

    async def look(self) -> Parked | None:
        """The next attempt, until it is parked again; None when it knows what it has bought."""
        answer = await self.ring.jobs.start(
            self.job_id, uuid4(), worker="w", lease_s=60, kinds=KINDS
        )
        (started,) = answer.jobs
        assert started.code == "ok"
        held = Held(Entry(started.attempt, b"0-0", self.job_id, started.kind, ""))
        providers = Providers(catalogue(), {"kie": Adapter(tasks=self.board)})
        async with Nursery("purchases") as nursery:
            shop = Shop(self.calls, ADDRESSES, nursery)
            purchases = await Purchases.load(shop, held, started)
            try:
                await purchases.resolve(providers, deadline_s=monotonic_s() + 30)
            except Parked as parked:
                await self.ring.jobs.park(self.job_id, started.attempt, delay_s=parked.delay_s)
                return parked
        return None

    async def hear(self, remote_ref: str) -> None:
        await self.calls.hear(self.call_id, remote_ref)

    async def row(self) -> ProviderCall:
        (row,) = await self.calls.of(self.job_id)
        return row


@pytest_asyncio.fixture
async def scene(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    ring = await Ring.open(dsn, redis_url, tmp_path)
    yield await Scene.open(ring)
    await ring.close()


@pytest.mark.parametrize("tells", [True, False])
async def test_a_task_that_reports_to_us_is_ours(scene: Scene, tells: bool) -> None:
    """Or that does not say where it reports."""
    scene.board.tasks["t"] = scene.address if tells else None
    await scene.hear("t")
    assert await scene.look() is None
    assert (await scene.row()).external_ref == "t"


async def test_somebody_elses_task_is_forgotten_and_ours_is_waited_for(scene: Scene) -> None:
    scene.board.tasks["t"] = "https://elsewhere.example/x"
    await scene.hear("t")
    parked = await scene.look()
    assert parked is not None
    assert parked.delay_s == WAIT_FOR_CALLBACK_S
    row = await scene.row()
    assert (row.external_ref, row.claimed_refs, row.open) == (None, (), True)


async def test_a_task_that_its_provider_does_not_show_yet_is_looked_for_again(
    scene: Scene,
) -> None:
    """A callback may be faster than the record that it is about: it is said once, and was paid for."""
    scene.board.tasks["of another"] = "https://elsewhere.example/x"
    await scene.hear("ours")
    parked = await scene.look()
    assert parked is not None
    assert parked.delay_s < 60
    await scene.hear("of another")
    assert await scene.look() is not None
    assert (await scene.row()).claimed_refs == ("ours",)
    scene.board.tasks["ours"] = scene.address
    await scene.hear("ours")
    assert await scene.look() is None
    assert (await scene.row()).external_ref == "ours"
