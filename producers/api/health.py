"""For balancers and Prometheus: no key, no private content."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ops.base import metrics
from ops.base.health import Health
from storage.queue import REDIS_TROUBLE, Queue

router = APIRouter(tags=["health"])

LOOK_S: Final = 0.3
"""A Redis that hangs must not make the answer so late that a balancer counts it as none."""


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process turns. A store that is down does not make it restart."""
    return {"status": "ok"}


@router.get("/readyz", response_class=JSONResponse)
async def readyz(request: Request) -> JSONResponse:
    """200: send requests. 503: Postgres does not answer, the files' disk is full, or we drain.

    Redis is shown and not asked: jobs are accepted without it.
    """
    health: Health = request.app.state.health
    verdict = await health.ready()
    redis = await _redis(request.app.state.desk.queue)
    body = {
        "status": "ok" if verdict.ok else "unready",
        "checks": verdict.checks,
        "informational": {"redis": redis},
    }
    return JSONResponse(body, status_code=200 if verdict.ok else 503)


@router.get("/metrics", response_class=Response)
async def show_metrics() -> Response:
    body, media_type = metrics.render()
    return Response(body, headers={"Content-Type": media_type})


async def _redis(queue: Queue) -> str:
    try:
        async with asyncio.timeout(LOOK_S):
            await queue.raw("PING")
    except REDIS_TROUBLE as error:
        return type(error).__name__
    return "ok"
