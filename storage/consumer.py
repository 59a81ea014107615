"""The worker's end of the streams: read, close, take over. One object for one consumer.

A stream entry is never a lease. It is closed as soon as Postgres has answered `start`, whatever the
answer; an entry that was read and never closed is taken over by another worker or, sooner, made
superfluous by the sweeper.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from redis.exceptions import ResponseError

from ops.base import metrics
from storage import streams
from storage.queue import REDIS_TROUBLE, Queue, settled
from storage.streams import Broken, Delivered, Entry

BLOCK_S: Final = 0.5
TAKE_OVER_MAX: Final = 100


class Consumer:
    """Reads as `name` in the group of each stream. Every method but `settle` may raise
    REDIS_TROUBLE; a missing group (FLUSHALL) is made again and shows as an empty answer.
    """

    def __init__(self, queue: Queue, name: str) -> None:
        self.name = name
        self._queue = queue
        self._read = queue.register_script(streams.READ)
        self._drop_idle = queue.register_script(streams.DROP_IDLE)
        self._blocking, self._blocking_id = _blocking_client(queue)

    async def read(
        self, numbers: Sequence[int], *, budget: int, lane_budgets: dict[str, int]
    ) -> Delivered:
        """At most `budget` entries, first stream first; none of a paused lane. No wait."""
        keys = [streams.PAUSED_KEY, *map(streams.stream_key, numbers)]
        args: list[Any] = [streams.GROUP, self.name, budget]
        for number in numbers:
            lane = streams.lane_name(number)
            args += [lane, lane_budgets.get(lane, budget)]
        try:
            names, rows = await self._read(keys=keys, args=args)
        except ResponseError as error:
            await self._regroup(error)
            return Delivered()
        return streams.parse_delivery(rows, paused=frozenset(name.decode() for name in names))

    async def wait(self, numbers: Sequence[int]) -> Delivered:
        """Sleep until an entry comes to one of these streams, BLOCK_S at most; one of each at most.

        On a connection of its own, and ended by `unblock`, never by cancelling: a cancelled read
        can leave an entry with nobody.
        """
        keys = [streams.stream_key(number) for number in numbers]
        command: list[str | int] = ["XREADGROUP", "GROUP", streams.GROUP, self.name, "COUNT", 1]
        command += ["BLOCK", int(BLOCK_S * 1000), "STREAMS", *keys, *[">" for _ in keys]]
        try:
            answer = await self._blocking.raw(*command)
        except ResponseError as error:
            if "UNBLOCKED" not in str(error):
                await self._regroup(error)
            return Delivered()
        return streams.parse_delivery(answer)

    async def unblock(self) -> bool:
        """Let a `wait` return now, with what it has. False: nobody was waiting."""
        if not self._blocking_id:
            return False
        return bool(await settled(self._queue.client_unblock(self._blocking_id[-1])))

    async def settle(self, entries: Iterable[Entry | Broken]) -> bool:
        """Close entries: acknowledge and delete, in one step. False: Redis did not answer.

        Crash windows 3, 5 and 15: an entry that stays open is delivered again, `start` then answers
        that there is nothing to do, and it is closed.
        """
        by_stream: dict[int, list[bytes]] = {}
        for entry in entries:
            by_stream.setdefault(entry.stream, []).append(entry.entry_id)
        if not by_stream:
            return True
        pipe = self._queue.pipeline(transaction=True)
        for stream, ids in by_stream.items():
            pipe.xack(streams.stream_key(stream), streams.GROUP, *ids)
            pipe.xdel(streams.stream_key(stream), *ids)
        try:
            await pipe.execute()
        except REDIS_TROUBLE as error:
            self._queue.count_error(error, "settle")
            return False
        return True

    async def put_back(self, entries: Sequence[Entry]) -> None:
        """For entries that were read and will not be started here: close them and add them anew."""
        pipe = self._queue.pipeline(transaction=True)
        for entry in entries:
            key = streams.stream_key(entry.stream)
            pipe.xack(key, streams.GROUP, entry.entry_id)
            pipe.xdel(key, entry.entry_id)
            fields = streams.fields_of(entry.job_id, entry.kind, entry.trace)
            pipe.execute_command("XADD", key, "*", *fields)
        await pipe.execute()

    async def set_aside(self, broken: Sequence[Broken]) -> None:
        """Keep what nobody can read on a capped list, for a person, and close it."""
        metrics.stream_entries_broken.inc(len(broken))
        pipe = self._queue.pipeline(transaction=True)
        for item in broken:
            pipe.lpush(streams.BROKEN_KEY, f"{item.stream} {item.entry_id!r} {item.shown}")
        pipe.ltrim(streams.BROKEN_KEY, 0, streams.BROKEN_MAX - 1)
        await pipe.execute()
        await self.settle(broken)

    async def take_over(
        self, numbers: Iterable[int], *, idle_s: float, budget: int = TAKE_OVER_MAX
    ) -> Delivered:
        """Entries that some worker read more than `idle_s` ago and never closed."""
        rows: list[Any] = []
        taken = 0
        for number in numbers:
            if taken >= budget:
                break
            key = streams.stream_key(number)
            try:
                answer = await self._queue.raw(
                    "XAUTOCLAIM", key, streams.GROUP, self.name, int(idle_s * 1000), "0-0",
                    "COUNT", budget - taken,
                )  # fmt: skip
            except ResponseError as error:
                await self._regroup(error)
                continue
            live = [row for row in answer[1] if row[1] is not None]
            rows.append((key, live))
            taken += len(live)
        return streams.parse_delivery(rows)

    async def drop_idle(self, numbers: Iterable[int], *, idle_s: float) -> int:
        """Forget consumers that hold nothing and were silent for `idle_s`; answers how many."""
        gone = 0
        for number in numbers:
            try:
                args: list[Any] = [streams.GROUP, int(idle_s * 1000)]
                gone += int(await self._drop_idle(keys=[streams.stream_key(number)], args=args))
            except ResponseError as error:
                await self._regroup(error)
        return gone

    async def close(self) -> None:
        await self._blocking.aclose()

    async def _regroup(self, error: ResponseError) -> None:
        """After FLUSHALL or a DEL: the group starts again at 0, the sweeper refills it."""
        if "NOGROUP" not in str(error) and "no such key" not in str(error):
            raise error
        await self._queue.prepare()


def _blocking_client(queue: Queue) -> tuple[Queue, list[int]]:
    """A client with one connection, and the id that the server gave to it last."""
    known: list[int] = []

    async def note_id(connection: Any) -> None:
        await connection.on_connect()
        await connection.send_command("CLIENT", "ID")
        known[:] = [int(await connection.read_response())]

    pool = queue.connection_pool
    options = {**pool.connection_kwargs, "redis_connect_func": note_id}
    options["socket_timeout"] = BLOCK_S + (options.get("socket_timeout") or 5.0)
    own = type(pool)(connection_class=pool.connection_class, max_connections=1, **options)
    return type(queue)(own), known
