"""A few child processes for CPU work and untrusted media, so that the event loop is never held.

Children are started fresh (never forked), on first use, and know nothing of the product but the
module of the function they are asked to run. Each has a memory cap, and each call a time cap that
ends the process at once. Two profiles: DECODE for media that strangers sent, MAKE for our own
generation.
"""

import asyncio
import json
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import structlog

from ops.base import child as inside
from ops.base import metrics
from schemas.errors import LeydenError

log = structlog.get_logger(__name__)

T = TypeVar("T")
OnProgress = Callable[[float], None]

MIB: Final = 1024 * 1024
START_TIMEOUT_S: Final = 30.0
ANSWER_MAX_BYTES: Final = 256 * MIB
WRITE_BYTES: Final = 256 * 1024  # a large call goes in pieces, so that the loop breathes in between
_BOOT: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from ops.base.child import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


@dataclass(frozen=True, slots=True)
class Profile:
    """Caps of one child. After `calls_max` calls it is replaced, so that nothing it leaks grows for
    ever.
    """

    name: str
    memory_max_bytes: int
    timeout_s: float
    calls_max: int


DECODE: Final = Profile("decode", 512 * MIB, 10.0, 200)
MAKE: Final = Profile("make", 2048 * MIB, 120.0, 500)


class ChildFault(LeydenError):
    """The child gave no answer. Callers translate it: only they know whose fault it is."""

    default_code = "child_failed"


class ChildTimeout(ChildFault):
    """The call took longer than its cap; the process has been ended."""

    default_code = "child_timeout"


class ChildOutOfMemory(ChildFault):
    """The call wanted more memory than the profile gives."""

    default_code = "child_out_of_memory"


class ChildDied(ChildFault):
    """The process ended in the middle of the call: a crash in a decoder, or killed from outside."""

    default_code = "child_died"


class Children:
    """At most `slots` child processes of one profile; more calls wait their turn."""

    def __init__(self, profile: Profile, *, slots: int = 2) -> None:
        self.profile = profile
        self._free = asyncio.Semaphore(slots)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._closed = False

    async def run(
        self,
        func: Callable[..., T],
        *args: Any,
        timeout_s: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> T:
        """`func(*args)` in a child; what it raises is raised here. `func` is a function of a light
        module.

        The clock starts when the call is handed to a child, not while it waits for one. Raises
        ChildTimeout, ChildOutOfMemory or ChildDied; cancelling this coroutine ends the child.
        RuntimeError after `close`.
        """
        call = memoryview(inside.call_of(func, args))
        limit_s = self.profile.timeout_s if timeout_s is None else timeout_s
        async with self._free:
            child = await self._take()
            try:
                with metrics.children_busy.track_inprogress():
                    tag, body = await child.ask(call, limit_s, on_progress or _ignore)
            except BaseException as error:
                self._end(child, _reason(error))
                raise
            self._give_back(child, spent=tag == inside.OUT_OF_MEMORY)
        return cast("T", _unwrap(tag, body))

    def pids(self) -> tuple[int, ...]:
        """The processes that are alive, for `doctor` and for tests that kill them."""
        return tuple(child.pid for child in self._all if child.alive)

    async def close(self) -> None:
        """End every child now, whatever it is doing; calls in flight raise ChildDied."""
        self._closed = True
        for child in self._all:
            child.kill()
        await asyncio.gather(*(child.wait() for child in self._all))
        self._all.clear()
        self._idle.clear()

    async def _take(self) -> "_Child":
        self._forget_dead()
        if self._closed:
            msg = "these children have been closed"
            raise RuntimeError(msg)
        while self._idle:
            # One that died while idle, killed from outside, costs its next caller nothing.
            if (child := self._idle.pop()).alive:
                return child
        child = await _Child.start(self.profile)
        self._all.add(child)
        try:
            await child.ready()
        except BaseException as error:
            self._end(child, _reason(error))
            raise
        return child

    def _give_back(self, child: "_Child", *, spent: bool) -> None:
        if spent or self._closed or child.calls >= self.profile.calls_max:
            self._end(child, "memory" if spent else "spent")
        else:
            self._idle.append(child)

    def _end(self, child: "_Child", reason: str) -> None:
        child.kill()
        metrics.child_kills.labels(reason=reason).inc()
        log.info("child.ended", profile=self.profile.name, pid=child.pid, reason=reason)

    def _forget_dead(self) -> None:
        self._all = {child for child in self._all if child.alive}


class _Child:
    """One process and the pipes to it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.calls = 0

    @classmethod
    async def start(cls, profile: Profile) -> "_Child":
        """A fresh interpreter with an empty environment: the settings and keys of this process stay
        here.
        """
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-c",
                _BOOT,
                json.dumps([path or str(Path.cwd()) for path in sys.path]),
                str(os.getpid()),
                str(profile.memory_max_bytes),
                stdin=PIPE,
                stdout=PIPE,
                env={"LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ready(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._read()
        except TimeoutError:
            raise ChildTimeout(timeout_s=START_TIMEOUT_S) from None

    async def ask(
        self, call: memoryview, timeout_s: float, on_progress: OnProgress
    ) -> tuple[str, object]:
        self.calls += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._write(call)
                while True:
                    tag, body = await self._read()
                    if tag != inside.PROGRESS:
                        return tag, body
                    on_progress(float(str(body)))
        except TimeoutError:
            raise ChildTimeout(timeout_s=timeout_s) from None

    def kill(self) -> None:
        if self.alive:
            # SIGKILL: a decoder busy in C would not see anything gentler for as long as it is busy.
            self._process.kill()

    async def wait(self) -> None:
        await self._process.wait()

    async def _write(self, call: memoryview) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 (PIPE was asked for)
        try:
            for start in range(0, len(call), WRITE_BYTES):
                pipe.write(call[start : start + WRITE_BYTES])
                await pipe.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise ChildDied(exit_code=self._process.returncode) from None

    async def _read(self) -> tuple[str, object]:
        pipe = self._process.stdout
        assert pipe is not None  # noqa: S101 (PIPE was asked for)
        try:
            (length,) = inside.LENGTH.unpack(await pipe.readexactly(inside.LENGTH.size))
            if length > ANSWER_MAX_BYTES:
                raise ChildDied(answer_bytes=length)
            tag, body = pickle.loads(await pipe.readexactly(length))  # noqa: S301 (our own child)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            await self.wait()
            raise ChildDied(exit_code=self._process.returncode) from None
        return tag, body


def _unwrap(tag: str, body: Any) -> Any:
    if tag == inside.RESULT:
        return body
    if tag == inside.OUT_OF_MEMORY:
        raise ChildOutOfMemory
    raise body


def _reason(error: BaseException) -> str:
    match error:
        case ChildTimeout():
            return "timeout"
        case ChildDied():
            return "died"
        case asyncio.CancelledError():
            return "cancelled"
        case _:
            return "error"


def _ignore(_share: float) -> None:
    return
