"""Pictures and films around a paid call: made ready before it, looked at after it, in child processes.

The work itself is `wire_pixels`; here are its deadlines and what a lost child means.
"""

import asyncio
import base64
import binascii
import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from ops.base.children import ChildDied, ChildFault, ChildOutOfMemory, Children, ChildTimeout
from schemas.errors import Permanent, Retryable
from schemas.payloads import Crop, EditOp, Resize, Upscale
from workers.pictures import facts
from workers.providers import wire_pixels
from workers.providers.port import Call, Made, Tools
from workers.providers.wire import left_s
from workers.providers.wire_faults import Lost
from workers.providers.wire_pixels import Picture

T = TypeVar("T")
Size = tuple[int, int]

SENT_SIDE_MAX: Final = 2_048
SEEN_SIDE_MAX: Final = 1_536
MADE_SIDE_MAX: Final = 4_096
LOOK_MAX_S: Final = 30.0
LOOKS_MAX: Final = 2


class Studio:
    """The child processes that an adapter's media goes through."""

    def __init__(self, tools: Tools) -> None:
        self._decode = tools.decode

    async def to_send(self, data: bytes, call: Call, *, side_max: int = SENT_SIDE_MAX) -> Picture:
        """A user's picture for a provider. Raises Permanent `file_unreadable`, `media_too_heavy`."""
        return await self._ready(call, wire_pixels.to_send, data, side_max)

    async def mask_to_send(self, data: bytes, size: Size, call: Call) -> bytes:
        """Raises as `to_send`, and Permanent `invalid_input`."""
        return await self._ready(call, wire_pixels.mask_to_send, data, size)

    async def still(self, data: bytes, size: Size, call: Call) -> Picture:
        """Raises as `to_send`."""
        return await self._ready(call, wire_pixels.still, data, size)

    async def measured(self, data: bytes, call: Call) -> facts.Facts:
        """Raises as `to_send`."""
        return await self._ready(call, facts.measure, data)

    async def picture(self, data: bytes, call: Call, *, size: Size | None, made_by: str) -> Made:
        """A provider's picture at `size`. Raises Permanent `bad_result`."""
        found = await self._made(call, wire_pixels.received, data, size, made_by)
        return Made(found.data, found.media_type, found.name, found.width, found.height)

    async def film(self, data: bytes, call: Call) -> Made:
        """A provider's film. Raises Permanent `bad_result`."""
        found = await self._made(call, wire_pixels.film, data)
        return Made(data, "video/mp4", "film.mp4", found.width, found.height, found.duration_s)

    async def _ready(self, call: Call, func: Callable[..., T], *args: Any) -> T:
        """Before the purchase: a lost child costs a try and nothing else."""
        try:
            return await _run(self._decode, call, func, *args)
        except (ChildTimeout, ChildOutOfMemory) as error:
            raise Permanent("media_too_heavy") from error
        except ChildFault as error:
            raise Retryable("provider_unavailable", reason="child_died") from error

    async def _made(self, call: Call, func: Callable[..., T], *args: Any) -> T:
        """After the purchase: a child that was killed is no reason to buy again, so look once more."""
        for _ in range(LOOKS_MAX - 1):
            try:
                return await self._judged(call, func, *args)
            except ChildDied:
                continue
        try:
            return await self._judged(call, func, *args)
        except ChildDied as error:
            raise Permanent("bad_result", reason="crashes_decoder") from error

    async def _judged(self, call: Call, func: Callable[..., T], *args: Any) -> T:
        try:
            return await _run(self._decode, call, func, *args)
        except (ChildTimeout, ChildOutOfMemory) as error:
            raise Permanent("bad_result", reason="too_heavy") from error
        except ModuleNotFoundError as error:
            # Installed without the `embedded` extra: this worker cannot look at films.
            raise Permanent("bad_result", reason="no_decoder") from error


async def _run(children: Children, call: Call, func: Callable[..., T], *args: Any) -> T:
    return await children.run(func, *args, timeout_s=left_s(call, most=LOOK_MAX_S))


async def from_base64(text: str) -> bytes:
    """The bytes of `...` or `data:image/...;base64,...`. Raises Lost. Never holds the loop."""
    body = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return await asyncio.to_thread(base64.b64decode, body, validate=True)
    except (binascii.Error, ValueError):
        raise Lost("not_base64") from None


async def data_url(picture: Picture) -> str:
    """The picture as a URL that holds it."""
    body = await asyncio.to_thread(base64.b64encode, picture.data)
    return f"data:{picture.media_type};base64,{body.decode()}"


def size_after(size: Size, operations: Sequence[EditOp]) -> Size:
    """How large a picture of `size` is after these operations, as the local tools would leave it."""
    width, height = size
    for operation in operations:
        match operation:
            case Crop():
                width = max(1, round(operation.right * width) - int(operation.left * width))
                height = max(1, round(operation.bottom * height) - int(operation.top * height))
            case Resize():
                height = operation.height or max(1, round(height * operation.width / width))
                width, height = operation.width, min(MADE_SIDE_MAX, height)
            case Upscale():
                factor = min(float(operation.factor), MADE_SIDE_MAX / max(width, height))
                width, height = round(width * factor), round(height * factor)
            case _:
                pass
    return width, height


def nearest_ratio(size: Size, ratios: Sequence[str]) -> str:
    """The one of `16:9`, `1:1`, ... whose shape is nearest to that of `size`."""
    wanted = math.log(size[0] / size[1])

    def distance(ratio: str) -> float:
        across, _, down = ratio.partition(":")
        return abs(math.log(int(across) / int(down)) - wanted)

    return min(ratios, key=distance)
