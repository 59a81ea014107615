"""Where providers report that a task has ended. The path itself is the credential: it names one provider
call and carries our mark, so nobody else can guess it.

What is said there is not believed. It is an event, taken in before it is confirmed, that makes the job
look at its provider; a forged or repeated one costs a poll at most.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request

from ops.base.clock import unix_s
from producers.desk import Desk
from schemas.errors import Missing, NotAllowed
from storage.callbacks import PATH, task_of
from storage.signatures import Signatures

router = APIRouter(tags=["callbacks"], include_in_schema=False)

Provider = Annotated[str, Path(pattern="^[a-z0-9_]{1,40}$")]


@router.post(PATH + "/{provider}/{call_id}/{mark}")
async def receive(provider: Provider, call_id: UUID, mark: str, request: Request) -> dict[str, str]:
    """200 once it is a row; 404 for an address that we have not given out; 401 for a signature that does
    not fit, where we have the secret; 503 to be told again.
    """
    desk: Desk = request.app.state.desk
    if not desk.addresses.is_ours(provider, call_id, mark):
        raise Missing("not_found")
    body = await request.body()
    signatures = Signatures.of(desk.settings)
    if not signatures.fit(
        provider, headers=request.headers, body=body, task=task_of(body), now_s=unix_s()
    ):
        raise NotAllowed("unauthorized")
    await desk.callbacks.receive(provider, call_id, body)
    return {"status": "received"}
