"""What every request to a provider passes: it is logged, meets its faults, and is answered or not."""

import asyncio
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ops.base.clock import unix_s
from ops.sandbox import line, spoil
from ops.sandbox.calls import Call
from ops.sandbox.denials import denial, pause_s
from ops.sandbox.faults import FAULTS, Fault, Faults, parse
from ops.sandbox.operations import Place, Provider, place_of
from ops.sandbox.question import Question, read_body, read_question, replay
from ops.sandbox.world import World

HEADER: Final = "x-sandbox-fault"


class Gate:
    """ASGI middleware. What is not a provider's path goes through untouched."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = place_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if place is None:
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return
        question = await read_question(scope, body, place)
        try:
            asked = _asked_for(scope, place)
        except ValueError as error:  # a fault that cannot strike must not look as if it had
            await _send(JSONResponse({"sandbox": str(error)}, 400), scope, receive, send)
            return
        faults = Faults([*self._world.dial.strike(question), *asked])
        call = self._world.log(question, faults)
        visit = Visit(self._app, self._world, question, faults, call)
        await visit.run(scope, replay(body, receive), send)


class Visit:
    """One request on its way."""

    def __init__(
        self, app: ASGIApp, world: World, question: Question, faults: Faults, call: Call
    ) -> None:
        self._app = app
        self._world = world
        self._question = question
        self._faults = faults
        self._call = call

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] |= {
            "question": self._question,
            "faults": self._faults,
            "call": self._call,
        }
        await self._before(scope, receive, send)

    async def _before(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nothing is bought yet."""
        faults = self._faults
        if (wait_s := faults.take_number("latency")) is not None:
            await asyncio.sleep(wait_s)
        if faults.take_as("reset", "before"):
            line.reset(scope)
            await line.left(receive)
        elif faults.take_as("hang", "before"):
            await line.left(receive)
        elif (response := denial(self._question.place, faults)) is not None:
            self._note_pause(response)
            await _send(response, scope, receive, self._watched(send))
        else:
            await self._order(scope, receive, send)

    async def _order(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The provider answers; what it sells is in the journal before its answer gets here."""
        if not spoil.is_spoiled(self._faults):
            await self._app(scope, receive, self._watched(send))
            return
        answer = spoil.Answer()
        await self._app(scope, receive, answer.take)
        if self._faults.take_as("reset", "after"):
            line.reset(scope)
            await line.left(receive)
        elif self._faults.take_as("hang", "after"):
            await line.left(receive)
        elif self._faults.take_as("reset", "mid"):
            await answer.send_half(self._watched(send))
            line.cut(scope)
            await line.left(receive)
        else:
            await answer.send_spoiled(self._faults, self._watched(send))

    def _note_pause(self, response: Response) -> None:
        wait_s = pause_s(response)
        if "x-sandbox-pause" in response.headers:
            del response.headers["x-sandbox-pause"]
        if wait_s:
            until = unix_s() + wait_s
            self._world.calls.pause(self._question.key, self._question.path, until)

    def _watched(self, send: Send) -> Send:
        async def watching(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._call.status = message["status"]
                _sign(message, self._question.place.provider)
            await send(message)

        return watching


def _asked_for(scope: Scope, place: Place) -> list[Fault]:
    """The faults of the request's own header. Raises ValueError for what cannot strike here."""
    asked = parse(Headers(scope=scope).get(HEADER, ""))
    for fault in asked:
        if place.operation not in FAULTS[fault.name].where:
            msg = f"the fault {fault.name} has no meaning for {place.operation.value}"
            raise ValueError(msg)
    return asked


def _sign(message: Message, provider: Provider) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Sandbox"] = "nothing here is a real provider"
    if provider is Provider.OPENAI:
        headers["X-Request-Id"] = f"req_{uuid4().hex}"


async def _send(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    await response(scope, receive, send)
