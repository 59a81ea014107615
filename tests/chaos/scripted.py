"""A task that does what its text says: `sleep=0.5 die fail stumble=2 crash picture`."""

import asyncio
import json
import os
import signal
from io import BytesIO
from pathlib import Path

from PIL import Image

from ops.base.clock import monotonic_s
from schemas.errors import Permanent, Retryable
from schemas.jobs import Kind
from schemas.payloads import TextImprove
from schemas.results import ImageGenerated, TextImproved
from workers.providers.port import Made
from workers.tasks.context import TaskContext
from workers.tasks.registry import Task


class Script:
    """Writes a line to the journal whenever a run begins, in one write, so that lines never mix."""

    def __init__(self, journal: Path) -> None:
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def tasks(self) -> dict[Kind, Task]:
        return {Kind.TEXT_IMPROVE: Task(Kind.TEXT_IMPROVE, self.run)}

    async def run(self, payload: TextImprove, ctx: TaskContext) -> TextImproved | ImageGenerated:
        self._note(ctx)
        for word in payload.text.split():
            name, _, value = word.partition("=")
            if name == "picture":
                return await _picture(ctx)
            await self._act(name, value, ctx)
        return TextImproved(provider="local", model="script", made_by="script", text="done")

    async def _act(self, name: str, value: str, ctx: TaskContext) -> None:
        match name:
            case "sleep":
                await asyncio.sleep(float(value))
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "fail":
                raise Permanent("provider_refused")
            case "stumble" if ctx.attempt <= int(value):
                raise Retryable("provider_unavailable", retry_after_s=0.1)
            case "crash":
                raise ZeroDivisionError
            case _:
                pass

    def _note(self, ctx: TaskContext) -> None:
        line = {
            "job": str(ctx.job_id),
            "attempt": ctx.attempt,
            "pid": os.getpid(),
            "at_s": monotonic_s(),
        }
        os.write(self._journal, json.dumps(line).encode() + b"\n")


async def _picture(ctx: TaskContext) -> ImageGenerated:
    """A result with a file, so that there is a manifest."""
    out = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, "PNG")
    made = Made(out.getvalue(), "image/png", "picture.png", width=64, height=64)
    artifact = await ctx.store_artifact(made, number=1)
    return ImageGenerated(
        provider="local", model="script", made_by="script", prompt_used="", artifacts=(artifact,)
    )
