"""`text.improve` and `text.generate`."""

from schemas.payloads import PROMPT_STYLE, TextGenerate, TextImprove
from schemas.results import TextGenerated, TextImproved
from storage.inspect import PAGE_CHARACTERS
from workers.providers.port import GenerateText, ImproveText
from workers.tasks.context import TaskContext


async def improve(payload: TextImprove, ctx: TaskContext) -> TextImproved:
    chosen = ctx.providers.text(payload.model)
    ask = ImproveText(payload.text, payload.style)
    answer = await chosen.port.improve(ask, ctx.call(chosen.model))
    return TextImproved(
        provider=answer.origin.provider,
        model=answer.origin.model,
        made_by=answer.origin.made_by,
        usage=answer.origin.usage,
        text=answer.text,
        changes=answer.changes,
        notes=answer.notes,
        prompt=payload.style == PROMPT_STYLE,
    )


async def generate(payload: TextGenerate, ctx: TaskContext) -> TextGenerated:
    chosen = ctx.providers.text(payload.model)
    ask = GenerateText(
        payload.prompt,
        payload.pages * PAGE_CHARACTERS,
        history=tuple((turn.by, turn.text) for turn in payload.history),
        chat=payload.chat,
    )
    answer = await chosen.port.generate(ask, ctx.call(chosen.model))
    return TextGenerated(
        provider=answer.origin.provider,
        model=answer.origin.model,
        made_by=answer.origin.made_by,
        usage=answer.origin.usage,
        text=answer.text,
        changes=answer.changes,
        notes=answer.notes,
    )
