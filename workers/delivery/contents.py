"""What a post holds: its own text, or that of a project or a result, and the files that belong to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from schemas.errors import Missing
from schemas.payloads import PostPublish
from schemas.results import AnyResult, Artifact, TextResult, artifacts_of
from storage.files import Files
from storage.inspect import FileFacts
from storage.projects import Project, Projects
from storage.results import Results
from workers.delivery.letters import fits_caption
from workers.delivery.markup import long_pieces
from workers.delivery.parts import Album, File, Part, Words, file_of, grouped

PREVIEW_TYPE: Final = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Content:
    """`text` is Markdown. `found`: it was not written for this post, so nobody has judged it as one."""

    text: str
    files: tuple[File, ...] = ()
    found: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything is the owner's: another person's project, job or file is as missing as none."""

    results: Results
    projects: Projects
    files: Files

    async def of(self, payload: PostPublish, user_id: int) -> Content:
        """Raises Missing `post_empty` when nothing of it can be read any more, `file_not_found`."""
        content = Content("")
        if payload.project is not None:
            content = await self._project(user_id, payload.project)
        elif payload.job is not None:
            content = await self._job(user_id, payload.job)
        if payload.text:
            content = Content(payload.text, content.files, content.found)
        own = [await self._own(user_id, file_id) for file_id in payload.files]
        content = replace(content, files=(*own, *content.files))
        if not content.text.strip() and not content.files:
            raise Missing("post_empty")
        return content

    async def picture(self, user_id: int, file_id: UUID) -> bytes:
        """Of the person's own. Raises Missing `file_not_found`."""
        return (await self.files.load(user_id, file_id))[1]

    async def _own(self, user_id: int, file_id: UUID) -> File:
        """A picture that the person has sent for it. Raises Missing `file_not_found`."""
        stored = await self.files.get(user_id, file_id)

        async def load() -> bytes:
            return await self.picture(user_id, file_id)

        made = file_of(_as_artifact(stored.facts), load)
        if made is None:
            raise Missing("file_not_found")
        return made

    async def _job(self, user_id: int, job_id: UUID) -> Content:
        view = await self.results.get(user_id, job_id)
        if view.result is None:
            raise Missing("post_empty")
        artifacts = artifacts_of(view.result)
        files = [self._file(user_id, job_id, n, each) for n, each in enumerate(artifacts)]
        return Content(_text(view.result), tuple(file for file in files if file), found=True)

    async def _project(self, user_id: int, code: str) -> Content:
        """Its files as they were made, while they are kept; then the smaller ones of the workspace."""
        project, body = await self.projects.content(user_id, code)
        if project.type == "text":
            return Content(body.decode(), found=True)
        if project.job_id is not None:
            try:
                whole = await self._job(user_id, project.job_id)
            except Missing:
                whole = Content("")
            if whole.files:
                return whole
        return Content("", (_preview(project, body),), found=True)

    def _file(self, user_id: int, job_id: UUID, number: int, artifact: Artifact) -> File | None:
        async def load() -> bytes:
            return (await self.results.artifact(user_id, job_id, number))[1]

        return file_of(artifact, load)


async def post_parts(content: Content) -> tuple[Part, ...]:
    """The messages of a post. A text that is too long for a caption follows its files."""
    texts = await long_pieces(content.text) if content.text.strip() else ()
    if not content.files:
        return tuple(Words(text) for text in texts)
    if len(texts) <= 1 and all(fits_caption(text) for text in texts):
        return tuple(grouped(content.files, caption="".join(texts)))
    files: Sequence[File | Album] = grouped(content.files, caption="")
    return (*files, *(Words(text) for text in texts))


def _text(result: AnyResult) -> str:
    return result.text if isinstance(result, TextResult) else ""


def _as_artifact(facts: FileFacts) -> Artifact:
    return Artifact(
        key="",
        name=f"picture.{facts.media_type.rpartition('/')[2]}",
        media_type=facts.media_type,
        size_bytes=facts.size_bytes,
        sha256="",
        width=facts.width,
        height=facts.height,
    )


def _preview(project: Project, body: bytes) -> File:
    async def load() -> bytes:
        return body

    media_type = str(project.metadata.get("media_type", PREVIEW_TYPE))
    suffix = media_type.rpartition("/")[2]
    artifact = Artifact(
        key="",
        name=f"{project.code}.{suffix}",
        media_type=media_type,
        size_bytes=len(body),
        sha256="",
    )
    made = file_of(artifact, load)
    assert made is not None  # noqa: S101 (what fits a workspace fits a message)
    return made
