"""What children of tests are asked to do, in a module as light as those of the product: a test module would
have each of them import pytest first.
"""

import os
import signal
import time
from pathlib import Path

from ops.base.child import tell_progress
from schemas.errors import InvalidInput


def add(left: int, right: int) -> int:
    return left + right


def pid_of_child() -> int:
    return os.getpid()


def refuse() -> None:
    raise InvalidInput("wrong_file_type", media_type="x/y")


class Unpicklable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def raise_unpicklable() -> None:
    raise Unpicklable(1, 2)


def eat_memory() -> int:
    return len(bytearray(2048 * 1024 * 1024))


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def announce_and_sleep(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def announce_and_ignore_signals(path: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    announce_and_sleep(path)


def print_and_count(steps: int) -> str:
    print("a library that talks")
    for step in range(steps):
        tell_progress((step + 1) / steps)
    return "x" * (8 * 1024 * 1024)
