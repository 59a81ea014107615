"""The checks of `leyden doctor`. Each finding says what was asked, what was found, and what to do."""

import os
import shutil
import stat
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from ops.base.clock import unix_s

if TYPE_CHECKING:
    from ops.cli.session import Session
    from storage.pool import Database
    from storage.queue import Queue

Verdict = Literal["ok", "warn", "fail"]

POSTGRES_MIN: Final = 150_000
REDIS_MIN: Final = 7
VALKEY_MIN: Final = 8
SKEW_WARN_S: Final = 0.5
SKEW_FAIL_S: Final = 5.0
DISK_WARN_BYTES: Final = 2 * 1024**3
SAFE_COMMITS: Final = frozenset({"on", "remote_write", "remote_apply", "local"})

_SETTINGS = "select name, setting from pg_settings where name = any ($1)"
_CLOCK = "select extract(epoch from clock_timestamp())::float8"


@dataclass(frozen=True, slots=True)
class Finding:
    verdict: Verdict
    what: str
    found: str
    advice: str = ""


async def examine(here: "Session") -> list[Finding]:
    """Every check, also when a store does not answer: that is a finding too."""
    return [
        *await _of_postgres(here),
        *await _of_redis(here),
        *_of_this_machine(here),
    ]


async def _of_postgres(here: "Session") -> list[Finding]:
    from schemas.errors import LeydenError
    from storage import migrate
    from storage.pool import Database

    try:
        db = await Database.open(here.database_url, size=1, role=None)
    except LeydenError as error:
        return [Finding("fail", "PostgreSQL answers", str(error), "check LEYDEN_DATABASE_URL")]
    try:
        findings = await _postgres_settings(db)
        findings.append(await _skew("clock of PostgreSQL", lambda: db.fetchval(_CLOCK)))
        try:
            await migrate.check(db)
        except LeydenError as error:
            return [*findings, Finding("fail", "schema", str(error), "run `leyden migrate`")]
        return [*findings, Finding("ok", "schema", "up to date"), await _rights(db)]
    finally:
        await db.close()


async def _postgres_settings(db: "Database") -> list[Finding]:
    names = ["fsync", "synchronous_commit", "full_page_writes", "server_version_num"]
    rows = await db.fetch(_SETTINGS, names)
    found = {row["name"]: row["setting"] for row in rows}
    version = int(found["server_version_num"])
    shown = f"{version // 10_000}.{version % 10_000}"
    lost = "an acknowledged job may be lost at a crash"
    return [
        _must(version >= POSTGRES_MIN, "PostgreSQL version", shown, "use 15 or later"),
        _must(found["fsync"] == "on", "fsync", found["fsync"], f"set it on: {lost}"),
        _must(
            found["synchronous_commit"] in SAFE_COMMITS,
            "synchronous_commit",
            found["synchronous_commit"],
            f"set it on: {lost}",
        ),
        _must(
            found["full_page_writes"] == "on",
            "full_page_writes",
            found["full_page_writes"],
            "set it on: a torn page cannot be repaired",
        ),
    ]


async def _rights(db: "Database") -> Finding:
    """The application calls functions and reads: whatever else it may do is named."""
    from storage.ledger_reads import rights_too_wide
    from storage.pool import APP_ROLE

    wide = await rights_too_wide(db, APP_ROLE)
    return _must(
        not wide,
        "rights on the ledger",
        "; ".join(wide) or "functions and reading",
        "revoke what is named; enable the trigger if one is off",
    )


async def _of_redis(here: "Session") -> list[Finding]:
    from storage.queue import REDIS_TROUBLE, Queue

    queue = await Queue.open(here.redis_url, timeout_s=here.settings.redis_timeout_s)
    try:
        return await _redis_settings(queue)
    except REDIS_TROUBLE as error:
        advice = "check LEYDEN_REDIS_URL; jobs are accepted, and wait"
        return [Finding("fail", "Redis answers", type(error).__name__, advice)]
    finally:
        await queue.aclose()


async def _redis_settings(queue: "Queue") -> list[Finding]:
    info = await queue.info()
    name, version, enough = _redis_version(info)
    policy = str(info.get("maxmemory_policy", "?"))
    aof = bool(int(info.get("aof_enabled", 0)))
    mode = str(info.get("redis_mode") or info.get("server_mode") or "standalone")

    async def clock() -> float:
        seconds, micros = await queue.time()
        return float(seconds) + float(micros) / 1_000_000

    return [
        _must(enough, f"{name} version", version, "use Redis 7 or Valkey 8, or later"),
        _must(
            policy == "noeviction",
            "eviction policy",
            policy,
            "set maxmemory-policy noeviction: wake-ups would vanish under load",
        ),
        Finding("ok", "append-only file", "on")
        if aof
        else Finding("warn", "append-only file", "off", "set appendonly yes: a restart is slower"),
        _must(
            mode != "cluster", "mode", mode, "Redis Cluster cannot be used: name a single server"
        ),
        await _skew(f"clock of {name}", clock),
    ]


def _redis_version(info: Mapping[str, object]) -> tuple[str, str, bool]:
    valkey = info.get("valkey_version")
    version = str(valkey or info.get("redis_version", "0"))
    least = VALKEY_MIN if valkey else REDIS_MIN
    return (
        ("Valkey" if valkey else "Redis"),
        version,
        int(version.split(".", maxsplit=1)[0]) >= least,
    )


async def _skew(what: str, ask: Callable[[], Awaitable[float]]) -> Finding:
    """The server's clock against ours; half of the round trip is nobody's fault."""
    before = unix_s()
    theirs = await ask()
    after = unix_s()
    skew_s = abs(theirs - (before + after) / 2) - (after - before) / 2
    shown = f"{max(0.0, skew_s) * 1000:.0f} ms apart"
    if skew_s > SKEW_FAIL_S:
        return Finding("fail", what, shown, "run a time service on both machines")
    return Finding("warn" if skew_s > SKEW_WARN_S else "ok", what, shown)


def _of_this_machine(here: "Session") -> list[Finding]:
    folder = here.settings.data_dir
    findings = [_disk(folder, least_bytes=here.settings.disk_free_min_bytes)]
    findings += [_private(folder / name) for name in ("master.key", "dev.key")]
    if not here.embedded:
        findings.append(
            _must(
                here.settings.master_key is not None,
                "master key",
                "set" if here.settings.master_key else "missing",
                "set LEYDEN_MASTER_KEY and keep a copy of it elsewhere",
            )
        )
    return [finding for finding in findings if finding.found]


def _disk(folder: Path, *, least_bytes: int) -> Finding:
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    shown = f"{free / 1024**3:.1f} GiB free"
    if free < least_bytes:
        advice = f"make room under {folder}: new jobs are refused"
        return Finding("fail", "disk", shown, advice)
    return Finding("warn" if free < DISK_WARN_BYTES else "ok", "disk", shown)


def _private(path: Path) -> Finding:
    """A key that others can read is no key. Nothing is said of one that is not there."""
    if not path.exists():
        return Finding("ok", path.name, "")
    mode = stat.S_IMODE(path.stat().st_mode)
    ours = path.stat().st_uid in {0, os.geteuid()}
    return _must(ours and not mode & 0o077, path.name, f"mode {mode:04o}", f"chmod 600 {path}")


def _must(condition: bool, what: str, found: str, advice: str) -> Finding:
    return Finding("ok", what, found) if condition else Finding("fail", what, found, advice)
