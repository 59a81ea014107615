"""A finished chat answer on the wire: as one body, or as a stream of server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from ops.sandbox.chat import ChatRequest, Turn, as_json
from ops.sandbox.faults import Faults
from ops.sandbox.operations import Provider
from ops.sandbox.prose import pieces
from ops.sandbox.refusals import Refusal

Event = dict[str, Any]


def send(turn: Turn, request: ChatRequest, faults: Faults) -> Response:
    """The answer in the form that was asked for."""
    if request.stream:
        events = stream(turn, faults, with_usage=request.wants_usage)
        return StreamingResponse(events, media_type="text/event-stream")
    return JSONResponse(completion(turn, faults))


def completion(turn: Turn, faults: Faults) -> Event:
    """A whole `chat.completion`."""
    message: Event = {"role": "assistant", "content": turn.text, "refusal": turn.refusal}
    if turn.images:
        message["images"] = _images(turn)
    choice = {"index": 0, "message": message, "logprobs": None, **_finish(turn)}
    body = _head(turn, "chat.completion")
    body["choices"] = [] if faults.take("empty_choices") is not None else [choice]
    if turn.usage is not None:
        body["usage"] = turn.usage
    return body


async def stream(turn: Turn, faults: Faults, *, with_usage: bool) -> AsyncIterator[str]:
    """Events up to `[DONE]`, unless a fault ends them earlier."""
    if turn.provider is Provider.OPENROUTER:
        yield ": OPENROUTER PROCESSING\n\n"
    cut, failing = faults.take("cut_stream"), faults.take("stream_error")
    pause_s = faults.take_number("slow_stream") or 0.0
    silent = faults.take("empty_choices") is not None
    for number, delta in enumerate(_deltas(turn)):
        if number == _number(cut):
            return
        if number == _number(failing):
            yield _event(_error(turn))
            return
        if number and pause_s:
            await asyncio.sleep(pause_s)
        yield _event(_chunk(turn, [] if silent else [_choice(delta)]))
    if cut is not None:  # shorter than the fault expected: the end is missing all the same
        return
    if failing is not None:
        yield _event(_error(turn))
        return
    yield _event(_chunk(turn, [] if silent else [_choice({}) | _finish(turn)]))
    if turn.usage is not None and (with_usage or turn.provider is Provider.OPENROUTER):
        yield _event(_chunk(turn, [], usage=turn.usage))
    yield "data: [DONE]\n\n"


def _deltas(turn: Turn) -> list[Event]:
    words: list[Event] = [{"content": piece} for piece in pieces(turn.text)]
    refusal: list[Event] = [] if turn.refusal is None else [{"refusal": turn.refusal}]
    images: list[Event] = [{"images": _images(turn)}] if turn.images else []
    return [{"role": "assistant", "content": ""}, *words, *refusal, *images]


def _chunk(turn: Turn, choices: list[Event], *, usage: Event | None = None) -> Event:
    return _head(turn, "chat.completion.chunk") | {"choices": choices, "usage": usage}


def _choice(delta: Event) -> Event:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}


def _head(turn: Turn, kind: str) -> Event:
    head: Event = {
        "id": turn.id,
        "object": kind,
        "created": turn.created,
        "model": turn.model,
        "system_fingerprint": "sandbox",
    }
    if turn.provider is Provider.OPENROUTER:
        head["provider"] = "Sandbox"
    return head


def _finish(turn: Turn) -> Event:
    finish: Event = {"finish_reason": turn.finish}
    if turn.provider is Provider.OPENROUTER:
        finish["native_finish_reason"] = turn.finish
    return finish


def _images(turn: Turn) -> list[Event]:
    return [
        {"type": "image_url", "image_url": {"url": url}, "index": n}
        for n, url in enumerate(turn.images)
    ]


def _error(turn: Turn) -> Event:
    refusal = Refusal(502, "server_error", "The provider broke off.")
    body = refusal.body(turn.provider)
    if turn.provider is Provider.OPENROUTER:
        choice = _choice({"content": ""}) | {"finish_reason": "error"}
        return _chunk(turn, [choice]) | body
    return body


def _number(told: str | None) -> int:
    return -1 if told is None else int(told)


def _event(body: Event) -> str:
    return f"data: {as_json(body)}\n\n"
