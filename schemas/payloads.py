"""What each kind of job is asked to do: a union discriminated by `kind`, with a version per kind.

A stored payload outlives the code that wrote it. A changed shape gets the next `version`; a worker
that does not know a version leaves the job queued for one that does.
"""

from typing import Annotated, Any, Final, Literal, TypeVar, get_args
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)

from schemas.jobs import Kind

TEXT_MAX_CHARACTERS: Final = 90_000
PROMPT_MAX_CHARACTERS: Final = 4_000
HISTORY_MAX_CHARACTERS: Final = 24_000
PAGES_MAX: Final = 200
SIDE_MAX_PIXELS: Final = 2_048
PICTURES_MAX: Final = 10
"""What an album of Telegram holds."""

ModelName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._:/-]+$")]
Prompt = Annotated[str, Field(min_length=1, max_length=PROMPT_MAX_CHARACTERS)]
FileId = UUID


class Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


Versioned = TypeVar("Versioned", bound=Payload)


def _of_version(payload: Versioned, version: int) -> Versioned:
    """The lowest version that can say it, so that older workers take what they understand."""
    object.__setattr__(payload, "version", version)
    return payload


class WithPictures(Payload):
    """`file` is a picture of the person's own, `more_files` what follows it in the same album."""

    file: FileId | None = None
    more_files: Annotated[tuple[FileId, ...], Field(max_length=PICTURES_MAX - 1)] = ()

    @property
    def files(self) -> tuple[FileId, ...]:
        """All of them, in order."""
        return self.more_files if self.file is None else (self.file, *self.more_files)

    @model_validator(mode="after")
    def _has_a_first_one(self) -> "WithPictures":
        if self.more_files and self.file is None:
            message = "more pictures need a first one"
            raise ValueError(message)
        return self

    @model_serializer(mode="wrap")
    def _says_what_it_has(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Older workers refuse a field that they do not know, an empty one too."""
        said: dict[str, Any] = dump(self)
        if not self.more_files:
            said.pop("more_files", None)
        return said


Style = Literal["correct", "concise", "formal", "friendly", "headline", "prompt"]
PROMPT_STYLE: Final = "prompt"
"""For what a picture or a video is made from; no style of a text."""
STYLES: Final[tuple[str, ...]] = tuple(one for one in get_args(Style) if one != PROMPT_STYLE)
"""Those that are offered for a text."""


class TextImprove(WithPictures):
    """Version 2 names the picture that the text belongs to: a post of the result shows both. Version 3
    names an album, or is a prompt that is to be improved.
    """

    kind: Literal[Kind.TEXT_IMPROVE] = Kind.TEXT_IMPROVE
    version: Literal[1, 2, 3] = 1
    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX_CHARACTERS)]
    style: Style = "correct"
    model: ModelName = "text.default"

    @model_validator(mode="after")
    def _is_of_its_version(self) -> "TextImprove":
        if self.more_files or self.style == PROMPT_STYLE:
            return _of_version(self, 3)
        return _of_version(self, 1 if self.file is None else 2)


class Said(Payload):
    """One turn of a conversation, by the person or by the model that answered."""

    by: Literal["user", "model"]
    text: Annotated[str, Field(min_length=1, max_length=HISTORY_MAX_CHARACTERS)]


class TextGenerate(Payload):
    """Version 2 is the answer to a question in a conversation."""

    kind: Literal[Kind.TEXT_GENERATE] = Kind.TEXT_GENERATE
    version: Literal[1, 2] = 1
    prompt: Prompt
    history: Annotated[tuple[Said, ...], Field(max_length=80)] = ()
    """What was said before, oldest first."""
    chat: bool = False
    """An answer in a conversation, rather than a text that is ready to be published."""
    pages: Annotated[int, Field(ge=1, le=20)] = 1
    """Length asked for, in pages of 1,800 characters: the quote's basis."""
    model: ModelName = "text.default"

    @model_validator(mode="after")
    def _is_of_its_version(self) -> "TextGenerate":
        if sum(len(turn.text) for turn in self.history) > HISTORY_MAX_CHARACTERS:
            message = f"a conversation has at most {HISTORY_MAX_CHARACTERS} characters"
            raise ValueError(message)
        return _of_version(self, 2 if self.chat or self.history else 1)


class ImageGenerate(Payload):
    kind: Literal[Kind.IMAGE_GENERATE] = Kind.IMAGE_GENERATE
    version: Literal[1] = 1
    prompt: Prompt
    width: Annotated[int, Field(ge=64, le=SIDE_MAX_PIXELS)] = 1024
    height: Annotated[int, Field(ge=64, le=SIDE_MAX_PIXELS)] = 1024
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    model: ModelName = "image.default"


class Crop(Payload):
    """Fractions of the picture, so that it holds for any size."""

    op: Literal["crop"] = "crop"
    left: Annotated[float, Field(ge=0, lt=1)] = 0.0
    top: Annotated[float, Field(ge=0, lt=1)] = 0.0
    right: Annotated[float, Field(gt=0, le=1)] = 1.0
    bottom: Annotated[float, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _has_an_inside(self) -> "Crop":
        if self.right <= self.left or self.bottom <= self.top:
            message = "the crop must keep some of the picture"
            raise ValueError(message)
        return self


class Resize(Payload):
    op: Literal["resize"] = "resize"
    width: Annotated[int, Field(ge=16, le=SIDE_MAX_PIXELS)]
    height: Annotated[int, Field(ge=16, le=SIDE_MAX_PIXELS)] | None = None
    """Without a height the picture keeps its proportions."""


class Tone(Payload):
    """1.0 leaves a property as it is."""

    op: Literal["tone"] = "tone"
    brightness: Annotated[float, Field(ge=0, le=3)] = 1.0
    contrast: Annotated[float, Field(ge=0, le=3)] = 1.0
    saturation: Annotated[float, Field(ge=0, le=3)] = 1.0


class Sharpen(Payload):
    op: Literal["sharpen"] = "sharpen"
    amount: Annotated[float, Field(gt=0, le=3)] = 1.0


class Caption(Payload):
    op: Literal["caption"] = "caption"
    text: Annotated[str, Field(min_length=1, max_length=200)]
    place: Literal["top", "bottom"] = "bottom"


class Upscale(Payload):
    op: Literal["upscale"] = "upscale"
    factor: Literal[2, 3, 4] = 2


EditOp = Annotated[Crop | Resize | Tone | Sharpen | Caption | Upscale, Field(discriminator="op")]


class ImageEdit(Payload):
    """Version 2 has a wish in words, which only a model understands."""

    kind: Literal[Kind.IMAGE_EDIT] = Kind.IMAGE_EDIT
    version: Literal[1, 2] = 1
    file: FileId
    operations: Annotated[tuple[EditOp, ...], Field(max_length=8)] = ()
    prompt: Prompt | None = None
    model: ModelName = "image.edit"

    @model_validator(mode="after")
    def _changes_something(self) -> "ImageEdit":
        if not self.operations and self.prompt is None:
            message = "an edit needs operations or words"
            raise ValueError(message)
        return _of_version(self, 1 if self.prompt is None else 2)


class ImageAnalyze(Payload):
    kind: Literal[Kind.IMAGE_ANALYZE] = Kind.IMAGE_ANALYZE
    version: Literal[1] = 1
    file: FileId
    model: ModelName = "vision.default"


class VideoGenerate(Payload):
    kind: Literal[Kind.VIDEO_GENERATE] = Kind.VIDEO_GENERATE
    version: Literal[1] = 1
    prompt: Prompt | None = None
    file: FileId | None = None
    seconds: Annotated[int, Field(ge=2, le=8)] = 4
    model: ModelName = "video.default"

    @model_validator(mode="after")
    def _has_a_source(self) -> "VideoGenerate":
        if self.prompt is None and self.file is None:
            message = "a video needs a prompt or a picture"
            raise ValueError(message)
        return self


class FileProcess(Payload):
    kind: Literal[Kind.FILE_PROCESS] = Kind.FILE_PROCESS
    version: Literal[1] = 1
    file: FileId
    action: Literal["extract", "improve", "outline"] = "extract"
    model: ModelName = "file.default"


class PostPublish(WithPictures):
    """`channel` is the number of a linked channel, or its `@username`. A project or the result of a job
    brings its files, and its text where none is given. Version 2 has a picture of the person's own,
    which comes first; version 3 has an album of them.
    """

    kind: Literal[Kind.POST_PUBLISH] = Kind.POST_PUBLISH
    version: Literal[1, 2, 3] = 1
    channel: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(max_length=TEXT_MAX_CHARACTERS)] = ""
    project: Annotated[str, Field(min_length=6, max_length=6)] | None = None
    job: UUID | None = None

    @model_validator(mode="after")
    def _has_content(self) -> "PostPublish":
        if not self.text and self.project is None and self.job is None and self.file is None:
            message = "a post needs a text, a project, the result of a job or a picture"
            raise ValueError(message)
        if self.project is not None and self.job is not None:
            message = "a post is made of a project or of the result of a job, not of both"
            raise ValueError(message)
        if self.more_files:
            return _of_version(self, 3)
        return _of_version(self, 1 if self.file is None else 2)


AnyPayload = Annotated[
    TextImprove
    | TextGenerate
    | ImageGenerate
    | ImageEdit
    | ImageAnalyze
    | VideoGenerate
    | FileProcess
    | PostPublish,
    Field(discriminator="kind"),
]
PAYLOADS: Final[TypeAdapter[AnyPayload]] = TypeAdapter(AnyPayload)

VERSION_OF_KIND: Final[dict[Kind, int]] = {
    **dict.fromkeys(Kind, 1),
    Kind.TEXT_IMPROVE: 3,
    Kind.TEXT_GENERATE: 2,
    Kind.IMAGE_EDIT: 2,
    Kind.POST_PUBLISH: 3,
}
"""The newest version this code can read and write, by kind."""


def files_of(payload: AnyPayload) -> tuple[UUID, ...]:
    """The uploaded files that it names, in order."""
    if isinstance(payload, WithPictures):
        return payload.files
    file_id: UUID | None = getattr(payload, "file", None)
    return () if file_id is None else (file_id,)


def parse_payload(kind: Kind, body: dict[str, Any]) -> AnyPayload:
    """Validate a request's `input`. Raises pydantic.ValidationError; extra fields are refused."""
    return PAYLOADS.validate_python({**body, "kind": kind})
