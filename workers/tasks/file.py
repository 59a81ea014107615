"""`file.process`."""

from schemas.errors import Permanent
from schemas.payloads import FileProcess
from schemas.results import FileProcessed
from storage.inspect import PDF, TEXT
from workers.providers.port import ProcessFile
from workers.tasks.context import TaskContext


async def process(payload: FileProcess, ctx: TaskContext) -> FileProcessed:
    chosen = ctx.providers.file(payload.model)
    loaded = await ctx.load_file(payload.file)
    if loaded.facts.media_type not in (PDF, TEXT):
        raise Permanent("wrong_file_type", allowed=f"{PDF}, {TEXT}")
    ask = ProcessFile(loaded.data, loaded.facts.media_type, payload.action)
    answer = await chosen.port.process(ask, ctx.call(chosen.model))
    return FileProcessed(
        provider=answer.origin.provider,
        model=answer.origin.model,
        made_by=answer.origin.made_by,
        usage=answer.origin.usage,
        text=answer.text,
        changes=answer.changes,
        notes=answer.notes,
        pages=answer.pages,
    )
