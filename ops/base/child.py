"""What runs inside a child process: read a call, make it, answer; nothing of the product is
imported here.

The parent is `ops.base.children`. Both sides speak frames of eight bytes of length and a pickle,
over the child's standard input and output. The child is as trusted as its parent (same user, same
files); the caps are there for media that makes a decoder slow, hungry or crash.
"""

import importlib
import os
import pickle
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Final

LENGTH: Final = struct.Struct(">Q")
READY: Final = "ready"
PROGRESS: Final = "progress"
RESULT: Final = "result"
ERROR: Final = "error"
OUT_OF_MEMORY: Final = "out_of_memory"

_PR_SET_PDEATHSIG: Final = 1
_NICENESS: Final = 5
_PARENT_CHECK_S: Final = 0.5

Send = Callable[[str, object], None]


class _Line:
    """The line to the parent while a call is made; empty anywhere but in a child."""

    send: Send | None = None


def tell_progress(share: float) -> None:
    """Report how much of the call is done, 0..1. Does nothing outside a child, so code runs the
    same in both.
    """
    if _Line.send is not None:
        _Line.send(PROGRESS, min(1.0, max(0.0, share)))


def main(parent_pid: int, memory_max_bytes: int) -> None:
    """Answer calls until the parent hangs up. Ends the process with code 0."""
    _die_with_parent(parent_pid)
    _cap(memory_max_bytes)
    # What a library prints goes to standard error: a stray line here would be read as a frame.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    calls = os.fdopen(os.dup(0), "rb")
    send = _sender(out)
    _Line.send = send
    send(READY, None)
    while (frame := _read(calls)) is not None:
        if not _answer(frame, send):
            return


def _answer(frame: bytes, send: Send) -> bool:
    """Make one call. False when this process should not be used again."""
    try:
        module, name, args = pickle.loads(frame)  # noqa: S301 (written by our own parent)
        send(RESULT, getattr(importlib.import_module(module), name)(*args))
    except MemoryError:
        send(OUT_OF_MEMORY, None)
        return False
    except Exception as error:  # noqa: BLE001 (the outermost frame of a process: the parent raises it again)
        _send_error(error, send)
    return True


def _send_error(error: Exception, send: Send) -> None:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (made on this line)
    except Exception:  # noqa: BLE001 (an error that cannot travel is told in words)
        send(ERROR, RuntimeError(f"{type(error).__name__}: {error}"))
    else:
        send(ERROR, error)


def _sender(out: BinaryIO) -> Send:
    def send(tag: str, body: object) -> None:
        frame = pickle.dumps((tag, body), protocol=pickle.HIGHEST_PROTOCOL)
        out.write(LENGTH.pack(len(frame)))
        out.write(frame)
        out.flush()

    return send


def _read(calls: BinaryIO) -> bytes | None:
    head = calls.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return calls.read(LENGTH.unpack(head)[0])


def _cap(memory_max_bytes: int) -> None:
    import resource

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    with suppress(OSError):
        os.nice(_NICENESS)  # the parent's event loop comes first
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold a user's content
    with suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS; the time cap still holds there
        resource.setrlimit(resource.RLIMIT_AS, (memory_max_bytes, memory_max_bytes))


def _die_with_parent(parent_pid: int) -> None:
    """The parent killed -9: an idle child reads the end of its input; a busy one gets a signal or
    sees it here.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it died before the line above
            os._exit(1)
    else:
        threading.Thread(target=_watch_parent, args=(parent_pid,), daemon=True).start()


def _watch_parent(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)


def call_of(func: Callable[..., Any], args: tuple[Any, ...]) -> bytes:
    """The frame that asks for a call. Raises ValueError for what a child cannot import by name."""
    if func.__module__ == "__main__" or not func.__qualname__.isidentifier():
        msg = f"{func.__module__}.{func.__qualname__} is not a function of an importable module"
        raise ValueError(msg)
    frame = pickle.dumps(
        (func.__module__, func.__qualname__, args), protocol=pickle.HIGHEST_PROTOCOL
    )
    return LENGTH.pack(len(frame)) + frame
