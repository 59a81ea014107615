"""The provider port: what may be asked of a maker of texts, pictures and videos, and what it gives.

Bytes go in and bytes come out; where they are kept is not a provider's business. Every method takes
the question and a `Call` (which model, until when, whom to tell). A maker that answers at once, one
that streams and one that has to be polled look the same from here, but for one thing: a task that is
still running at its provider raises `journal.Parked`, and the same question is asked again later.

Errors of every method:

    Permanent   content_refused, provider_refused, quota_exhausted, unknown_model, bad_result, overdue,
                cancelled, invalid_input, media_too_heavy, file_unreadable, deadline
    Retryable   rate_limited (`retry_after_s`), provider_unavailable, provider_unknown (perhaps bought),
                bad_result (bought, and worth another look)

A fact `counted=False` says that the wait is nobody's fault and costs the job no try. LostLease comes
through from the journal. A cancelled method stops its work.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ops.base.children import Children
from schemas.catalogue import Model
from schemas.payloads import EditOp, Style
from schemas.results import Color, Usage
from workers.providers.journal import FREE, Journal

Report = Callable[[float], None]
Speaker = Literal["user", "model"]
FileAction = Literal["extract", "improve", "outline"]


def unheard(_share: float) -> None:
    """A report that nobody reads."""


async def at_once() -> None:
    """For a call that nobody counts."""


@dataclass(frozen=True, slots=True)
class Call:
    """The circumstances of one question. `deadline_s` is a reading of `clock.monotonic_s`.

    `journal`: every paid request goes through it. `cancel`: set when the user wants no more; a stream
    ends and what came is the answer. `on_text` hears the whole text so far while it is written.
    `max_output_tokens`: what was reserved for. `last_look`: buy nothing, only ask for what was bought.
    `leave`: awaited right before an order is announced; it waits for its turn, or raises Retryable.
    """

    model: Model
    deadline_s: float
    report: Report = unheard
    journal: Journal = FREE
    cancel: asyncio.Event | None = None
    on_text: Callable[[str], None] | None = None
    max_output_tokens: int | None = None
    last_look: bool = False
    leave: Callable[[], Awaitable[None]] = at_once


@dataclass(frozen=True, slots=True)
class Origin:
    """Who made an answer. `made_by` is what a person reads; `usage` has the provider's own cost."""

    provider: str
    model: str
    made_by: str
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Made:
    """One file that was made. Sizes in pixels and seconds, where the medium has them."""

    data: bytes
    media_type: str
    name: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class ImproveText:
    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class GenerateText:
    """`length_characters` is the length paid for: the answer never exceeds it. `pictures` are shown
    to a model that sees; files of the image types that `storage.inspect` lets in. `history`: what was
    said before, oldest first. `chat`: an answer is wanted, not a text to publish.
    """

    prompt: str
    length_characters: int
    pictures: tuple[bytes, ...] = ()
    history: tuple[tuple[Speaker, str], ...] = ()
    chat: bool = False


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """`changes`: what was changed and why. `notes`: what could not be done, said openly."""

    text: str
    origin: Origin
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerateImage:
    prompt: str
    width: int
    height: int
    seed: int | None


@dataclass(frozen=True, slots=True)
class EditImage:
    """`picture` is a file of one of the image types that `storage.inspect` lets in; empty where it is gone
    and the change has been ordered.

    `prompt`, `references` (more pictures to draw from) and `mask` (a PNG; what is transparent in it
    may change) are for models; plain tools have no use for them.
    """

    picture: bytes
    operations: tuple[EditOp, ...]
    prompt: str = ""
    references: tuple[bytes, ...] = ()
    mask: bytes | None = None


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    images: tuple[Made, ...]
    origin: Origin
    prompt_used: str = ""


@dataclass(frozen=True, slots=True)
class AnalyzeImage:
    picture: bytes


@dataclass(frozen=True, slots=True)
class VisionAnswer:
    """`brightness` and `sharpness` are 0..1; `format` is the file's, such as `JPEG`."""

    width: int
    height: int
    format: str
    palette: tuple[Color, ...]
    brightness: float
    sharpness: float
    exif: dict[str, str]
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class GenerateVideo:
    """A prompt, a picture, or both; `seconds` long."""

    prompt: str | None
    picture: bytes | None
    seconds: int


@dataclass(frozen=True, slots=True)
class VideoAnswer:
    videos: tuple[Made, ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class ProcessFile:
    """`media_type` is what `storage.inspect` found in the bytes."""

    data: bytes
    media_type: str
    action: FileAction


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """`pages`: how many were worked through, which is what is charged."""

    text: str
    pages: int
    origin: Origin
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moderate:
    """What is about to be generated or posted: a text, a picture, or both."""

    text: str
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`scores`: class of content -> 0..1; `classes`: those that are too high, the highest first."""

    flagged: bool
    classes: tuple[str, ...]
    scores: dict[str, float]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Sighting:
    """A task as its provider shows it. `callback_url`: where it was told to report, if it says so."""

    remote_ref: str
    phase: Literal["running", "done", "failed"]
    callback_url: str | None = None


class TextProvider(Protocol):
    async def improve(self, ask: ImproveText, call: Call) -> TextAnswer: ...

    async def generate(self, ask: GenerateText, call: Call) -> TextAnswer: ...


class ImageProvider(Protocol):
    async def generate(self, ask: GenerateImage, call: Call) -> ImageAnswer: ...

    async def edit(self, ask: EditImage, call: Call) -> ImageAnswer: ...


class VisionProvider(Protocol):
    async def analyze(self, ask: AnalyzeImage, call: Call) -> VisionAnswer: ...


class VideoProvider(Protocol):
    async def generate(self, ask: GenerateVideo, call: Call) -> VideoAnswer: ...


class FileProvider(Protocol):
    async def process(self, ask: ProcessFile, call: Call) -> FileAnswer: ...


class ModerationProvider(Protocol):
    async def judge(self, ask: Moderate, call: Call) -> Judgement: ...


class TaskBoard(Protocol):
    """For a provider whose tasks run on their own: is there such a task, and is it ours?"""

    async def look(self, remote_ref: str, call: Call) -> Sighting | None:
        """None for a task that it does not know. Free; raises Retryable."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What an adapter is given when it is built; it closes none of it."""

    decode: Children
    make: Children


async def nothing_to_close() -> None:
    """For an adapter without connections."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One provider's answer to each port; None where it has nothing to offer.

    `tasks` is there when a purchase outlives its request; `close` ends the connections.
    """

    text: TextProvider | None = None
    image: ImageProvider | None = None
    vision: VisionProvider | None = None
    video: VideoProvider | None = None
    file: FileProvider | None = None
    moderation: ModerationProvider | None = None
    tasks: TaskBoard | None = None
    close: Callable[[], Awaitable[None]] = nothing_to_close
