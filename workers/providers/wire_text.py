"""Texts and sight through chat: what OpenAI and OpenRouter answer for those two ports."""

from collections.abc import Sequence
from typing import Any, Final

from schemas.results import Color
from workers.providers import wire_words as words
from workers.providers.port import (
    AnalyzeImage,
    Call,
    GenerateText,
    ImproveText,
    Origin,
    Speaker,
    TextAnswer,
    VisionAnswer,
)
from workers.providers.wire_chat import Chat, Prompt, Reply
from workers.providers.wire_media import SEEN_SIDE_MAX, Studio, data_url

ENDS_EARLY: Final = "The model reached its length limit: the text ends early."
_ROLES: Final[dict[Speaker, str]] = {"user": "user", "model": "assistant"}
STOPPED: Final = "Stopped on request: this is the part that was written."


class ChatText:
    """`house`: the provider's name for a person."""

    def __init__(self, chat: Chat, studio: Studio, *, house: str) -> None:
        self._chat = chat
        self._studio = studio
        self._house = house

    async def improve(self, ask: ImproveText, call: Call) -> TextAnswer:
        prompt = prompt_of(words.to_improve(ask.style), ask.text)
        reply = await self._chat.reply(prompt, call)
        whole = reply.end == "ok"
        changes = words.changes(ask.text, reply.text) if whole and ask.style == "correct" else ()
        return TextAnswer(reply.text, origin(self._house, call, reply), changes, _notes(reply))

    async def generate(self, ask: GenerateText, call: Call) -> TextAnswer:
        pictures = [
            await self._studio.to_send(picture, call, side_max=SEEN_SIDE_MAX)
            for picture in ask.pictures
        ]
        told = words.to_answer if ask.chat else words.to_write
        prompt = prompt_of(
            told(ask.length_characters),
            ask.prompt,
            [await data_url(picture) for picture in pictures],
            history=ask.history,
        )
        reply = await self._chat.reply(prompt, call)
        text = words.cut(reply.text, ask.length_characters)
        return TextAnswer(text, origin(self._house, call, reply), notes=_notes(reply))


class ChatVision:
    """What a model sees, beside what can be measured without one."""

    def __init__(self, chat: Chat, studio: Studio, *, house: str) -> None:
        self._chat = chat
        self._studio = studio
        self._house = house

    async def analyze(self, ask: AnalyzeImage, call: Call) -> VisionAnswer:
        measured = await self._studio.measured(ask.picture, call)
        sent = await self._studio.to_send(ask.picture, call, side_max=SEEN_SIDE_MAX)
        reply = await self._chat.reply(prompt_of(words.LOOK, "", [await data_url(sent)]), call)
        palette = tuple(
            Color(name=name, hex=code, share=share) for name, code, share in measured.palette
        )
        return VisionAnswer(
            width=measured.width,
            height=measured.height,
            format=measured.format,
            palette=palette,
            brightness=measured.brightness,
            sharpness=measured.sharpness,
            exif=measured.exif,
            text=reply.text,
            origin=origin(self._house, call, reply),
        )


def prompt_of(
    system: str,
    text: str,
    picture_urls: Sequence[str] = (),
    *,
    history: Sequence[tuple[Speaker, str]] = (),
) -> Prompt:
    """A system message, what was said before, and the user's message, with pictures if any."""
    content: Any = text
    if picture_urls:
        told = [{"type": "text", "text": text}] if text else []
        seen = [{"type": "image_url", "image_url": {"url": url}} for url in picture_urls]
        content = [*told, *seen]
    before = [{"role": _ROLES[by], "content": said} for by, said in history]
    return Prompt(
        [{"role": "system", "content": system}, *before, {"role": "user", "content": content}]
    )


def origin(house: str, call: Call, reply: Reply) -> Origin:
    made_by = words.made_by(house, call.model.model)
    return Origin(call.model.provider, call.model.name, made_by, reply.usage)


def _notes(reply: Reply) -> tuple[str, ...]:
    return {"length": (ENDS_EARLY,), "stopped": (STOPPED,)}.get(reply.end, ())
