"""What many tests need and no product code does: waiting for something to come true, reading our own code."""

import ast
import asyncio
import gc
import inspect
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, overload

from ops.base.clock import monotonic_s

FIRST_POLL_S = 0.005
LONGEST_POLL_S = 0.1
"""Looking costs the processor, which what is waited for may need."""

Answer = TypeVar("Answer")
Node = TypeVar("Node", bound=ast.AST)
READ = (
    ast.AnnAssign | ast.Assign | ast.AsyncFunctionDef | ast.Call | ast.FunctionDef | ast.ImportFrom
)
"""What tests look for in our own code."""


PATIENCE = 3.0
"""A bound ends a test that hangs and never says how fast something is: busy machines may take longer."""


@overload
async def wait_until(
    predicate: Callable[[], Awaitable[Answer]], timeout_s: float, what: str
) -> Answer: ...


@overload
async def wait_until(predicate: Callable[[], Answer], timeout_s: float, what: str) -> Answer: ...


async def wait_until(predicate: Callable[[], object], timeout_s: float, what: str) -> object:
    """Ask `predicate` (plain or async) until it answers something true; answers that.

    Fails the test with `what` never came true, and with the last answer, after PATIENCE * `timeout_s`.
    """
    since_s = monotonic_s()
    until_s = since_s + PATIENCE * timeout_s
    while True:
        asked = predicate()
        answer = await asked if inspect.isawaitable(asked) else asked
        if answer:
            return answer
        now_s = monotonic_s()
        if now_s >= until_s:
            msg = f"never within {PATIENCE * timeout_s} s: {what} (last answer: {answer!r})"
            raise AssertionError(msg)
        await asyncio.sleep(min(LONGEST_POLL_S, max(FIRST_POLL_S, (now_s - since_s) / 10)))


def nodes_of(path: Path, kind: type[Node]) -> list[Node]:
    """All of this kind, one of READ, in a file of ours."""
    return [node for node in _nodes(path) if isinstance(node, kind)]


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    """Read and walked once: for all files of ours that takes seconds."""
    return tuple(node for node in ast.walk(syntax_of(path)) if isinstance(node, READ))


def syntax_of(path: Path) -> ast.Module:
    """Nothing is collected meanwhile: what warns as it goes is told with a traceback, which parses, too,
    and a parser of CPython 3.11 that was interrupted by another one gives up.
    """
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()
