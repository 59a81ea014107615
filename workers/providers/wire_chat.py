"""Chat completions, which OpenAI and OpenRouter share: one whole answer, or a stream that can be
heard while it comes and stopped.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeVar

import httpx
import openai
from pydantic import BeforeValidator

from ops.base.nursery import Nursery
from schemas.errors import Permanent
from schemas.results import Usage
from workers.providers.port import Call
from workers.providers.wire import Json, Loose, left_s, lenient, micros, parsed, shaped
from workers.providers.wire_deal import buy
from workers.providers.wire_faults import Lost, refusal
from workers.providers.wire_made import Bought
from workers.providers.wire_media import from_base64
from workers.providers.wire_sdk import answered, meaning_of, patience, said_in_200

T = TypeVar("T")
End = Literal["ok", "length", "stopped", "refused"]

CHAT_MAX_S: Final = 180.0
SILENCE_MAX_S: Final = 60.0
CHARACTERS_PER_TOKEN: Final = 3
"""For an answer whose usage never came: rather too many tokens than too few."""


class ImageUrl(Loose):
    url: str = ""


class ImagePart(Loose):
    image_url: ImageUrl = ImageUrl()


def _plain(content: object) -> object:
    """Some answer in parts; their texts are the text."""
    if not isinstance(content, list):
        return content
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(text for text in parts if isinstance(text, str))


class Message(Loose):
    """What is said: a whole message, or a piece of one."""

    content: Annotated[str | None, BeforeValidator(_plain)] = None
    refusal: str | None = None
    images: list[ImagePart] | None = None


class Choice(Loose):
    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None

    @property
    def said(self) -> Message:
        return self.message or self.delta or Message()


class Tokens(Loose):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None


class Completion(Loose):
    """A whole answer, or one event of a stream."""

    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None

    @property
    def tokens(self) -> Tokens | None:
        return None if self.usage is None else lenient(Tokens, self.usage)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer, or (`stopped`) what there was when the user wanted no more. `images` are
    data URLs.
    """

    text: str
    end: End
    usage: Usage
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent. `extra` goes into the body as it is; `characters` is the length of the texts."""

    messages: list[Any]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def characters(self) -> int:
        return sum(len(text) for message in self.messages for text in _texts(message))


class Chat:
    """One account's chat. `tokens_field`: how this provider calls the limit of an answer's length."""

    def __init__(self, client: openai.AsyncOpenAI, *, tokens_field: str) -> None:
        self._client = client
        self._tokens_field = tokens_field

    async def reply(self, prompt: Prompt, call: Call) -> Reply:
        """Bought and entered. Raises what `port` promises, Permanent `cancelled` when it was stopped
        before its first word.
        """
        wait_s = left_s(call, most=CHAT_MAX_S)
        listens = call.on_text is not None or call.cancel is not None
        heard = self._stream if listens else self._whole
        reply = await buy(call, lambda: heard(prompt, call, wait_s))
        outcome = "ok" if reply.text or reply.images else reply.end
        outcome = "refused" if reply.end == "refused" else outcome
        await call.journal.paid(outcome, cost_usd_micros=reply.usage.cost_usd_micros)
        if reply.end == "refused":
            raise Permanent("content_refused")
        if not reply.text and not reply.images:
            raise Permanent("cancelled" if reply.end == "stopped" else "bad_result")
        return reply

    async def pictures(self, prompt: Prompt, call: Call) -> Bought:
        """The pictures of an answer, bought and not yet entered: the caller looks at them first.

        Raises as `reply`; a whole answer without a picture is a refusal in words.
        """
        wait_s = left_s(call, most=CHAT_MAX_S)

        async def order() -> tuple[Reply, tuple[bytes, ...]]:
            reply = await self._whole(prompt, call, wait_s)
            return reply, tuple([await from_base64(url) for url in reply.images])

        reply, files = await buy(call, order)
        if not files:
            await call.journal.paid("refused", cost_usd_micros=reply.usage.cost_usd_micros)
            raise Permanent("content_refused" if reply.end == "refused" else "provider_refused")
        return Bought(files, reply.usage.model_copy(update={"units": len(files)}))

    async def _whole(self, prompt: Prompt, call: Call, wait_s: float) -> Reply:
        request = self._client.chat.completions.with_raw_response.create(
            model=call.model.model,
            messages=prompt.messages,
            extra_body=self._body(prompt, call),
            timeout=patience(wait_s),
        )
        raw = await answered(request, model=call.model.name, wait_s=wait_s)
        return await _read(raw.content, dict(raw.headers), prompt, call)

    async def _stream(self, prompt: Prompt, call: Call, wait_s: float) -> Reply:
        ear = _Ear(prompt, call)
        try:
            async with asyncio.timeout(wait_s):
                stream = await self._client.chat.completions.create(
                    model=call.model.model,
                    messages=prompt.messages,
                    stream=True,
                    stream_options={"include_usage": True},
                    extra_body=self._body(prompt, call),
                    timeout=patience(min(wait_s, SILENCE_MAX_S)),
                )
                if not is_event_stream(stream.response.headers):
                    body = await stream.response.aread()
                    return await _read(body, dict(stream.response.headers), prompt, call)
                async with stream, aclosing(until(call.cancel, aiter(stream))) as chunks:
                    async for chunk in chunks:
                        ear.hear(shaped(Completion, chunk.to_dict(warnings=False)))
        except (openai.APIError, httpx.HTTPError, ValueError, TimeoutError) as error:
            raise meaning_of(error, model=call.model.name) from error
        return ear.reply(stopped=call.cancel is not None and call.cancel.is_set())

    def _body(self, prompt: Prompt, call: Call) -> Json:
        body = dict(prompt.extra)
        if call.max_output_tokens is not None:
            body[self._tokens_field] = call.max_output_tokens
        return body


class _Ear:
    """Puts the pieces of a stream together."""

    def __init__(self, prompt: Prompt, call: Call) -> None:
        self._prompt = prompt
        self._call = call
        self._text = ""
        self._refusal = ""
        self._finish: str | None = None
        self._usage: Tokens | None = None

    def hear(self, event: Completion) -> None:
        self._usage = event.tokens or self._usage
        for choice in (event.choices or [])[:1]:
            self._finish = choice.finish_reason or self._finish
            self._refusal += choice.said.refusal or ""
            if piece := choice.said.content:
                self._text += piece
                if self._call.on_text is not None:
                    self._call.on_text(self._text)

    def reply(self, *, stopped: bool) -> Reply:
        """Complete is what has a finish_reason; a stream may end in silence. Raises Lost."""
        if stopped and self._finish is None:
            text = self._text.strip()
            return Reply(text, "stopped", _usage(self._usage, self._prompt, text))
        if self._finish is None or self._finish == "error":
            raise Lost("cut_stream")
        message = Message(content=self._text, refusal=self._refusal or None)
        choice = Choice(message=message, finish_reason=self._finish)
        return _reply(choice, self._usage, self._prompt)


@dataclass(frozen=True, slots=True)
class _Last:
    error: Exception | None = None


async def until(cancel: asyncio.Event | None, items: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """`items`, to their end or until `cancel` is set, be it in the middle of a wait for the next."""
    line: asyncio.Queue[T | _Last] = asyncio.Queue()

    async def read() -> None:
        try:
            async for item in items:
                line.put_nowait(item)
        except Exception as error:  # noqa: BLE001 (raised where the items are used)
            line.put_nowait(_Last(error))
        else:
            line.put_nowait(_Last())

    async def watch(event: asyncio.Event) -> None:
        await event.wait()
        line.put_nowait(_Last())

    async with Nursery("chat") as nursery:
        nursery.start(read(), name="read")
        if cancel is not None:
            nursery.start(watch(cancel), name="watch")
        while not isinstance(item := await line.get(), _Last):
            yield item
        if item.error is not None:
            raise item.error


async def _read(content: bytes, headers: Mapping[str, str], prompt: Prompt, call: Call) -> Reply:
    """A whole answer. Raises NotSold for an error in its place, Lost for what is no answer."""
    completion = shaped(Completion, await parsed(content))
    if not completion.choices:
        if completion.error is None:
            raise Lost("no_choices")
        raise refusal(said_in_200(completion.error, headers), model=call.model.name)
    if completion.error is not None or completion.choices[0].finish_reason == "error":
        raise Lost("broken_off")
    return _reply(completion.choices[0], completion.tokens, prompt)


def is_event_stream(headers: Mapping[str, str]) -> bool:
    """Whether a stream is what came: an error, or a whole answer, may come in its place."""
    return "event-stream" in headers.get("content-type", "")


def _reply(choice: Choice, tokens: Tokens | None, prompt: Prompt) -> Reply:
    """Raises Lost for an answer that ended well and holds nothing."""
    message = choice.said
    text = (message.content or "").strip()
    images = tuple(part.image_url.url for part in message.images or ())
    end: End = "length" if choice.finish_reason == "length" else "ok"
    if choice.finish_reason == "content_filter" or (message.refusal and not text):
        end = "refused"
    if not text and not images and end == "ok":
        raise Lost("empty")
    return Reply(text, end, _usage(tokens, prompt, text), images)


def _usage(tokens: Tokens | None, prompt: Prompt, text: str) -> Usage:
    """As told, or an estimate by length when nothing was told."""
    if tokens is None:
        return Usage(
            input_tokens=math.ceil(prompt.characters / CHARACTERS_PER_TOKEN),
            output_tokens=math.ceil(len(text) / CHARACTERS_PER_TOKEN),
        )
    return Usage(
        input_tokens=max(0, tokens.prompt_tokens or 0),
        output_tokens=max(0, tokens.completion_tokens or 0),
        cost_usd_micros=micros(tokens.cost),
    )


def _texts(message: Mapping[str, Any]) -> list[str]:
    content = message["content"]
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content if "text" in part]
