"""One row of the table of methods."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ops.sandbox.telegram.params import Params
from ops.sandbox.telegram.visit import Visit


@dataclass(frozen=True, slots=True)
class Method:
    """`run(visit, params)` answers the `result`, or raises BotApiRefusal."""

    name: str
    params: type[Params]
    run: Callable[[Visit, Any], Awaitable[Any]]
