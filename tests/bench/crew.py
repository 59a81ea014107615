"""Child processes of a measurement: they make ready, wait to be released, and report at their end."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).parent.parent.parent
READY_TIMEOUT_S: Final = 60.0
END_TIMEOUT_S: Final = 30.0


@dataclass
class Member:
    """One child. `report` is what it printed last, once it has ended."""

    process: Process
    log: Path
    report: dict[str, Any] = field(default_factory=dict)

    async def line(self, timeout_s: float) -> dict[str, Any]:
        """Its next line. RuntimeError with the end of its log when it has died."""
        assert self.process.stdout is not None
        async with asyncio.timeout(timeout_s):
            said = await self.process.stdout.readline()
        if not said:
            code = await self.process.wait()
            tail = self.log.read_text(errors="replace")[-3000:]
            msg = f"a child process ended with {code}:\n{tail}"
            raise RuntimeError(msg)
        answer: dict[str, Any] = json.loads(said)
        return answer

    def tell(self, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def end(self) -> None:
        """SIGTERM, as any worker is ended."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            self.report = await self.line(END_TIMEOUT_S)
            await self.process.wait()


async def start(role: str, where: Path, **told: Any) -> Member:
    log = where / f"{role}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.child", role, json.dumps(told),
            cwd=REPOSITORY, stdin=PIPE, stdout=PIPE, stderr=output, limit=2**24,
        )  # fmt: skip
    return Member(process, log)


@asynccontextmanager
async def crew(role: str, where: Path, count: int = 1, **told: Any) -> AsyncIterator[list[Member]]:
    """`count` children that are ready; ended in any case, and killed when they do not end."""
    members = [await start(role, where, slot=slot, **told) for slot in range(count)]
    try:
        await asyncio.gather(*(member.line(READY_TIMEOUT_S) for member in members))
        yield members
        await asyncio.gather(*(member.end() for member in members))
    finally:
        for member in members:
            if member.process.returncode is None:
                member.process.kill()
                await member.process.wait()
