"""OpenRouter's videos: ordered, polled, told by a webhook, fetched."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from ops.sandbox import files, sizes
from ops.sandbox.chat import read
from ops.sandbox.fates import fate_of
from ops.sandbox.journal import TaskOrder, Work
from ops.sandbox.models import Card, all_of, find
from ops.sandbox.operations import OPENROUTER_PREFIX, Provider
from ops.sandbox.records import record
from ops.sandbox.refusals import Refusal
from ops.sandbox.tasks import Task
from ops.sandbox.world import Order, order_of

router = APIRouter(prefix=f"{OPENROUTER_PREFIX}/videos")
Counter = Annotated[Order, Depends(order_of)]
RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")
RESOLUTIONS: Final = ("480p", "720p", "1080p")
_LOCAL: Final = ("http://127.0.0.1", "http://localhost", "http://[::1]")


class FrameUrl(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    url: str = Field(pattern=r"^(https?://|data:image/)")


class Frame(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = "image_url"
    image_url: FrameUrl
    frame_type: str = Field("first_frame", pattern="^(first_frame|last_frame)$")


class VideoRequest(BaseModel):
    """`POST /videos`. A callback must be https; on this machine http will do."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: str
    prompt: str = Field(min_length=1)
    duration: int | None = None
    resolution: str = "720p"
    aspect_ratio: str = "16:9"
    size: str = ""
    frame_images: list[Frame] = Field([], max_length=2)
    callback_url: str = ""

    def pixels(self) -> tuple[int, int]:
        """Raises Refusal 400 or 422."""
        if self.size:
            return sizes.exact(self.size, most=3840)
        return sizes.by_ratio(self.aspect_ratio, self.resolution)


@router.post("")
async def create(order: Counter) -> Response:
    request = read(VideoRequest, order.question.body)
    card = find(Provider.OPENROUTER, request.model, "video")
    if card is None:
        raise Refusal(400, "invalid_model", f"{request.model} is not a valid model ID")
    if request.callback_url and not request.callback_url.startswith(("https://", *_LOCAL)):
        raise Refusal(400, "invalid_value", "callback_url must be https")
    seconds = _seconds(request, card)
    width, height = request.pixels()
    times = order.faults.take_number("usage_above_quote") or 1
    work = Work(
        media="video", width=width, height=height, seconds=seconds, file_format="mp4",
        caption=request.prompt[:80],
    )  # fmt: skip
    task = order.begin(
        prefix="gen-vid-",
        model=card.id,
        price_usd=round(card.price * seconds * times, 6),
        task=TaskOrder(
            family="videos", work=work, fate=fate_of(order.faults),
            callback_url=request.callback_url, base_url=order.base_url,
        ),
    )  # fmt: skip
    body = {"id": task.id, "polling_url": f"{OPENROUTER_PREFIX}/videos/{task.id}"}
    return JSONResponse(body | {"status": "pending"}, 202)


@router.get("/models")
async def models() -> dict[str, Any]:
    return {"data": [_listed(card) for card in all_of(Provider.OPENROUTER, "video")]}


@router.get("/{task_id}")
async def poll(task_id: str, order: Counter) -> dict[str, Any]:
    task = _task(order, task_id)
    order.world.tasks.poll(task)
    broken = order.faults.take("broken_result_json") is not None
    return record(task, order.world.tasks.timing, broken=broken)


@router.get("/{task_id}/content")
async def content(task_id: str, order: Counter, index: int = 0) -> Response:
    """The bytes, for who has the key."""
    task = _task(order, task_id)
    if task.phase != "success" or index >= task.order.work.count:
        raise Refusal(404, "not_found", "The video is not ready.")
    return await files.serve(task, index, order.faults, expired=task.order.fate.link == "gone")


def _task(order: Order, task_id: str) -> Task:
    task = order.world.tasks.get(task_id)
    if task is None or task.order.family != "videos":
        raise Refusal(404, "not_found", "Video generation not found")
    return task


def _seconds(request: VideoRequest, card: Card) -> int:
    shortest, longest = card.seconds
    seconds = request.duration if request.duration is not None else shortest
    if not shortest <= seconds <= longest:
        message = f"duration must be {shortest} to {longest} for {card.id}"
        raise Refusal(400, "invalid_value", message)
    return seconds


def _listed(card: Card) -> dict[str, Any]:
    shortest, longest = card.seconds
    return {
        "id": card.id,
        "name": f"{card.id} (sandbox)",
        "supported_durations": list(range(shortest, longest + 1)),
        "supported_resolutions": list(RESOLUTIONS),
        "supported_aspect_ratios": list(RATIOS),
        "supported_frame_images": ["first_frame", "last_frame"],
        "pricing_skus": {"duration_seconds": str(card.price)},
    }
