"""The sandbox's own side, `/_sandbox`: the witness (journal, calls) and the knobs (faults, limits)."""

from typing import Any

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ops.sandbox.dial import Rule
from ops.sandbox.limits import Limits
from ops.sandbox.tasks import Timing
from ops.sandbox.world import World

router = APIRouter(prefix="/_sandbox")
Json = dict[str, Any]


class WebhookKey(BaseModel):
    """The secret that callbacks are signed with from now on."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(min_length=1)


@router.get("/journal")
async def journal(request: Request) -> list[Json]:
    """Every order taken, oldest first."""
    purchases = _world(request).journal.all()
    return [one.model_dump(mode="json") for one in purchases]


@router.delete("/journal", status_code=204)
async def clear_journal(request: Request) -> Response:
    _world(request).journal.clear()
    return Response(status_code=204)


@router.get("/calls")
async def calls(request: Request) -> list[Json]:
    """Every request that came and callback that went, refused ones too, oldest first."""
    return _world(request).calls.shown()


@router.delete("/calls", status_code=204)
async def clear_calls(request: Request) -> Response:
    _world(request).calls.clear()
    return Response(status_code=204)


@router.get("/faults")
async def faults(request: Request) -> list[Json]:
    """The rules, each with how many requests it has seen and struck."""
    return _world(request).dial.shown()


@router.put("/faults")
async def set_faults(request: Request, rules: list[Rule]) -> list[Json]:
    """Replace all rules."""
    _world(request).dial.set(rules)
    return _world(request).dial.shown()


@router.delete("/faults", status_code=204)
async def clear_faults(request: Request) -> Response:
    _world(request).dial.set([])
    return Response(status_code=204)


@router.get("/limits")
async def limits(request: Request) -> Limits:
    return _world(request).limits


@router.put("/limits")
async def set_limits(request: Request, changes: Json = Body()) -> Response:  # noqa: B008 (FastAPI)
    """Change what is named, keep the rest."""
    world = _world(request)
    try:
        world.limits = Limits.model_validate(world.limits.model_dump() | changes)
    except ValidationError as error:
        return _wrong(error)
    return JSONResponse(world.limits.model_dump())


@router.get("/timing")
async def timing(request: Request) -> Timing:
    return _world(request).tasks.timing


@router.put("/timing")
async def set_timing(request: Request, changes: Json = Body()) -> Response:  # noqa: B008
    """Change what is named, keep the rest."""
    tasks = _world(request).tasks
    try:
        tasks.timing = Timing.model_validate(tasks.timing.model_dump() | changes)
    except ValidationError as error:
        return _wrong(error)
    return JSONResponse(tasks.timing.model_dump())


@router.put("/webhook-key", status_code=204)
async def set_webhook_key(request: Request, key: WebhookKey) -> Response:
    _world(request).callbacks.key = key.key
    return Response(status_code=204)


@router.post("/reset", status_code=204)
async def reset(request: Request) -> Response:
    """As new, the journal's file included."""
    await _world(request).reset()
    return Response(status_code=204)


def _world(request: Request) -> World:
    world: World = request.state.world
    return world


def _wrong(error: ValidationError) -> Response:
    detail = error.errors(include_url=False, include_context=False)
    return JSONResponse({"detail": detail}, 422)
