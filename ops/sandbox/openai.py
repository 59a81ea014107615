"""OpenAI on the wire: chat completions, pictures, moderation, models."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from ops.sandbox import chat, chat_wire, moderation, openai_images
from ops.sandbox.models import CARDS, find
from ops.sandbox.operations import OPENAI_PREFIX, Provider
from ops.sandbox.refusals import Refusal
from ops.sandbox.world import Order, order_of

router = APIRouter(prefix=OPENAI_PREFIX)
Counter = Annotated[Order, Depends(order_of)]
RELEASED = 1_780_000_000


@router.post("/chat/completions")
async def completions(order: Counter) -> Response:
    request = chat.read(chat.ChatRequest, order.question.body)
    card = find(Provider.OPENAI, request.model, "text")
    if card is None:
        raise _no_model(request.model)
    turn = chat.think(order, request, card)
    return chat_wire.send(turn, request, order.faults)


@router.post("/images/generations")
async def generate(order: Counter) -> dict[str, Any]:
    return await openai_images.generate(order)


@router.post("/images/edits")
async def edit(order: Counter, request: Request) -> dict[str, Any]:
    async with request.form(max_files=20, max_part_size=64 * 1024 * 1024) as form:
        return await openai_images.edit(order, form)


@router.post("/moderations")
async def moderate(order: Counter) -> dict[str, Any]:
    return moderation.judge(order.question.body)


@router.get("/models")
async def models(_order: Counter) -> dict[str, Any]:
    names = [card.id for card in CARDS if card.provider is Provider.OPENAI]
    return {"object": "list", "data": [_model(name) for name in [*names, moderation.MODEL]]}


@router.get("/models/{name}")
async def model(name: str, _order: Counter) -> dict[str, Any]:
    if not any(find(Provider.OPENAI, name, sort) for sort in ("text", "image")):
        raise _no_model(name)
    return _model(name)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": RELEASED, "owned_by": "sandbox"}


def _no_model(name: str) -> Refusal:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return Refusal(404, "model_not_found", message)
