"""OpenAI's pictures: made from words, or from up to 16 pictures and a mask."""

import asyncio
import base64
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import FormData, UploadFile

from ops.base.clock import unix_s
from ops.sandbox import pictures, prose, sizes
from ops.sandbox.chat import read
from ops.sandbox.models import Card, find
from ops.sandbox.operations import Provider
from ops.sandbox.pictures import Seen
from ops.sandbox.refusals import Refusal
from ops.sandbox.world import Order

IMAGES_MAX: Final = 16
MASK_MAX_BYTES: Final = 4 * 1024 * 1024
SIDE_MAX: Final = 3840
RATIO_MAX: Final = 3
SQUARE_PIXELS: Final = 1024 * 1024
TOKENS_OF_QUALITY: Final = {
    "low": 272, "medium": 1056, "auto": 1056, "high": 4160, "xhigh": 6240, "max": 8320,
}  # fmt: skip
IMAGE_IN_USD: Final = 8 / 1_000_000  # a token of a picture that comes in


class ImageRequest(BaseModel):
    """What both operations take; a field that is not here is refused, as OpenAI does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str = Field(min_length=1, max_length=32_000)
    model: str = "gpt-image-2"
    n: int = Field(1, ge=1, le=10)
    size: str = "auto"
    quality: Literal["low", "medium", "high", "auto", "xhigh", "max"] = "auto"
    background: Literal["transparent", "opaque", "auto"] = "auto"
    output_format: Literal["png", "webp", "jpeg"] = "png"
    output_compression: int = Field(100, ge=0, le=100)
    moderation: Literal["auto", "low"] = "auto"
    safety_identifier: str = ""
    user: str = ""

    def pixels(self) -> tuple[int, int]:
        """Raises Refusal 400 for a size it cannot make."""
        if self.size == "auto":
            return 1024, 1024
        width, height = sizes.exact(self.size, most=SIDE_MAX, step=sizes.STEP)
        if max(width, height) > RATIO_MAX * min(width, height):
            raise Refusal(400, "invalid_size", "The ratio must be 1:3 to 3:1.", param="size")
        return width, height


async def generate(order: Order) -> dict[str, Any]:
    request, card = _checked(order.question.body)
    width, height = request.pixels()
    usage = _sell(order, request, card, size=(width, height), images_in=0)
    caption = request.prompt
    files = [
        await asyncio.to_thread(
            pictures.draw, width=width, height=height, caption=caption,
            digest=_digest(order, number), file_format=request.output_format,
        )
        for number in range(request.n)
    ]  # fmt: skip
    return _answer(request, files, size=(width, height), usage=usage)


async def edit(order: Order, form: FormData) -> dict[str, Any]:
    request, card = _checked(_words(form))
    inputs = [
        await _seen(each, "image") for each in form.getlist("image") + form.getlist("image[]")
    ]
    if not 1 <= len(inputs) <= IMAGES_MAX:
        raise Refusal(400, "invalid_value", "1 to 16 images are needed.", param="image")
    await _check_mask(form, inputs[0])
    size = (inputs[0].width, inputs[0].height) if request.size == "auto" else request.pixels()
    usage = _sell(order, request, card, size=size, images_in=len(inputs))
    files = [
        await asyncio.to_thread(
            pictures.retouch, inputs[0], caption=request.prompt, digest=_digest(order, number),
            size=size, file_format=request.output_format,
        )
        for number in range(request.n)
    ]  # fmt: skip
    return _answer(request, files, size=size, usage=usage)


def _checked(body: dict[str, Any]) -> tuple[ImageRequest, Card]:
    """Raises Refusal 400 for a field, 404 for a model."""
    request = read(ImageRequest, body)
    if request.background == "transparent" and request.output_format == "jpeg":
        message = "A transparent background needs png or webp."
        raise Refusal(400, "invalid_value", message, param="background")
    card = find(Provider.OPENAI, request.model, "image")
    if card is None:
        raise Refusal(404, "model_not_found", f"The model `{request.model}` does not exist.")
    return request, card


def _words(form: FormData) -> dict[str, Any]:
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


async def _seen(part: UploadFile | str, param: str) -> Seen:
    if isinstance(part, str):
        raise Refusal(400, "invalid_value", f"{param} must be a file.", param=param)
    return pictures.look(await part.read(), param=param)


async def _check_mask(form: FormData, first: Seen) -> None:
    part = form.get("mask")
    if part is None:
        return
    mask = await _seen(part, "mask")
    fits = (mask.width, mask.height) == (first.width, first.height)
    if mask.file_format != "PNG" or not mask.has_alpha or not fits:
        message = "The mask must be a PNG with an alpha channel, of the size of the image."
        raise Refusal(400, "invalid_mask", message, param="mask")
    if len(mask.data) > MASK_MAX_BYTES:
        raise Refusal(400, "invalid_mask", "The mask is larger than 4 MB.", param="mask")


def _sell(
    order: Order, request: ImageRequest, card: Card, *, size: tuple[int, int], images_in: int
) -> dict[str, Any]:
    """Take the order; its usage."""
    times = order.faults.take_number("usage_above_quote") or 1
    area = size[0] * size[1] / SQUARE_PIXELS
    text_in = round(prose.tokens_of(request.prompt) * times)
    image_in = round(images_in * prose.IMAGE_TOKENS * times)
    image_out = round(TOKENS_OF_QUALITY[request.quality] * area * times) * request.n
    cost = card.cost_usd(text_in, image_out) + image_in * IMAGE_IN_USD
    order.buy(prefix="img_", model=card.id, price_usd=round(cost, 9))
    return {
        "input_tokens": text_in + image_in,
        "input_tokens_details": {"text_tokens": text_in, "image_tokens": image_in},
        "output_tokens": image_out,
        "total_tokens": text_in + image_in + image_out,
    }


def _answer(
    request: ImageRequest, files: list[bytes], *, size: tuple[int, int], usage: dict[str, Any]
) -> dict[str, Any]:
    return {
        "created": int(unix_s()),
        "background": "opaque",
        "data": [{"b64_json": base64.b64encode(data).decode()} for data in files],
        "output_format": request.output_format,
        "quality": "medium" if request.quality == "auto" else request.quality,
        "size": f"{size[0]}x{size[1]}",
        "usage": usage,
    }


def _digest(order: Order, number: int) -> str:
    """One picture differs from the next of the same request."""
    digest = order.question.digest
    return digest[number:] + digest[:number]
