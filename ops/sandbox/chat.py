"""Chat completions, which OpenAI and OpenRouter share: reading the question, thinking up the answer."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ops.sandbox import pictures, prose
from ops.sandbox.models import Card
from ops.sandbox.operations import Provider
from ops.sandbox.refusals import Refusal
from ops.sandbox.world import Order

Usage = dict[str, Any]
DRAWN_SIDE = 1024
REFUSED = "I'm sorry, I cannot assist with that request."

M = TypeVar("M", bound=BaseModel)


class _Loose(BaseModel):
    """Real clients send fields that nobody here reads."""

    model_config = ConfigDict(extra="allow", frozen=True)


class ImageUrl(_Loose):
    url: str


class Part(_Loose):
    type: str
    text: str = ""
    image_url: ImageUrl | None = None


class ChatMessage(_Loose):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None


class StreamOptions(_Loose):
    include_usage: bool = False


class ResponseFormat(_Loose):
    type: str = "text"


class ChatRequest(_Loose):
    model: str = ""
    models: list[str] = []
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_completion_tokens: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    modalities: list[str] = ["text"]
    response_format: ResponseFormat = ResponseFormat()

    @property
    def tokens_max(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


@dataclass(frozen=True, slots=True)
class Turn:
    """A finished answer; `usage` is None when it is to be kept back."""

    id: str
    created: int
    provider: Provider
    model: str
    text: str
    finish: str
    images: list[str]
    refusal: str | None
    usage: Usage | None


def read(model: type[M], body: dict[str, Any]) -> M:
    """The body as a request. Raises Refusal 400 naming the first field that is wrong."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"])
        message = f"Invalid value for {param!r}: {first['msg']}"
        raise Refusal(400, "invalid_value", message, param=param) from None


def think(order: Order, request: ChatRequest, card: Card) -> Turn:
    """Make the answer and sell it. Raises Refusal for bad pictures and an empty account."""
    faults = order.faults
    asked, seen = _asked(request, card)
    filtered = faults.take("filtered") is not None
    text = "" if filtered else _text(order, request, card, asked, seen)
    finish = "content_filter" if filtered else "stop"
    if request.tokens_max is not None and prose.tokens_of(text) > request.tokens_max:
        text, finish = prose.cut_to(text, request.tokens_max), "length"
    images = _drawn(order, asked) if "image" in request.modalities and not filtered else []
    usage = _usage(order, card, asked, text, pictures_in=len(seen), pictures_out=len(images))
    prefix = "chatcmpl-" if card.provider is Provider.OPENAI else "gen-"
    purchase = order.buy(prefix=prefix, model=card.id, price_usd=usage["cost"])
    if card.provider is Provider.OPENAI:
        del usage["cost"]
    return Turn(
        id=purchase.id,
        created=int(purchase.at),
        provider=card.provider,
        model=card.id,
        text=text,
        finish=finish,
        images=images,
        refusal=REFUSED if filtered else None,
        usage=None if faults.take("no_usage") is not None else usage,
    )


def _asked(request: ChatRequest, card: Card) -> tuple[str, list[str]]:
    """All the text, the last message first in mind, and what pictures came."""
    texts: list[str] = []
    seen: list[str] = []
    for message in request.messages:
        if isinstance(message.content, str):
            texts.append(message.content)
            continue
        for part in message.content or []:
            if part.image_url is None:
                texts.append(part.text)
            else:
                seen.append(_look(part.image_url.url))
    if seen and not card.sees:
        raise Refusal(404, "not_found", "No endpoints found that support image input")
    return "\n".join(texts), seen


def _look(url: str) -> str:
    if url.startswith("data:"):
        return pictures.look_at_data_url(url, param="image_url").described()
    if not url.startswith(("https://", "http://")):
        raise Refusal(400, "invalid_image_url", "Not a URL of an image.", param="image_url")
    return "a picture by its address, not fetched"


def _text(order: Order, request: ChatRequest, card: Card, asked: str, seen: list[str]) -> str:
    last = request.messages[-1].content
    prompt = last if isinstance(last, str) else asked
    wants_json = request.response_format.type != "text"
    write = prose.answer_json if wants_json else prose.answer
    text = write(model=card.id, prompt=prompt, images=seen, digest=order.question.digest)
    length = order.faults.take("long_answer")
    return text if length is None else prose.stretched(text, int(length))


def _drawn(order: Order, asked: str) -> list[str]:
    data = pictures.draw(
        width=DRAWN_SIDE, height=DRAWN_SIDE, caption=asked, digest=order.question.digest
    )
    return [f"data:image/png;base64,{base64.b64encode(data).decode()}"]


def _usage(
    order: Order, card: Card, asked: str, text: str, *, pictures_in: int, pictures_out: int
) -> Usage:
    """Token counts in OpenAI's words, and the cost in US dollars."""
    times = order.faults.take_number("usage_above_quote") or 1
    image_in = round(pictures_in * prose.IMAGE_TOKENS * times)
    tokens_in = round(prose.tokens_of(asked) * times) + image_in
    tokens_out = round(prose.tokens_of(text) * times)
    cost = card.cost_usd(tokens_in, tokens_out) + pictures_out * card.price * times
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0, "image_tokens": image_in},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        "cost": round(cost, 9),
    }


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
