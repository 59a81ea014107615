"""A producer process: many callers at once, each submits a job and waits for its answer.

`gathered` calls the job functions as the intake does, in sets, and wakes the worker. `intake` is the
whole way in: checks, plan, quote, encryption, and the person's plan read for every wish.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ops.base import clock, garbage, logs
from ops.base.settings import Settings, load_settings
from producers.desk import Desk
from producers.request import SubmitRequest
from schemas.jobs import Kind
from schemas.money import App
from schemas.payloads import TextImprove
from storage.batch import Batch
from storage.crypto import PAYLOAD
from storage.jobs import Jobs, NewJob, Submitted
from storage.pool import Database
from storage.queue import Queue
from tests.bench.child import order, released, say
from tests.bench.stores import HOT, MASTER_KEY, USERS, data_key
from tests.bench.tally import Tally
from tests.rig import job

CALLERS: Final = 400
AHEAD_MAX: Final = 4_000
"""Submitted and not yet run: the producer waits for the worker rather than outrun it."""
PACE_S: Final = 0.005
"""One for all callers looks so often; four hundred that look by themselves are a load of their own."""
ORDERS: Final = 2
"""First to get warm, then to be measured."""
TEXT: Final = "a short text of about a hundred bytes, as a bot would send it, with a mistake or to."
BODY: Final = TextImprove(text=TEXT).model_dump_json().encode()

Submit = Callable[[int], Awaitable[None]]


class Gathered:
    """What the intake does after its checks."""

    def __init__(self, db: Database, queue: Queue, settings: Settings, *, save: bool) -> None:
        self._jobs = Jobs(db)
        self._queue = queue
        self._save = save
        self._batch: Batch[NewJob, Submitted] = Batch(
            self._many, single=self._single, call="submit", size_max=settings.batch_size_max
        )

    async def submit(self, user_id: int) -> None:
        payload = data_key(user_id).encrypt(BODY, purpose=PAYLOAD)
        submitted = await self._batch(job(user_id, payload=payload, save=self._save))
        if submitted.code != "ok":
            raise RuntimeError(submitted.code)

    async def close(self) -> None:
        await self._batch.close()

    async def _single(self, new: NewJob) -> Submitted:
        submitted = await self._jobs.submit(new)
        await self._queue.wake(submitted.wakes)
        return submitted

    async def _many(self, new: Sequence[NewJob]) -> list[Submitted]:
        answers = await self._jobs.submit_many(new)
        await self._queue.wake([wake for answer in answers for wake in answer.wakes])
        return answers


async def run(told: dict[str, Any]) -> dict[str, Any]:
    settings = load_settings(
        database_url=told["dsn"], redis_url=told["redis_url"], data_dir=told["folder"]
    )
    logs.configure(settings.log_level, "json", process="bench-producer")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    desk = await Desk.open(
        settings, database_url=told["dsn"], redis_url=told["redis_url"], master_key=MASTER_KEY
    )
    gathered = Gathered(desk.db, desk.queue, settings, save=told["save"])
    garbage.settle()
    submit = _through(desk) if told["way"] == "intake" else gathered.submit
    tally = Tally(Path(told["tally"]))
    sent, told_now = 0, await released()
    for turn in range(ORDERS):
        sent += await _produce(submit, told_now["seconds"], tally, hot=told["hot"], sent=sent)
        say(sent=sent)
        if turn < ORDERS - 1:
            told_now = await order()
    await stopped.wait()
    await gathered.close()
    await desk.close()
    return {"sent": sent}


def _through(desk: Desk) -> Submit:
    async def submit(user_id: int) -> None:
        await desk.intake.submit(
            SubmitRequest(
                user_id=user_id, app=App.PENORA, kind=Kind.TEXT_IMPROVE.value, input={"text": TEXT}
            )
        )

    return submit


async def _produce(submit: Submit, seconds: float, tally: Tally, *, hot: bool, sent: int) -> int:
    until_s = clock.monotonic_s() + seconds
    count, go = 0, asyncio.Event()

    async def pace() -> None:
        while clock.monotonic_s() < until_s:
            if sent + count - tally.total() > AHEAD_MAX:
                go.clear()
            else:
                go.set()
            await asyncio.sleep(PACE_S)
        go.set()

    async def caller() -> None:
        nonlocal count
        while clock.monotonic_s() < until_s:
            if not go.is_set():
                await go.wait()
                continue
            count += 1
            await submit(HOT if hot else random.randint(HOT + 1, USERS + 1))

    await asyncio.gather(pace(), *(caller() for _ in range(CALLERS)))
    return count
