"""The workspace: what was saved, what it holds, how full it is."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from producers.api import shapes
from producers.api.again import SecondLook
from producers.api.auth import TheDesk, UserId
from producers.api.downloads import download
from schemas.http import ProjectBody, ProjectDeleted, ProjectPage
from schemas.money import App
from schemas.times import Moment
from storage.projects import Filters

router = APIRouter(prefix="/v1/projects", tags=["projects"], route_class=SecondLook)

ENDINGS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "application/json": "json",
}


@router.get("")
async def list_projects(
    user_id: UserId,
    desk: TheDesk,
    app: App | None = None,
    type: Literal["text", "image", "ai_art", "video"] | None = None,  # noqa: A002 (the parameter's name)
    since: Moment | None = None,
    before: Moment | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ProjectPage:
    """Newest first; `before` the time of the last one seen pages on."""
    filters = Filters(app=app, type=type, since=since, before=before, limit=limit)
    found = await desk.projects.list(user_id, filters=filters)
    return ProjectPage(
        projects=tuple(shapes.project(one) for one in found),
        storage=shapes.storage(await desk.projects.storage(user_id)),
    )


@router.get("/{code}")
async def get_project(code: str, user_id: UserId, desk: TheDesk) -> ProjectBody:
    return shapes.project(await desk.projects.get(user_id, code))


@router.get("/{code}/content", response_class=Response)
async def get_content(code: str, user_id: UserId, desk: TheDesk) -> Response:
    project, data = await desk.projects.content(user_id, code)
    media_type = str(project.metadata.get("media_type", "text/plain"))
    ending = ENDINGS.get(media_type, "txt" if project.type == "text" else "bin")
    return download(data, media_type=media_type, name=f"{project.code}.{ending}")


@router.delete("/{code}")
async def delete_project(code: str, user_id: UserId, desk: TheDesk) -> ProjectDeleted:
    """Its bytes are free again at once."""
    return ProjectDeleted(code=code, freed_bytes=await desk.projects.delete(user_id, code))
