"""The only door to Postgres: a typed pool whose every trouble is one of two errors.

A statement is one round trip and, outside `transaction()`, one transaction. Connections act as the
role `leyden_app`, which may call the functions and read; only migrations act as the owner.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, Self, cast

import asyncpg

from ops.base.clock import monotonic_s
from ops.base.metrics import database_errors, database_query_seconds
from schemas.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from prometheus_client import Histogram

_QUALIFIED: Final = re.compile(r"\b(?:work|ledger|app)\.\w+|\baudit_\w+")

APP_ROLE = "leyden_app"
CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 30.0

Row = asyncpg.Record

LOST_CONNECTION = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke while it was being handed out
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
)
"""The outcome of a statement that ended so is unknown: it may have committed. Callers repeat it by id."""

REFUSED_FOR_NOW = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.exceptions.InsufficientResourcesError,  # its disk is full, or it takes nobody more
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a primary that was one until just now
)
"""Nothing was written; the same statement may do well a little later."""

TROUBLE = (*LOST_CONNECTION, *REFUSED_FOR_NOW)


class Connection:
    """One connection inside a transaction."""

    def __init__(self, raw: "asyncpg.Connection[Any]", timeout_s: float) -> None:
        self._raw = raw
        self._timeout_s = timeout_s

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        return await self._raw.fetch(sql, *args, timeout=self._timeout_s)

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        return await self._raw.fetchrow(sql, *args, timeout=self._timeout_s)

    async def one(self, sql: str, *args: Any) -> Row:
        """A statement that always answers with a row."""
        return _there(await self.fetchrow(sql, *args))

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self._raw.fetchval(sql, *args, timeout=self._timeout_s)

    async def execute(self, sql: str, *args: Any) -> str:
        return await self._raw.execute(sql, *args, timeout=self._timeout_s)


class Database:
    """Raises Unavailable when the server cannot be reached or the outcome of a statement is unknown."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    @classmethod
    async def open(
        cls, dsn: str, *, size: int = 10, role: str | None = APP_ROLE, name: str = "leyden"
    ) -> Self:
        """Raises Unavailable when no server answers, ConfigError when the role is missing."""
        settings = {"application_name": name, "timezone": "UTC"} | ({"role": role} if role else {})
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=STATEMENT_TIMEOUT_S,
                server_settings=settings,
            )
        except (asyncpg.InvalidParameterValueError, asyncpg.InvalidRoleSpecificationError) as error:
            problem = f"the database is not migrated or lacks the role {role}: run `leyden migrate`"
            raise ConfigError(setting="LEYDEN_DATABASE_URL", problem=problem) from error
        except TROUBLE as error:
            raise unavailable(error) from error
        return cls(cast("asyncpg.Pool[Any]", pool))

    async def close(self) -> None:
        await self._pool.close()

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        began_s = monotonic_s()
        try:
            answer = await self._pool.fetch(sql, *args)
        except TROUBLE as error:
            raise unavailable(error) from error
        _observe(sql, began_s)
        return answer

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        began_s = monotonic_s()
        try:
            answer = await self._pool.fetchrow(sql, *args)
        except TROUBLE as error:
            raise unavailable(error) from error
        _observe(sql, began_s)
        return answer

    async def one(self, sql: str, *args: Any) -> Row:
        """A statement that always answers with a row."""
        return _there(await self.fetchrow(sql, *args))

    async def fetchval(self, sql: str, *args: Any) -> Any:
        began_s = monotonic_s()
        try:
            answer = await self._pool.fetchval(sql, *args)
        except TROUBLE as error:
            raise unavailable(error) from error
        _observe(sql, began_s)
        return answer

    async def execute(self, sql: str, *args: Any) -> str:
        began_s = monotonic_s()
        try:
            answer = await self._pool.execute(sql, *args)
        except TROUBLE as error:
            raise unavailable(error) from error
        _observe(sql, began_s)
        return answer

    @asynccontextmanager
    async def transaction(
        self,
        *,
        readonly: bool = False,
        snapshot: bool = False,
        timeout_s: float = STATEMENT_TIMEOUT_S,
    ) -> AsyncIterator[Connection]:
        """Several statements, one commit. `snapshot` sees the database as of its first statement.

        `timeout_s` bounds each of them: reading a whole book takes longer than any other statement.
        """
        isolation: Literal["repeatable_read", "read_committed"] = (
            "repeatable_read" if snapshot else "read_committed"
        )
        try:
            async with (
                self._pool.acquire() as raw,
                raw.transaction(isolation=isolation, readonly=readonly),
            ):
                yield Connection(cast("asyncpg.Connection[Any]", raw), timeout_s)
        except TROUBLE as error:
            raise unavailable(error) from error


def _there(row: Row | None) -> Row:
    if row is None:
        message = "a statement that always answers gave no row"
        raise RuntimeError(message)
    return row


def _observe(sql: str, began_s: float) -> None:
    _timer(sql).observe(monotonic_s() - began_s)


@lru_cache(maxsize=1_000)
def _timer(sql: str) -> "Histogram":
    """By what the statement is about: the first qualified name in it, one of a few dozen."""
    named = _QUALIFIED.search(sql)
    return database_query_seconds.labels(statement=named.group(0) if named else "other")


def unavailable(error: BaseException) -> Unavailable:
    database_errors.labels(code=type(error).__name__).inc()
    return Unavailable(store="postgres", reason=type(error).__name__)


def columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows turned into the arrays that a set-based function takes."""
    return [list(column) for column in zip(*rows, strict=True)]
