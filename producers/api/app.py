"""The FastAPI application: routes, guards and errors put together around one desk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from ops.base import metrics
from ops.base.health import Health
from ops.base.nursery import Nursery
from producers.api import callbacks, files, health, jobs, problems, projects, telegram, wallet
from producers.api.auth import Gate
from producers.api.guards import BodyCap, Watch
from producers.desk import Desk


def build_app(desk: Desk, *, key: str, checks: Health | None = None) -> FastAPI:
    """`key` is the development key. The app does not own the desk: who opened it closes it."""
    app = FastAPI(
        title="Leyden",
        version=version("leyden"),
        summary="AI jobs for four apps that share one wallet and one workspace.",
        lifespan=_lifespan,
    )
    app.state.desk = desk
    app.state.gate = Gate(desk.users, key=key, host=desk.settings.host)
    app.state.health = checks or Health()
    app.state.health.add("postgres", lambda: desk.db.fetchval("select 1"))
    app.state.health.add("disk", desk.space.check)
    for part in (jobs, files, wallet, projects, callbacks, telegram, health):
        app.include_router(part.router)
    problems.install(app)
    app.add_middleware(
        BodyCap,
        json_max_bytes=desk.settings.payload_max_bytes,
        upload_max_bytes=desk.settings.upload_max_bytes,
    )
    app.add_middleware(Watch)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    metrics.build_info.labels(version=app.version).set(1)
    async with Nursery("api") as nursery:
        nursery.start(metrics.sample_loop_lag(), name="loop-lag")
        yield
