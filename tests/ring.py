"""People and jobs as producers make them, for tests of whole worker processes.

`Ring` acts for the producer: real people with keys and money, real payloads, real wake-ups. `Worker`
is a worker process of `tests/chaos/process.py`, whose tasks do what a payload's text says.
"""

import asyncio
import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

from ops.base.settings import Settings, load_settings
from schemas.ids import derive_id, new_id
from schemas.jobs import LANE_OF_KIND, Kind, Lane, Priority, stream_number
from schemas.money import App
from schemas.payloads import TextImprove
from schemas.plans import plans
from storage.crypto import PAYLOAD, Keys
from storage.jobs import Jobs, NewJob, Submitted
from storage.pool import Database
from storage.queue import Queue
from storage.users import SignUp, Users
from tests.nest import Hatched
from tests.support import PATIENCE, wait_until

MASTER_KEY = b"k" * 32
REPOSITORY = Path(__file__).parent.parent
CREDIT = 10_000


@dataclass
class Ring:
    settings: Settings
    db: Database
    owner: Database
    queue: Queue
    folder: Path
    keys: Keys = field(init=False)
    jobs: Jobs = field(init=False)
    workers: "list[Worker]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = Keys(self.db, MASTER_KEY)
        self.jobs = Jobs(self.db)

    @classmethod
    async def open(cls, dsn: str, redis_url: str, folder: Path, **settings: Any) -> Self:
        known = load_settings(
            database_url=dsn,
            redis_url=redis_url,
            data_dir=folder,
            **{"lease_s": 3.0, "grace_s": 5.0, "children": 1, **settings},
        )
        return cls(
            known,
            await Database.open(dsn, size=4),
            await Database.open(dsn, size=2, role=None),
            await Queue.open(redis_url),
            folder,
        )

    async def close(self) -> None:
        """Also ends every worker: one that lived on would read the entries of the next test."""
        for worker in self.workers:
            await worker.kill()
        await self.queue.aclose()
        await self.db.close()
        await self.owner.close()

    async def person(self, *, credits_: int = 1_000, cap: int = 50) -> int:
        users = Users(self.db, self.keys, SignUp.of(plans(), waiting_max=10_000))
        user_id = (await users.ensure("dev", uuid4().hex)).user_id
        await self.owner.execute(
            "update work.member set caps = array_fill($2::smallint, '{5}') where user_id = $1",
            user_id,
            cap,
        )
        await self.owner.execute(
            "select ledger.credit($1, $2, 1::smallint, $3, 'grant')",
            uuid4(),
            user_id,
            credits_ * CREDIT,
        )
        return user_id

    async def new_job(self, user_id: int, text: str, **changes: Any) -> NewJob:
        """A `text.improve` at 1 credit whose text tells the scripted task what to do."""
        key = await self.keys.of(user_id)
        body = TextImprove(text=text).model_dump_json().encode()
        job_id = new_id()
        stream = stream_number(LANE_OF_KIND[Kind.TEXT_IMPROVE], Priority.NORMAL)
        options: dict[str, Any] = {
            "id": job_id,
            "stream": stream,
            "key": str(job_id),
            "price_units": CREDIT,
            "limit_s": 300,
            "max_tries": 50,
            "payload": key.encrypt(body, purpose=PAYLOAD),
            "trace": "00-test",
        } | changes
        return NewJob(
            user_id=user_id,
            app=App.PENORA.number,
            kind=Kind.TEXT_IMPROVE,
            version=1,
            body_hash=derive_id(text),
            key_version=key.version,
            price_version=1,
            spend_order=(1,),
            reply="pull",
            daily_limit=-1,
            **options,
        )

    async def submit(self, user_id: int, text: str, **changes: Any) -> UUID:
        answer = await self.jobs.submit(await self.new_job(user_id, text, **changes))
        await self.wake(answer)
        assert answer.code in {"ok", "replay"}, answer.code
        assert answer.job_id is not None
        return answer.job_id

    async def wake(self, answer: Submitted) -> None:
        await self.queue.wake(answer.wakes)

    async def row(self, job_id: UUID) -> dict[str, Any]:
        row = await self.owner.fetchrow("select * from work.job where id = $1", job_id)
        assert row is not None
        return dict(row)

    async def state(self, job_id: UUID) -> str:
        return str((await self.row(job_id))["state"])

    async def count(self, where: str) -> int:
        return int(await self.owner.fetchval(f"select count(*) from work.job where {where}"))

    async def wait_state(self, job_id: UUID, state: str, timeout_s: float = 20.0) -> dict[str, Any]:
        async def there() -> bool:
            return await self.state(job_id) == state

        await wait_until(there, timeout_s, f"job is {state}")
        return await self.row(job_id)

    async def wait_ended(self, count: int, timeout_s: float = 60.0) -> None:
        async def all_ended() -> bool:
            return await self.count("due_at is null") >= count

        await wait_until(all_ended, timeout_s, f"{count} jobs have ended")

    async def suspect(self, user_id: int, text: str) -> UUID:
        """A job as it is after its second crash: queued for a process that runs it alone."""
        answer = await self.jobs.submit(await self.new_job(user_id, text))
        assert answer.job_id is not None
        alone = stream_number(Lane.TEXT, Priority.SUSPECT)
        await self.owner.execute(
            "update work.job set suspect = true, stream = $2, slot = $2 where id = $1",
            answer.job_id,
            alone,
        )
        await self.queue.wake(wake._replace(stream=alone) for wake in answer.wakes)
        return answer.job_id

    async def violations(self) -> list[tuple[Any, ...]]:
        async with self.owner.transaction(readonly=True, snapshot=True) as snapshot:
            work = await snapshot.fetch("select * from work.violations")
            over = await snapshot.fetch("select * from work.over_cap")
            money = await snapshot.fetch("select * from ledger.violations")
        return [tuple(row) for row in (*work, *over, *money)]

    async def captures(self) -> int:
        return int(
            await self.owner.fetchval("select count(*) from ledger.transfer where kind = 'capture'")
        )

    async def open_holds(self) -> int:
        return int(
            await self.owner.fetchval("select count(*) from ledger.hold where state = 'open'")
        )

    def runs(self) -> "list[Started]":
        """Every run of a scripted task that began, in the order of the journal."""
        path = self.folder / "journal"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Started(**json.loads(line)) for line in lines]


