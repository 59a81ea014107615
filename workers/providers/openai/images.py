"""Pictures: made from words, or from up to 16 pictures and a mask.

A size must be a multiple of 16 pixels, at most 1 : 3 and at most 3840 x 2160 (OpenAI's SDK,
`images.generate`); a small one is asked for larger and brought down, so that it has detail.
"""

import math
from collections.abc import Awaitable
from typing import Any, Final, Protocol

import openai

from schemas.errors import Permanent
from schemas.results import Usage
from workers.providers import wire_words as words
from workers.providers.port import Call, EditImage, GenerateImage, ImageAnswer
from workers.providers.wire import Loose, left_s, lenient, parsed, shaped
from workers.providers.wire_deal import buy
from workers.providers.wire_faults import Lost, refusal
from workers.providers.wire_made import Bought, Counter
from workers.providers.wire_media import Size, Studio, from_base64, size_after
from workers.providers.wire_sdk import answered, patience, said_in_200

IMAGE_MAX_S: Final = 220.0
INPUTS_MAX: Final = 16
STEP: Final = 16
RATIO_MAX: Final = 3
SIDE_MAX: Final = 3_840
PIXELS_MIN: Final = 1_024 * 640
PIXELS_MAX: Final = 3_840 * 2_160
QUALITY: Final = "medium"
"""`auto` would let the provider decide the price."""


class Item(Loose):
    b64_json: str | None = None


class Used(Loose):
    input_tokens: int | None = None
    output_tokens: int | None = None


class Pictures(Loose):
    data: list[Item] | None = None
    usage: Any = None
    error: Any = None


class Raw(Protocol):
    """What the SDK answers when it is asked not to interpret."""

    @property
    def content(self) -> bytes: ...

    @property
    def headers(self) -> Any: ...


class OpenAiImage:
    def __init__(self, client: openai.AsyncOpenAI, studio: Studio, *, house: str) -> None:
        self._images = client.images.with_raw_response
        self._studio = studio
        self._counter = Counter(studio, house=house)

    async def generate(self, ask: GenerateImage, call: Call) -> ImageAnswer:
        """A seed has no meaning here."""
        size, wait_s = (ask.width, ask.height), left_s(call, most=IMAGE_MAX_S)

        async def order() -> Bought:
            request = self._images.generate(
                model=call.model.model,
                prompt=ask.prompt,
                n=1,
                size=told_size(size),
                quality=QUALITY,
                output_format="png",
                timeout=patience(wait_s),
            )
            return await _bought(request, call, wait_s)

        bought = await buy(call, order)
        return await self._counter.pictures(bought, call, size=size, prompt=ask.prompt)

    async def edit(self, ask: EditImage, call: Call) -> ImageAnswer:
        """Raises also Permanent `invalid_input` for too many pictures or a mask without holes."""
        inputs = (ask.picture, *ask.references)
        if len(inputs) > INPUTS_MAX:
            raise Permanent("invalid_input", problem=f"more than {INPUTS_MAX} pictures")
        sent = [await self._studio.to_send(each, call) for each in inputs]
        first = (sent[0].width, sent[0].height)
        size, instruction = size_after(first, ask.operations), words.to_edit(ask)
        mask: Any = openai.omit
        if ask.mask is not None:
            mask = ("mask.png", await self._studio.mask_to_send(ask.mask, first, call), "image/png")
        wait_s = left_s(call, most=IMAGE_MAX_S)

        async def order() -> Bought:
            request = self._images.edit(
                model=call.model.model,
                prompt=instruction,
                image=[(each.name, each.data, each.media_type) for each in sent],
                mask=mask,
                n=1,
                size=told_size(size),
                quality=QUALITY,
                output_format="png",
                timeout=patience(wait_s),
            )
            return await _bought(request, call, wait_s)

        bought = await buy(call, order)
        return await self._counter.pictures(bought, call, size=size, prompt=instruction)


def told_size(size: Size) -> str:
    """The nearest size that can be ordered, never smaller where that is possible."""
    width, height = size
    width, height = min(width, RATIO_MAX * height), min(height, RATIO_MAX * width)
    area = width * height
    scale = max(1.0, math.sqrt(PIXELS_MIN / area))
    scale = min(scale, math.sqrt(PIXELS_MAX / area), SIDE_MAX / max(width, height))
    return f"{_stepped(width * scale, scale)}x{_stepped(height * scale, scale)}"


async def _bought(request: Awaitable[Raw], call: Call, wait_s: float) -> Bought:
    """Raises NotSold, Lost."""
    raw = await answered(request, model=call.model.name, wait_s=wait_s)
    pictures = shaped(Pictures, await parsed(raw.content))
    if pictures.error is not None and not pictures.data:
        raise refusal(said_in_200(pictures.error, dict(raw.headers)), model=call.model.name)
    files = [await from_base64(item.b64_json) for item in pictures.data or () if item.b64_json]
    if not files:
        raise Lost("no_pictures")
    used = lenient(Used, pictures.usage)
    usage = Usage(
        input_tokens=max(0, used.input_tokens or 0),
        output_tokens=max(0, used.output_tokens or 0),
        units=len(files),
    )
    return Bought(tuple(files), usage)


def _stepped(side: float, scale: float) -> int:
    """Up to the next step; down where the picture had to shrink or would grow too large."""
    steps = math.floor(side / STEP) if scale < 1 else math.ceil(side / STEP)
    return max(STEP, min(steps * STEP, SIDE_MAX))
