"""The Bot API on the wire: `/bot<token>/<method>` and `/file/bot<token>/<path>`."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ops.base.clock import unix_s
from ops.base.logs import get_logger
from ops.sandbox import line
from ops.sandbox.faults import Faults
from ops.sandbox.telegram import params
from ops.sandbox.telegram.calls import BotCall
from ops.sandbox.telegram.dial import Occasion
from ops.sandbox.telegram.faults import named
from ops.sandbox.telegram.methods.catalogue import method_named
from ops.sandbox.telegram.played import Played
from ops.sandbox.telegram.records import Bot
from ops.sandbox.telegram.refusals import BotApiRefusal, bad_request, forbidden, too_many
from ops.sandbox.telegram.visit import Visit
from ops.sandbox.telegram.world import TelegramWorld

log = get_logger(__name__)

FAULT_HEADER: Final = "x-sandbox-fault"
_PAGE: Final = b"<!doctype html><html><head><title>502 Bad Gateway</title></head></html>"
_TOO_MANY: Final = 429


router = APIRouter(include_in_schema=False)


@router.api_route("/bot{token}/{name}", methods=["GET", "POST"])
async def call(token: str, name: str, request: Request, world: Played) -> Response:
    bot = world.bot_of(token)
    if bot is None:
        return _answer(BotApiRefusal(401, "Unauthorized"))
    return await _Counter(world, bot, request).serve(name)


@router.get("/file/bot{token}/{path:path}")
async def download(token: str, path: str, world: Played) -> Response:
    file = world.files.at(path) if world.bot_of(token) is not None else None
    if file is None:
        return _answer(BotApiRefusal(404, "Not Found"))
    return FileResponse(world.files.place(file), media_type="application/octet-stream")


class _Counter:
    """One request: it is logged, meets its faults, runs, and is answered or not."""

    def __init__(self, world: TelegramWorld, bot: Bot, request: Request) -> None:
        self._world = world
        self._bot = bot
        self._request = request
        self._faults = Faults()

    async def serve(self, name: str) -> Response:
        try:
            sent = await params.read(self._request)
        except BotApiRefusal as refusal:
            return _answer(refusal)
        shown = sent.fields | {part: f"{len(one.data)} bytes" for part, one in sent.files.items()}
        call = self._world.calls.add(at=unix_s(), bot=self._bot.id, method=name, params=shown)
        call.too_early = self._world.calls.is_too_early(call)
        try:
            self._faults = self._struck(name, sent)
            call.faults = self._faults.told()
            await self._before()
            body = await self._run(name, sent, call)
            status = 200
        except BotApiRefusal as refusal:
            body, status = refusal.body(), refusal.status
            call.error = refusal.description
            self._note_pause(call, refusal)
        finally:
            call.applied = list(self._faults.applied)
        call.status = status
        response = await self._after(JSONResponse(body, status), call)
        call.applied = list(self._faults.applied)
        return response

    async def _run(self, name: str, sent: params.Sent, call: BotCall) -> dict[str, Any]:
        method = method_named(name)
        if method is None:
            raise BotApiRefusal(404, "Not Found: method not found")
        visit = Visit(self._world, self._bot, call, sent.files)
        result = await method.run(visit, params.parse(method.params, sent.fields))
        return {"ok": True, "result": result}

    def _struck(self, name: str, sent: params.Sent) -> Faults:
        text = str(sent.fields.get("text") or sent.fields.get("caption") or "")
        chat_id = str(sent.fields.get("chat_id", ""))
        occasion = Occasion(self._bot.id, name, chat_id, text)
        asked = self._request.headers.get(FAULT_HEADER, "")
        try:
            own = [named(part) for part in asked.split(",") if part.strip()]
        except ValueError as error:
            raise bad_request(f"sandbox: {error}") from None
        return Faults([*self._world.dial.strike(occasion), *own])

    async def _before(self) -> None:
        """Nothing has happened yet. Raises BotApiRefusal, or never returns."""
        faults = self._faults
        if (wait_s := faults.take_number("latency")) is not None:
            await asyncio.sleep(wait_s)
        if faults.take_as("hang", "before"):
            await line.left(self._request.receive)
        if faults.take("reset") is not None:
            line.reset(self._request.scope)
            raise BotApiRefusal(499, "the connection was reset")
        if (status := faults.take("server_error")) is not None:
            raise BotApiRefusal(int(status), "Bad Gateway")
        if faults.take("restarting") is not None:
            raise BotApiRefusal(500, "Internal Server Error: restart")
        if (retry_after := faults.take("rate_limited")) is not None:
            raise too_many(int(retry_after))
        if faults.take("blocked") is not None:
            raise forbidden("bot was blocked by the user")
        if faults.take("parse_error") is not None:
            raise bad_request("can't parse entities: Can't find end of the entity")

    async def _after(self, response: JSONResponse, call: BotCall) -> Response:
        """It is done, whatever the bot gets to see of it."""
        faults = self._faults
        if (wait_s := faults.take_number("reply_slow")) is not None:
            await asyncio.sleep(wait_s)
        if faults.take_as("hang", "after"):
            call.status = 0
            await line.left(self._request.receive)
        if faults.take("reply_lost") is not None:
            call.status = 0
            line.reset(self._request.scope)
        if faults.take("garbage") is not None:
            return Response(_PAGE, media_type="text/html")
        if faults.take("truncated_json") is not None:
            body = bytes(response.body)
            return Response(body[: len(body) // 2], media_type="application/json")
        if (status := faults.take("error_after")) is not None:
            return _answer(BotApiRefusal(int(status), "Bad Gateway"))
        return response

    def _note_pause(self, call: BotCall, refusal: BotApiRefusal) -> None:
        if refusal.status == _TOO_MANY:
            self._world.calls.pause(call, unix_s() + refusal.parameters["retry_after"])


def _answer(refusal: BotApiRefusal) -> Response:
    return JSONResponse(refusal.body(), refusal.status)