@dataclass(frozen=True)
class Started:
    job: str
    attempt: int
    pid: int
    at_s: float


@dataclass
class Worker:
    """A worker process; `die_at` names the line at which it kills itself."""

    process: Hatched

    @classmethod
    async def start(
        cls,
        ring: Ring,
        *,
        lanes: Sequence[Lane] = (Lane.TEXT,),
        slots: int = 20,
        die_at: str = "",
        log: str = "worker.log",
        module: str = "tests.chaos.process",
        told_settings: dict[str, Any] | None = None,
        **more: Any,
    ) -> Self:
        """`told_settings`: beside those of the ring, secrets in the clear."""
        settings = ring.settings.model_dump(mode="json", exclude={"master_key"})
        settings |= told_settings or {}
        told = {
            "settings": settings,
            "lanes": [lane.value for lane in lanes],
            "slots": slots,
            "die_at": die_at,
            "journal": str(ring.folder / "journal"),
            **more,
        }
        process = Hatched.run(module, json.dumps(told), cwd=REPOSITORY, log=ring.folder / log)
        worker = cls(process)
        ring.workers.append(worker)
        return worker

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.returncode is None

    async def ready(self, ring: Ring, timeout_s: float = 30.0) -> Self:
        """It reads, and its signal handlers are in place."""

        async def shown() -> bool:
            return self.pid in {card.pid for card in await ring.queue.workers()}

        await wait_until(shown, timeout_s, "the worker shows itself")
        return self

    def signal(self, number: int) -> None:
        if self.alive:
            self.process.send_signal(number)

    async def kill(self) -> None:
        """kill -9, also of one that is frozen."""
        self.signal(signal.SIGKILL)
        await self.process.wait()

    async def end(self, timeout_s: float = 30.0) -> int:
        """SIGTERM; answers the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended(timeout_s)

    async def ended(self, timeout_s: float = 30.0) -> int:
        async with asyncio.timeout(PATIENCE * timeout_s):
            return await self.process.wait()
