"""Jobs: ask for one, look at it, fetch what it made, cancel it, read its receipt."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from producers.api import shapes
from producers.api.again import SecondLook
from producers.api.auth import TheDesk, UserId
from producers.api.downloads import download
from producers.api.problems import reader_language
from producers.request import SubmitRequest
from schemas.errors import Missing
from schemas.http import Cancelled, JobAccepted, JobDetail, JobPage, JobRequest, ReceiptBody
from schemas.jobs import Kind, State
from storage.results import JobFilters

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=SecondLook)

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key")]


def parse_id(text: str) -> UUID:
    """What is no id is as missing as an id of nobody's. Raises Missing."""
    try:
        return UUID(text)
    except ValueError as error:
        raise Missing("not_found") from error


@router.post("", status_code=202)
async def submit(
    body: JobRequest,
    request: Request,
    response: Response,
    user_id: UserId,
    desk: TheDesk,
    key: IdempotencyKey = None,
) -> JobAccepted:
    """202: accepted. 200: this key was accepted before, this is its job. 409: with another body."""
    wish = SubmitRequest(
        user_id=user_id,
        app=body.app,
        kind=body.kind,
        input=body.input,
        key=key,
        run_at=body.run_at,
        trace=request.state.trace,
    )
    job = await desk.intake.submit(wish)
    response.headers["Location"] = shapes.job_path(job.job_id)
    if job.replayed:
        response.status_code = 200
    return shapes.accepted(job)


@router.get("")
async def list_jobs(
    request: Request,
    user_id: UserId,
    desk: TheDesk,
    state: Annotated[list[State] | None, Query()] = None,
    kind: Kind | None = None,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> JobPage:
    """Newest first, without results."""
    filters = JobFilters(before=before, states=tuple(state or ()), kind=kind, limit=limit)
    views = await desk.results.list(user_id, filters=filters)
    language = reader_language(request)
    return JobPage(
        jobs=tuple(shapes.summary(view, language) for view in views),
        next=views[-1].id if len(views) == limit else None,
    )


@router.get("/{job_id}")
async def get_job(job_id: str, request: Request, user_id: UserId, desk: TheDesk) -> JobDetail:
    view = await desk.results.get(user_id, parse_id(job_id))
    return shapes.detail(view, reader_language(request))


@router.post("/{job_id}/cancel")
async def cancel_job(job_id: str, user_id: UserId, desk: TheDesk) -> Cancelled:
    """409 `too_late` when the job has ended otherwise."""
    known = parse_id(job_id)
    return Cancelled(id=known, cancel=await desk.intake.cancel(user_id, known))


@router.get("/{job_id}/artifacts/{number}", response_class=Response)
async def get_artifact(job_id: str, number: int, user_id: UserId, desk: TheDesk) -> Response:
    artifact, data = await desk.results.artifact(user_id, parse_id(job_id), number)
    return download(data, media_type=artifact.media_type, name=artifact.name)


@router.get("/{job_id}/receipt")
async def get_receipt(job_id: str, request: Request, user_id: UserId, desk: TheDesk) -> ReceiptBody:
    """What was quoted, held, charged and returned, and why."""
    receipt = await desk.receipts.of_job(parse_id(job_id), user_id=user_id)
    return shapes.receipt(receipt, reader_language(request))
