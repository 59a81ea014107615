"""Where Telegram brings updates in webhook mode. An update is a row before it is confirmed.

It is handled elsewhere, by the processes of `leyden bot`: nothing of it is judged here.
"""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from producers.desk import Desk
from producers.updates import PATH, SECRET_HEADER
from schemas.errors import NotAllowed

router = APIRouter(tags=["telegram"], include_in_schema=False)


@router.post(PATH + "/{bot_id}", response_class=Response)
async def receive(
    bot_id: int, request: Request, secret: Annotated[str, Header(alias=SECRET_HEADER)] = ""
) -> Response:
    """200 once it is a row; 401 without the secret, for a bot that is not ours too; 503: again."""
    desk: Desk = request.app.state.desk
    if not desk.door.admits(bot_id, secret):
        raise NotAllowed("unauthorized")
    await desk.door.receive(bot_id, await request.body())
    return Response(status_code=200)
