"""What a child process is started as: `python -m tests.bench.child ROLE '{"redis_url": ..., ...}'`.

It writes `{}` when it is ready, begins at the first line of its standard input, and writes its report
as its last line.
"""

import asyncio
import json
import sys
from importlib import import_module
from typing import Any


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


async def released() -> dict[str, Any]:
    """Say that we are ready, and wait for the line that releases us."""
    say()
    return await order()


async def order() -> dict[str, Any]:
    """The next line we are told. EOFError when nobody is there."""
    line = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        raise EOFError
    told: dict[str, Any] = json.loads(line)
    return told


def main() -> None:
    role = import_module(f"tests.bench.role_{sys.argv[1]}")
    report = asyncio.run(role.run(json.loads(sys.argv[2])))
    say(**report)


if __name__ == "__main__":
    main()
