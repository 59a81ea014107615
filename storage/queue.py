"""The Redis side of the queue: adds wake-ups, and what operators see and say (lanes, workers).

Redis is a fast, rebuildable index of unfinished work. Losing anything here costs seconds: the
sweeper adds again what is missing. So a wake-up that cannot be added is counted, never raised.
"""

import asyncio
import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self, cast

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError, ResponseError

from ops.base import clock, metrics
from ops.base.logs import get_logger
from schemas.errors import ConfigError
from schemas.jobs import Lane
from storage import streams
from storage.jobs import Wake

log = get_logger(__name__)

WAKE_TIMEOUT_S: Final = 0.5
"""How long an accept may wait for Redis. Longer would make Redis a part of the promise."""
QUIET_S: Final = 1.0
"""After a failure nobody tries for so long: the sweeper adds what was skipped."""
PIPELINE_MAX: Final = 1_000
CARD_TTL_S: Final = 10
SWEEP_KEY: Final = "leyden:sweep:last"

REDIS_TROUBLE: Final = (RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """What a worker process says of itself each second; gone ten seconds after its end."""

    id: str
    lanes: tuple[str, ...]
    slots: int
    in_hand: int
    host: str
    pid: int
    started_at: float
    beat_at: float


class Queue(ArqRedis):
    """arq's client on streams. `enqueue_job` stays for arq's own functions: cron and housekeeping.

    Every method but `wake` and `prepare` may raise what redis raises (REDIS_TROUBLE).
    """

    _quiet_until_s: float = 0.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._add_many = self.register_script(streams.ADD)
        self._newest = self.register_script(streams.NEWEST)

    @classmethod
    async def open(cls, url: str, *, timeout_s: float = 5.0, name: str = "leyden") -> Self:
        """Connects lazily: a Redis that is down stops no start. ConfigError on a bad URL."""
        try:
            pool = ConnectionPool.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=min(timeout_s, 1.0),
                client_name=name,
            )
        except ValueError as error:
            raise ConfigError(setting="LEYDEN_REDIS_URL", problem="is not a Redis URL") from error
        queue = cls(
            pool,
            job_serializer=_to_json,
            job_deserializer=json.loads,
            default_queue_name=streams.CRON_QUEUE,
        )
        queue.auto_close_connection_pool = True
        return queue

    async def wake(self, wakes: Iterable[Wake], *, reason: str = "submitted") -> int:
        """Add an entry for each; answers how many were added. Raises nothing of Redis.

        Crash window 2: the job is committed, so a wake-up lost here is added by the sweeper.
        """
        pending = list(wakes)
        if not pending or clock.monotonic_s() < self._quiet_until_s:
            return 0
        try:
            async with asyncio.timeout(WAKE_TIMEOUT_S):
                for start in range(0, len(pending), PIPELINE_MAX):
                    await self._add(pending[start : start + PIPELINE_MAX])
        except REDIS_TROUBLE as error:
            self._quiet_until_s = clock.monotonic_s() + QUIET_S
            self.count_error(error, "wake")
            return 0
        metrics.wakeups_added.labels(reason=reason).inc(len(pending))
        return len(pending)

    async def _add(self, wakes: Sequence[Wake]) -> None:
        if len(wakes) == 1:
            await self.raw(*_xadd(wakes[0]))
            return
        args: list[str | bytes] = []
        for wake in wakes:
            args += (wake.job_id.bytes, wake.kind, wake.trace)
        await self._add_many(keys=[streams.stream_key(wake.stream) for wake in wakes], args=args)

    async def prepare(self, numbers: Iterable[int] = streams.STREAMS) -> bool:
        """Make the group of each stream, at id 0 so that no earlier entry is skipped.

        False: Redis is down, or refused.
        """
        pipe = self.pipeline(transaction=False)
        for number in numbers:
            pipe.execute_command(
                "XGROUP", "CREATE", streams.stream_key(number), streams.GROUP, "0", "MKSTREAM"
            )
        try:
            answers = await pipe.execute(raise_on_error=False)
        except REDIS_TROUBLE as error:
            self.count_error(error, "prepare")
            return False
        return all(_made(answer) for answer in answers)

    async def warn_unsafe(self) -> None:
        """Say at start what would make waking slow or impossible. Nothing here stops a worker."""
        try:
            info: Mapping[str, Any] = await settled(self.info())
        except REDIS_TROUBLE as error:
            self.count_error(error, "info")
            return
        if info.get("maxmemory_policy", "noeviction") != "noeviction":
            log.warning("redis.evicts", policy=info["maxmemory_policy"], wanted="noeviction")
        if not info.get("aof_enabled"):
            log.warning("redis.forgets", wanted="appendonly yes")
        if info.get("redis_mode") == "cluster":
            log.warning("redis.clustered", wanted="a single server: streams need one")

    async def ages(self) -> dict[int, float]:
        """For each stream the age in seconds that the sweeper needs (see `delivered_age_s`).

        A stream without its group gets one: after FLUSHALL a lane without workers would otherwise
        look as if everything in it had been lost.
        """
        keys = [streams.stream_key(number) for number in streams.STREAMS]
        ids, (seconds, micros) = await self._newest(keys=keys, args=[streams.GROUP])
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        if not all(ids):
            await self.prepare()
        pairs = zip(ids[::2], ids[1::2], strict=True)
        return {
            number: streams.delivered_age_s(newest, delivered, now_ms)
            for number, (newest, delivered) in zip(streams.STREAMS, pairs, strict=True)
        }

    async def pause(self, lane: Lane) -> None:
        """Workers stop reading this lane within a second; what runs goes on."""
        await settled(self.sadd(streams.PAUSED_KEY, lane.value))

    async def resume(self, lane: Lane) -> None:
        await settled(self.srem(streams.PAUSED_KEY, lane.value))

    async def paused(self) -> frozenset[Lane]:
        names = await settled(self.smembers(streams.PAUSED_KEY))
        return frozenset(Lane(name.decode()) for name in names)

    async def beat(self, card: WorkerCard) -> None:
        """Show this worker in `leyden status`."""
        await self.set(streams.WORKER_KEY_PREFIX + card.id, json.dumps(asdict(card)), ex=CARD_TTL_S)

    async def leave(self, worker_id: str) -> None:
        await self.delete(streams.WORKER_KEY_PREFIX + worker_id)

    async def workers(self) -> list[WorkerCard]:
        """The workers that showed themselves in the last ten seconds, by id."""
        keys = [key async for key in self.scan_iter(match=streams.WORKER_KEY_PREFIX + "*")]
        shown = await self.mget(keys) if keys else []
        cards = [_card(json.loads(text)) for text in shown if text is not None]
        return sorted(cards, key=lambda card: card.id)

    async def note_sweep(self, counts: Mapping[str, int]) -> None:
        """Leave a mark of the last whole sweep for `leyden status`."""
        mark = {"at": clock.unix_s(), "counts": dict(counts)}
        await self.set(SWEEP_KEY, json.dumps(mark))

    async def last_sweep(self) -> dict[str, Any] | None:
        """{"at": Unix seconds, "counts": {what: how many}}; None when there was none."""
        text = await self.get(SWEEP_KEY)
        return None if text is None else cast("dict[str, Any]", json.loads(text))

    async def waiting(self, numbers: Iterable[int]) -> bool:
        """Is there any entry in these streams, read or not?"""
        pipe = self.pipeline(transaction=False)
        for number in numbers:
            pipe.xlen(streams.stream_key(number))
        return any(await pipe.execute())

    async def raw(self, *words: str | bytes | int) -> Any:
        """One command as it is; its answer is raw."""
        return await settled(self.execute_command(*words))  # type: ignore[no-untyped-call]

    def count_error(self, error: BaseException, call: str) -> None:
        metrics.redis_errors.inc()
        log.warning("redis.failed", call=call, error=type(error).__name__)


def _xadd(wake: Wake) -> tuple[str | bytes, ...]:
    key = streams.stream_key(wake.stream)
    return ("XADD", key, "*", *streams.fields_of(wake.job_id, wake.kind, wake.trace))


def _made(answer: object) -> bool:
    return not isinstance(answer, Exception) or (
        isinstance(answer, ResponseError) and "BUSYGROUP" in str(answer)
    )


def _card(shown: dict[str, Any]) -> WorkerCard:
    return WorkerCard(**{**shown, "lanes": tuple(shown["lanes"])})


def _to_json(value: dict[str, Any]) -> bytes:
    """arq keeps its cron jobs with this. Never pickle: who can write to Redis could run code."""
    return json.dumps(value, default=repr).encode()


async def settled(answer: Any) -> Any:
    """redis-py types the commands of sets as 'a value or an awaitable of it'."""
    return await answer if isinstance(answer, Awaitable) else answer
