"""`image.generate`, `image.edit` and `image.analyze`."""

from uuid import UUID

from schemas.errors import Missing, Permanent
from schemas.payloads import ImageAnalyze, ImageEdit, ImageGenerate
from schemas.results import Artifact, ImageAnalyzed, ImageEdited, ImageGenerated
from storage.inspect import IMAGE_FORMATS
from workers.providers.port import AnalyzeImage, EditImage, GenerateImage, Made
from workers.tasks.context import TaskContext


async def generate(payload: ImageGenerate, ctx: TaskContext) -> ImageGenerated:
    chosen = ctx.providers.image(payload.model)
    ask = GenerateImage(payload.prompt, payload.width, payload.height, payload.seed)
    answer = await chosen.port.generate(ask, ctx.call(chosen.model))
    return ImageGenerated(
        provider=answer.origin.provider,
        model=answer.origin.model,
        made_by=answer.origin.made_by,
        usage=answer.origin.usage,
        prompt_used=answer.prompt_used,
        artifacts=await store_all(answer.images, ctx),
    )


async def edit(payload: ImageEdit, ctx: TaskContext) -> ImageEdited:
    chosen = ctx.providers.edit(payload.model)
    picture = await _original(payload.file, ctx)
    ask = EditImage(picture, payload.operations, payload.prompt or "")
    answer = await chosen.port.edit(ask, ctx.call(chosen.model))
    return ImageEdited(
        provider=answer.origin.provider,
        model=answer.origin.model,
        made_by=answer.origin.made_by,
        usage=answer.origin.usage,
        artifacts=await store_all(answer.images, ctx),
    )


async def analyze(payload: ImageAnalyze, ctx: TaskContext) -> ImageAnalyzed:
    chosen = ctx.providers.vision(payload.model)
    picture = await load_picture(payload.file, ctx)
    answer = await chosen.port.analyze(AnalyzeImage(picture), ctx.call(chosen.model))
    return ImageAnalyzed(
        provider=answer.origin.provider,
        model=answer.origin.model,
        made_by=answer.origin.made_by,
        usage=answer.origin.usage,
        width=answer.width,
        height=answer.height,
        format=answer.format,
        palette=answer.palette,
        brightness=answer.brightness,
        sharpness=answer.sharpness,
        exif=answer.exif,
        text=answer.text,
    )


async def _original(file_id: UUID, ctx: TaskContext) -> bytes:
    """Nothing for one that was deleted since its change was ordered: the change is there all the same."""
    try:
        return await load_picture(file_id, ctx)
    except Missing:
        if not ctx.has_task:
            raise
        return b""


async def load_picture(file_id: UUID, ctx: TaskContext) -> bytes:
    """The bytes of a user's picture. Raises Permanent `wrong_file_type` for a document."""
    loaded = await ctx.load_file(file_id)
    if loaded.facts.media_type not in IMAGE_FORMATS:
        raise Permanent("wrong_file_type", allowed=", ".join(IMAGE_FORMATS))
    return loaded.data


async def store_all(files: tuple[Made, ...], ctx: TaskContext) -> tuple[Artifact, ...]:
    """Keep the files of an answer, numbered from 1 in its order."""
    return tuple(
        [await ctx.store_artifact(made, number=number) for number, made in enumerate(files, 1)]
    )
