"""`video.generate`."""

from schemas.payloads import VideoGenerate
from schemas.results import VideoGenerated
from workers.providers.port import GenerateVideo
from workers.tasks.context import TaskContext
from workers.tasks.image import load_picture, store_all


async def generate(payload: VideoGenerate, ctx: TaskContext) -> VideoGenerated:
    chosen = ctx.providers.video(payload.model)
    picture = None
    if payload.file is not None and not ctx.has_task:
        picture = await load_picture(payload.file, ctx)
    ask = GenerateVideo(payload.prompt, picture, payload.seconds)
    answer = await chosen.port.generate(ask, ctx.call(chosen.model))
    return VideoGenerated(
        provider=answer.origin.provider,
        model=answer.origin.model,
        made_by=answer.origin.made_by,
        usage=answer.origin.usage,
        artifacts=await store_all(answer.videos, ctx),
    )
