"""What each kind of job gives back. Bytes live in blobs; a result names them with hash and size."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from schemas.jobs import Kind


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Artifact(Shape):
    """One file of a result. `key` is the blob's: the provider call's id and the file's number."""

    key: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


class Usage(Shape):
    """What the provider counted. `cost_usd_micros` is its own cost where it says one."""

    input_tokens: int = 0
    output_tokens: int = 0
    units: int = 0
    cost_usd_micros: int | None = None


class Result(Shape):
    version: Literal[1, 2] = 1
    provider: str
    model: str
    made_by: str
    """Who made it, in words for a person: `local provider (procedural, not a neural model)`."""
    usage: Usage = Usage()


class TextResult(Result):
    text: str
    changes: tuple[str, ...] = ()
    """What was changed and why, one short line each (improve only)."""
    notes: tuple[str, ...] = ()
    """What the maker could not do, said openly."""


class TextImproved(TextResult):
    """`prompt`: it is what a picture or a video is made from, and no text to be published; version 2."""

    kind: Literal[Kind.TEXT_IMPROVE] = Kind.TEXT_IMPROVE
    prompt: bool = Field(default=False, exclude_if=lambda prompt: not prompt)
    """Who reads results of version 1 refuses a field that he does not know, so it is left out there."""

    @model_validator(mode="after")
    def _is_of_its_version(self) -> "TextImproved":
        object.__setattr__(self, "version", 2 if self.prompt else 1)
        return self


class TextGenerated(TextResult):
    kind: Literal[Kind.TEXT_GENERATE] = Kind.TEXT_GENERATE


class ImageGenerated(Result):
    kind: Literal[Kind.IMAGE_GENERATE] = Kind.IMAGE_GENERATE
    prompt_used: str
    artifacts: tuple[Artifact, ...]


class ImageEdited(Result):
    kind: Literal[Kind.IMAGE_EDIT] = Kind.IMAGE_EDIT
    artifacts: tuple[Artifact, ...]


class Color(Shape):
    name: str
    hex: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    share: Annotated[float, Field(ge=0, le=1)]


class ImageAnalyzed(Result):
    """Facts that can be measured, not a pretended caption."""

    kind: Literal[Kind.IMAGE_ANALYZE] = Kind.IMAGE_ANALYZE
    width: int
    height: int
    format: str
    palette: tuple[Color, ...]
    brightness: Annotated[float, Field(ge=0, le=1)]
    sharpness: Annotated[float, Field(ge=0, le=1)]
    exif: dict[str, str] = {}
    text: str
    """The facts as sentences."""


class VideoGenerated(Result):
    kind: Literal[Kind.VIDEO_GENERATE] = Kind.VIDEO_GENERATE
    artifacts: tuple[Artifact, ...]


class FileProcessed(TextResult):
    kind: Literal[Kind.FILE_PROCESS] = Kind.FILE_PROCESS
    pages: int
    """Pages worked through: what is charged."""


class PostPublished(Result):
    kind: Literal[Kind.POST_PUBLISH] = Kind.POST_PUBLISH
    message_ref: str


AnyResult = Annotated[
    TextImproved
    | TextGenerated
    | ImageGenerated
    | ImageEdited
    | ImageAnalyzed
    | VideoGenerated
    | FileProcessed
    | PostPublished,
    Field(discriminator="kind"),
]
RESULTS: Final[TypeAdapter[AnyResult]] = TypeAdapter(AnyResult)


def parse_result(body: bytes | str | dict[str, Any]) -> AnyResult:
    """A stored result. Raises pydantic.ValidationError."""
    return RESULTS.validate_python(body) if isinstance(body, dict) else RESULTS.validate_json(body)


def artifacts_of(result: AnyResult) -> tuple[Artifact, ...]:
    match result:
        case ImageGenerated() | ImageEdited() | VideoGenerated():
            return result.artifacts
        case _:
            return ()
