"""What is sent, message by message, within the limits of the Bot API: text, one file, or an album.

Sizes and proportions: sendPhoto, sendVideo, sendMediaGroup at core.telegram.org/bots/api.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from schemas.buttons import Rows
from schemas.results import Artifact
from schemas.speech import Html

How = Literal["photo", "video", "document"]

TEXT_MAX_UNITS: Final = 4_096
CAPTION_MAX_UNITS: Final = 1_024
ALBUM_MOST: Final = 10
PHOTO_MAX_BYTES: Final = 10_000_000
FILE_MAX_BYTES: Final = 50_000_000
PHOTO_SIDES_MAX: Final = 10_000
PHOTO_RATIO_MAX: Final = 20
_PHOTOS: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
_VIDEOS: Final = frozenset({"video/mp4"})


@dataclass(frozen=True, slots=True)
class Words:
    """A message of text. `html` has at most TEXT_MAX_UNITS once its tags are read."""

    html: str
    keyboard: Rows = ()


@dataclass(frozen=True, slots=True)
class File:
    """A message with one file; `load` gets its bytes when it is its turn."""

    how: How
    name: str
    size_bytes: int
    load: Callable[[], Awaitable[bytes]]
    caption: str = ""
    keyboard: Rows = ()
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None

    def as_document(self) -> "File":
        """For a picture or a video that Telegram does not take as one."""
        return replace(self, how="document")


@dataclass(frozen=True, slots=True)
class Album:
    """2 to 10 files shown together; the caption of the first is the caption of all."""

    files: tuple[File, ...]


Part = Words | File | Album


@dataclass(frozen=True, slots=True)
class Answer:
    """`editable`: a single text that the card of the job can turn into."""

    parts: tuple[Part, ...]

    @property
    def editable(self) -> bool:
        return len(self.parts) == 1 and isinstance(self.parts[0], Words)


def file_of(artifact: Artifact, load: Callable[[], Awaitable[bytes]]) -> File | None:
    """None for what is too large to be sent at all."""
    if artifact.size_bytes > FILE_MAX_BYTES:
        return None
    return File(
        how=_how(artifact),
        name=artifact.name,
        size_bytes=artifact.size_bytes,
        load=load,
        width=artifact.width,
        height=artifact.height,
        duration_s=artifact.duration_s,
    )


def grouped(files: Sequence[File], *, caption: str) -> list[File | Album]:
    """Files as albums of 2 to 10, none of which mixes documents with the rest; the first has the caption."""
    shown = [file for file in files if file.how != "document"]
    others = [file for file in files if file.how == "document"]
    groups: list[File | Album] = []
    for kind in (shown, others):
        for at in range(0, len(kind), ALBUM_MOST):
            chunk = kind[at : at + ALBUM_MOST]
            if not groups:
                chunk[0] = replace(chunk[0], caption=caption)
            groups.append(chunk[0] if len(chunk) == 1 else Album(tuple(chunk)))
    return groups


def units(text: str) -> int:
    """The length of a text as Telegram counts it, in UTF-16 units; of HTML, an upper bound."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shortened(text: str, *, most: int) -> str:
    """One line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def lines(*texts: str) -> Html:
    """Paragraphs that are not empty, one below the other."""
    return Html("\n".join(text for text in texts if text))


def _how(artifact: Artifact) -> How:
    if artifact.media_type in _VIDEOS:
        return "video"
    if artifact.media_type in _PHOTOS and artifact.size_bytes <= PHOTO_MAX_BYTES:
        width, height = artifact.width or 1, artifact.height or 1
        ratio = max(width, height) / max(1, min(width, height))
        if width + height <= PHOTO_SIDES_MAX and ratio <= PHOTO_RATIO_MAX:
            return "photo"
    return "document"
