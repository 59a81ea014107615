"""The `local` adapter: hands each question to a child process and dresses its answer for the
port.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from ops.base.children import ChildDied, ChildOutOfMemory, Children, ChildTimeout
from ops.base.clock import monotonic_s
from schemas.errors import Permanent, Retryable
from schemas.results import Color, Usage
from workers.pictures import facts, opening
from workers.providers.local import art, chat, drafts, edit, files, motion, text
from workers.providers.port import (
    Adapter,
    AnalyzeImage,
    Call,
    EditImage,
    FileAnswer,
    GenerateImage,
    GenerateText,
    GenerateVideo,
    ImageAnswer,
    ImproveText,
    Made,
    Origin,
    ProcessFile,
    Report,
    TextAnswer,
    Tools,
    VideoAnswer,
    VisionAnswer,
    unheard,
)

T = TypeVar("T")

MEASURED_BY: Final = "local provider (measured facts, not a neural model)"
EDIT_TIMEOUT_S: Final = 30.0
FILE_TIMEOUT_S: Final = 60.0
FILM_SIDE_MAX: Final = 1_920
_SUFFIXES: Final = {"image/png": "png", "image/jpeg": "jpg"}


def build(tools: Tools) -> Adapter:
    """Everything this provider offers; it is free and needs no key."""
    image = LocalImage(tools)
    return Adapter(
        text=LocalText(tools),
        image=image,
        vision=LocalVision(tools),
        video=LocalVideo(tools),
        file=LocalFile(tools),
    )


class LocalText:
    def __init__(self, tools: Tools) -> None:
        self._make = tools.make

    async def improve(self, ask: ImproveText, call: Call) -> TextAnswer:
        made = await _in_child(self._make, call, text.improve, ask.text, ask.style)
        _tell(call, made.text)
        return TextAnswer(made.text, _origin(call, text.MADE_BY), made.changes, made.notes)

    async def generate(self, ask: GenerateText, call: Call) -> TextAnswer:
        if ask.chat:
            said = chat.answer(ask.prompt)[: ask.length_characters]
            _tell(call, said)
            return TextAnswer(said, _origin(call, chat.MADE_BY))
        made = await _in_child(self._make, call, drafts.draft, ask.prompt, ask.length_characters)
        _tell(call, made.text)
        return TextAnswer(made.text, _origin(call, drafts.MADE_BY), notes=made.notes)


class LocalImage:
    def __init__(self, tools: Tools) -> None:
        self._make, self._decode = tools.make, tools.decode

    async def generate(self, ask: GenerateImage, call: Call) -> ImageAnswer:
        data = await _in_child(
            self._make, call, art.draw_png, ask.prompt, ask.width, ask.height, ask.seed
        )
        made = Made(data, "image/png", "picture.png", ask.width, ask.height)
        return ImageAnswer((made,), _origin(call, art.MADE_BY), prompt_used=ask.prompt)

    async def edit(self, ask: EditImage, call: Call) -> ImageAnswer:
        if not ask.operations:  # words alone: these tools would give the picture back as it was
            raise Permanent("words_not_understood")
        operations = tuple(operation.model_dump() for operation in ask.operations)
        data, media_type, width, height = await _in_child(
            self._decode, call, edit.edit, ask.picture, operations, timeout_s=EDIT_TIMEOUT_S
        )
        made = Made(data, media_type, f"edited.{_SUFFIXES[media_type]}", width, height)
        return ImageAnswer((made,), _origin(call, edit.MADE_BY))


class LocalVision:
    def __init__(self, tools: Tools) -> None:
        self._decode = tools.decode

    async def analyze(self, ask: AnalyzeImage, call: Call) -> VisionAnswer:
        found = await _in_child(self._decode, call, facts.measure, ask.picture)
        return VisionAnswer(
            width=found.width,
            height=found.height,
            format=found.format,
            palette=tuple(
                Color(name=name, hex=code, share=share) for name, code, share in found.palette
            ),
            brightness=found.brightness,
            sharpness=found.sharpness,
            exif=found.exif,
            text=found.text,
            origin=_origin(call, MEASURED_BY),
        )


class LocalVideo:
    def __init__(self, tools: Tools) -> None:
        self._make, self._decode = tools.make, tools.decode

    async def generate(self, ask: GenerateVideo, call: Call) -> VideoAnswer:
        if ask.picture is None:
            film = await _in_child(
                self._make, call, motion.film_of_prompt, ask.prompt or "", ask.seconds
            )
        else:
            # Decoded under the caps for strangers' media; the film is made from plain pixels.
            raw, size = await _in_child(
                self._decode, call, opening.pixels, ask.picture, FILM_SIDE_MAX, report=unheard
            )
            film = await _in_child(
                self._make, call, motion.film_of_pixels, raw, size, ask.seconds, ask.prompt or ""
            )
        data, width, height, duration_s = film
        made = Made(data, "video/mp4", "film.mp4", width, height, duration_s)
        return VideoAnswer((made,), _origin(call, motion.MADE_BY, units=ask.seconds))


class LocalFile:
    def __init__(self, tools: Tools) -> None:
        self._make, self._decode = tools.make, tools.decode

    async def process(self, ask: ProcessFile, call: Call) -> FileAnswer:
        pages = await _in_child(
            self._decode,
            call,
            files.pages_of,
            ask.data,
            ask.media_type,
            timeout_s=FILE_TIMEOUT_S,
            report=unheard if ask.action == "improve" else call.report,
        )
        notes = files.empty_pages(pages)
        origin = _origin(call, files.MADE_BY, units=len(pages))
        whole = files.joined(pages, ask.media_type)
        if ask.action == "extract":
            return FileAnswer(whole, len(pages), origin, notes=notes)
        if ask.action == "outline":
            told = await _in_child(self._make, call, files.outline, pages)
            return FileAnswer(told, len(pages), origin, notes=notes)
        better = await _in_child(self._make, call, text.improve, whole, "correct")
        return FileAnswer(better.text, len(pages), origin, better.changes, notes + better.notes)


async def _in_child(
    children: Children,
    call: Call,
    func: Callable[..., T],
    *args: Any,
    timeout_s: float | None = None,
    report: Report | None = None,
) -> T:
    """`func(*args)` within its own cap and the deadline of the call; a lost child becomes a fault.

    A child that died is tried again: it may have been killed from outside. Tries are limited.
    """
    cap_s = timeout_s or children.profile.timeout_s
    left_s = call.deadline_s - monotonic_s()
    if left_s <= 0:
        raise Permanent("deadline")
    try:
        return await children.run(
            func, *args, timeout_s=min(cap_s, left_s), on_progress=report or call.report
        )
    except ChildTimeout as error:
        raise Permanent("media_too_heavy" if cap_s <= left_s else "deadline") from error
    except ChildOutOfMemory as error:
        raise Permanent("media_too_heavy") from error
    except ChildDied as error:
        raise Retryable("provider_unavailable") from error
    except ModuleNotFoundError as error:
        # Installed without the `embedded` extra: this worker cannot do it, however often it tries.
        raise Permanent("provider_refused", missing=error.name) from error


def _tell(call: Call, whole: str) -> None:
    """A child answers at once; who listens hears the text grow by its paragraphs all the same."""
    if call.on_text is None:
        return
    at = whole.find("\n\n")
    while at >= 0:
        call.on_text(whole[:at])
        at = whole.find("\n\n", at + 2)
    call.on_text(whole)


def _origin(call: Call, made_by: str, *, units: int = 1) -> Origin:
    """Local work costs nothing: the provider's own cost is known to be zero."""
    usage = Usage(units=units, cost_usd_micros=0)
    return Origin(call.model.provider, call.model.name, made_by, usage)
