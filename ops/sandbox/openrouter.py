"""OpenRouter on the wire: chat (with pictures in the answer), pictures, lists, and the account."""

import asyncio
import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from ops.base.clock import unix_s
from ops.sandbox import chat, chat_wire, pictures, sizes
from ops.sandbox.limits import admit_free_model
from ops.sandbox.models import CARDS, TOKENS_PER_PRICE, Card, all_of, find
from ops.sandbox.operations import OPENROUTER_PREFIX, Operation, Provider
from ops.sandbox.refusals import Refusal
from ops.sandbox.world import Order, order_of

router = APIRouter(prefix=OPENROUTER_PREFIX)
Counter = Annotated[Order, Depends(order_of)]
REFERENCES_MAX = 16


class ImageRequest(BaseModel):
    """`POST /images`. References are data or https URLs."""

    model_config = ConfigDict(extra="allow", frozen=True)

    model: str
    prompt: str = Field(min_length=1)
    n: int = Field(1, ge=1, le=10)
    size: str = ""
    aspect_ratio: str = "1:1"
    resolution: str = "1K"
    output_format: str = "png"
    input_references: list[Any] = Field([], max_length=REFERENCES_MAX)


@router.post("/chat/completions")
async def completions(order: Counter) -> Response:
    request = chat.read(chat.ChatRequest, order.question.body)
    card = _first_known([request.model, *request.models])
    if card.is_free:
        admit_free_model(order.world.gauge, order.world.limits, order.question.key)
    turn = chat.think(order, request, card)
    return chat_wire.send(turn, request, order.faults)


@router.post("/images")
async def images(order: Counter) -> dict[str, Any]:
    request = chat.read(ImageRequest, order.question.body)
    card = find(Provider.OPENROUTER, request.model, "image")
    if card is None:
        raise _no_model(request.model)
    if request.output_format not in pictures.FORMATS:
        raise Refusal(400, "invalid_value", "output_format must be png, jpeg or webp.")
    width, height = _pixels(request)
    times = order.faults.take_number("usage_above_quote") or 1
    cost = round(card.price * request.n * times, 6)
    order.buy(prefix="gen-img-", model=card.id, price_usd=cost)
    digest = order.question.digest
    files = [
        await asyncio.to_thread(
            pictures.draw, width=width, height=height, caption=request.prompt,
            digest=digest[number:] + digest[:number], file_format=request.output_format,
        )
        for number in range(request.n)
    ]  # fmt: skip
    media_type = f"image/{request.output_format.replace('jpg', 'jpeg')}"
    data = [{"b64_json": base64.b64encode(f).decode(), "media_type": media_type} for f in files]
    return {"created": int(unix_s()), "data": data, "usage": {"cost": cost, "is_byok": False}}


@router.get("/generation")
async def generation(order: Counter, id: str = "") -> Response:  # noqa: A002 (the name on the wire)
    """What one chat used, asked for later."""
    for purchase in order.world.journal.all():
        if purchase.id == id and purchase.operation is Operation.CHAT:
            data = {"id": id, "model": purchase.model, "total_cost": purchase.charged_usd}
            return JSONResponse({"data": data | {"created_at": purchase.at, "is_byok": False}})
    raise Refusal(404, "not_found", "Generation not found")


@router.get("/models")
async def models() -> dict[str, Any]:
    """Public, as the real one."""
    sold = [card for card in CARDS if card.provider is Provider.OPENROUTER and card.sort != "video"]
    return {"data": [_listed(card) for card in sold]}


@router.get("/images/models")
async def image_models() -> dict[str, Any]:
    return {"data": [_listed(card) for card in all_of(Provider.OPENROUTER, "image")]}


@router.get("/key")
async def key(order: Counter) -> dict[str, Any]:
    limits, used = order.world.limits, order.world.gauge.used("free-day", order.question.key)
    spent, most = order.world.journal.spent_usd(Provider.OPENROUTER), limits.openrouter_free_day
    data: dict[str, Any] = {
        "label": f"sk-or-…{order.question.key[-4:]}",
        "limit": limits.openrouter_usd,
        "limit_remaining": limits.openrouter_usd - spent,
        "usage": spent,
        "usage_daily": spent,
        "is_free_tier": False,
    }
    data["free_model_daily_requests"] = {"used": used, "limit": most, "remaining": most - used}
    return {"data": data}


@router.get("/credits")
async def credit(order: Counter) -> dict[str, Any]:
    spent = order.world.journal.spent_usd(Provider.OPENROUTER)
    total = order.world.limits.openrouter_usd
    return {"data": {"total_credits": total, "total_usage": spent}}


def _first_known(names: list[str]) -> Card:
    """The model asked for, or the first of the fallbacks. Raises Refusal 400."""
    for name in names:
        for sort in ("text", "image"):
            if card := find(Provider.OPENROUTER, name, sort):
                return card
    raise _no_model(next((name for name in names if name), ""))


def _no_model(name: str) -> Refusal:
    return Refusal(400, "invalid_model", f"{name} is not a valid model ID")


def _pixels(request: ImageRequest) -> tuple[int, int]:
    if request.size:
        return sizes.exact(request.size, most=pictures.SIDE_MAX)
    return sizes.by_ratio(request.aspect_ratio, request.resolution)


def _listed(card: Card) -> dict[str, Any]:
    """Prices are texts, in US dollars a token."""
    inputs = ["text", "image"] if card.sees else ["text"]
    outputs = ["text", "image"] if card.sort == "image" else ["text"]
    return {
        "id": card.id,
        "name": f"{card.id} (sandbox)",
        "created": 1_780_000_000,
        "context_length": card.context,
        "architecture": {"input_modalities": inputs, "output_modalities": outputs},
        "pricing": {
            "prompt": _per_token(card.price_in),
            "completion": _per_token(card.price_out),
            "image": f"{card.price:.10g}",
            "request": "0",
        },
        "supported_parameters": ["max_tokens", "temperature", "response_format"],
        "expiration_date": None,
    }


def _per_token(price_usd: float) -> str:
    return f"{price_usd / TOKENS_PER_PRICE:.10f}".rstrip("0").rstrip(".") or "0"
