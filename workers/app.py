"""The composition root of a worker process: every object it is made of, opened and closed here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

from arq.cron import CronJob, cron
from arq.worker import Function, func

from ledger import housekeeping, verify
from ledger.pricing import Pricing
from ledger.subscriptions import Subscriptions
from ops.base.children import DECODE, MAKE, Children
from ops.base.health import Health
from ops.base.logs import get_logger
from ops.base.settings import Settings
from schemas.errors import ConfigError
from schemas.jobs import Kind, Lane
from schemas.plans import kind_limits, plans
from storage.blobs import Blobs
from storage.callbacks import Addresses, Callbacks
from storage.calls import Calls
from storage.consumer import Consumer
from storage.crypto import Keys
from storage.files import Files
from storage.gifts import Gifts
from storage.inbox import Inbox
from storage.jobs import Jobs, Started
from storage.migrate import check
from storage.pool import Database
from storage.queue import Queue
from storage.retention import Retention
from storage.streams import STREAMS
from storage.users import SignUp, Users
from workers.late import LateLooks
from workers.mailroom import Mailroom
from workers.pipeline import Pipeline
from workers.pipeline import Ports as PipelinePorts
from workers.providers.port import Tools
from workers.providers.registry import Providers, open_providers
from workers.runtime.hand import Held
from workers.runtime.reader import ReadPlan
from workers.runtime.warden import ChildTerms, Warden
from workers.runtime.worker import Ports, StreamWorker, Terms
from workers.standing import Standing
from workers.tasks.registry import TASKS, Task

log = get_logger(__name__)

CONTROL_CONNECTIONS: Final = 2
"""Renewals and sweeps have their own: no job can make them wait for a connection."""
KEEPER: Final = "keeper"
LATE_ROUND_S: Final = 40.0
CONSUMERS_IDLE_S: Final = 3_600.0
"""A consumer that reads is never idle for longer than a second."""


@dataclass(frozen=True, slots=True)
class WorkerApp:
    """What `ctx["app"]` holds: the one object that a running function may ask for anything."""

    settings: Settings
    db: Database
    control: Database
    queue: Queue
    blobs: Blobs
    decode: Children
    make: Children
    providers: Providers
    pipeline: Pipeline
    late: LateLooks
    mail: Mailroom
    health: Health
    tasks: Mapping[Kind, Task]

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        master_key: bytes,
        tasks: Mapping[Kind, Task] = TASKS,
        providers: Providers | None = None,
    ) -> Self:
        """`settings` name both stores; without `providers`, those of the catalogue. Raises
        ConfigError, Unavailable.
        """
        if settings.database_url is None or settings.redis_url is None:
            raise ConfigError(setting="LEYDEN_DATABASE_URL", problem="is not known to this worker")
        db = await Database.open(settings.database_url, size=settings.database_pool_size)
        await check(db)
        control = await Database.open(
            settings.database_url, size=CONTROL_CONNECTIONS, name="leyden control"
        )
        queue = await Queue.open(settings.redis_url, timeout_s=settings.redis_timeout_s)
        decode = Children(DECODE, slots=settings.children)
        make = Children(MAKE, slots=settings.children)
        providers = providers or open_providers(settings, queue, Tools(decode, make))
        mail = Mailroom(settings, master_key=master_key, db=db, queue=queue, providers=providers)
        tasks = mail.tasks(tasks)
        ports = _ports(settings, master_key, Stores(db, queue), make, providers, tasks)
        ports = replace(ports, watcher=mail.watcher())
        return cls(
            settings,
            db,
            control,
            queue,
            ports.blobs,
            decode,
            make,
            providers,
            Pipeline(ports),
            LateLooks(ports, ports.gifts),
            mail,
            Health(),
            tasks,
        )

    def worker(
        self,
        lanes: tuple[Lane, ...],
        *,
        slots: int,
        alone: bool = False,
        idle_exit_s: float | None = None,
        suspects: ChildTerms | None = None,
        handle_signals: bool = True,
    ) -> StreamWorker:
        """A worker of these lanes. `alone`: it reads their suspects, one at a time. `suspects`: how
        to start the child that does so beside it.
        """
        settings = self.settings
        plan = ReadPlan(lanes, slots, alone)
        warden = None
        if suspects is not None:
            jobs = Jobs(self.control)
            warden = Warden(jobs, self.queue, streams=plan.suspects, terms=suspects)
        errands = self.mail.errands(lanes, alone=alone)
        return StreamWorker(
            self._functions(),
            ports=Ports(Jobs(self.db), self.control, self.queue, self.health, errands),
            plan=plan,
            terms=Terms(
                kinds=self._kinds(),
                lease_s=settings.lease_s,
                sweep_s=settings.sweep_s,
                grace_s=settings.grace_s,
                batch_size_max=settings.batch_size_max,
                idle_exit_s=idle_exit_s,
            ),
            ctx={"app": self},
            cron_jobs=() if alone else _cron_jobs(),
            warden=warden,
            handle_signals=handle_signals,
        )

    async def close(self) -> None:
        await self.pipeline.close()
        await self.mail.close()
        await self.providers.close()
        await self.make.close()
        await self.decode.close()
        await self.queue.aclose()
        await self.control.close()
        await self.db.close()

    def _functions(self) -> list[Function]:
        limits = kind_limits()
        return [
            func(run_job, name=kind.value, timeout=limits[kind].timeout_s, keep_result=0)
            for kind in self.tasks
        ]

    def _kinds(self) -> tuple[str, ...]:
        return tuple(
            f"{kind.value}:{version}"
            for kind, task in self.tasks.items()
            for version in sorted(task.versions)
        )


@dataclass(frozen=True, slots=True)
class Stores:
    db: Database
    queue: Queue


def _ports(
    settings: Settings,
    master_key: bytes,
    stores: Stores,
    make: Children,
    providers: Providers,
    tasks: Mapping[Kind, Task],
) -> PipelinePorts:
    """What jobs stand on, all of it over the same two stores."""
    db = stores.db
    keys, blobs = Keys(db, master_key), Blobs.open(str(settings.blob_url))
    users = Users(db, keys, SignUp.of(plans(), waiting_max=settings.waiting_max))
    return PipelinePorts(
        jobs=Jobs(db),
        calls=Calls(db),
        gifts=Gifts(db),
        addresses=Addresses(master_key, public_url=settings.public_url),
        queue=stores.queue,
        keys=keys,
        files=Files(db, keys, blobs),
        blobs=blobs,
        make=make,
        providers=providers,
        standing=Standing(users),
        pricing=Pricing.current(providers.book),
        tasks=tasks,
        limits=kind_limits(),
        batch_size_max=settings.batch_size_max,
    )


async def run_job(ctx: dict[str, Any], held: Held, started: Started) -> None:
    """Every kind of job, as an arq function."""
    app: WorkerApp = ctx["app"]
    await app.pipeline.run(held, started)
    app.mail.ring()


async def mind_money(ctx: dict[str, Any]) -> None:
    """Each minute, by one worker of the cluster: what time ends, and the proof of what is new."""
    app: WorkerApp = ctx["app"]
    swept = await housekeeping.sweep(app.control, Subscriptions(app.control))
    await app.queue.wake(swept.wakes, reason="plan")
    report = await verify.verify_since_mark(app.control)
    _report(report)


async def prove_book(ctx: dict[str, Any]) -> None:
    """Once a day, by one worker of the cluster: the proof of the whole book, as long as it takes."""
    app: WorkerApp = ctx["app"]
    _report(await verify.verify_book_daily(app.db))


def _report(report: verify.Report | None) -> None:
    if report is not None and not report.ok:
        log.error("ledger.violated", n_rows=len(report.violations))


async def hear_callbacks(ctx: dict[str, Any]) -> None:
    """Every ten seconds, by one worker of the cluster: callbacks that their process died over."""
    app: WorkerApp = ctx["app"]
    left = await Callbacks(Inbox(app.control), Calls(app.control), app.queue).resume()
    if left:
        log.info("callbacks.resumed", n_events=left)


async def look_late(ctx: dict[str, Any]) -> None:
    """Four times a minute: results that were bought for jobs which the house has ended since. Workers
    share the looks, one call each at a time.
    """
    app: WorkerApp = ctx["app"]
    looks = await app.late.round(within_s=LATE_ROUND_S)
    if looks:
        log.info("late.round_ended", n_looks=looks)


async def keep_house(ctx: dict[str, Any]) -> None:
    """Hourly, by one worker of the cluster: forget what has outlived its purpose."""
    app: WorkerApp = ctx["app"]
    forgotten = asdict(await Retention(app.db, app.blobs).run())
    keeper = Consumer(app.queue, KEEPER)
    try:
        consumers = await keeper.drop_idle(STREAMS, idle_s=CONSUMERS_IDLE_S)
    finally:
        await keeper.close()
    log.info("house.kept", n_consumers=consumers, **{f"n_{k}": n for k, n in forgotten.items()})


def _cron_jobs() -> list[CronJob]:
    """`unique`: arq lets one worker of the cluster run each of them."""
    return [
        cron(keep_house, name="keep_house", minute=17, second=0, timeout=1800),
        cron(mind_money, name="mind_money", second=41, timeout=55),
        # Asked often and done once a day: the first proof of a new book need not wait for the night.
        cron(
            prove_book,
            name="prove_book",
            minute=set(range(3, 60, 10)),
            second=29,
            timeout=verify.BOOK_TIMEOUT_S + 60,
        ),
        cron(look_late, name="look_late", second={8, 23, 38, 53}, timeout=300),
        cron(hear_callbacks, name="hear_callbacks", second=set(range(3, 60, 10)), timeout=9),
    ]
