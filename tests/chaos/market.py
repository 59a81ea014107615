"""A ring whose workers buy at the sandbox, and what the two books say about one job afterwards."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uvicorn
from pydantic import SecretStr

from ops.sandbox import Sandbox
from producers.api.app import build_app
from producers.desk import Desk
from schemas.ids import derive_id
from schemas.jobs import LANE_OF_KIND, Kind, Lane, Priority, stream_number
from schemas.payloads import TextGenerate, TextImprove, VideoGenerate
from storage.blobs import Blobs
from storage.crypto import PAYLOAD
from storage.files import Files
from storage.inspect import inspect_bytes
from tests.ring import CREDIT, MASTER_KEY, Ring, Worker

LANES = (Lane.TEXT, Lane.VIDEO)
FILM = VideoGenerate(prompt="a night city in the rain", seconds=4, model="kling-3.0")
PRICE = 5 * CREDIT


@dataclass
class Market:
    ring: Ring
    sandbox: Sandbox

    @classmethod
    def open(cls, ring: Ring, sandbox: Sandbox, *, public_url: str | None = None) -> "Market":
        """Keys for all three providers, which are the sandbox."""
        ring.settings = ring.settings.model_copy(
            update={
                "openai_base_url": sandbox.openai_url,
                "openai_api_key": SecretStr("any"),
                "openrouter_base_url": sandbox.openrouter_url,
                "openrouter_api_key": SecretStr("any"),
                "kie_base_url": sandbox.kie_url,
                "kie_upload_base_url": sandbox.kie_url,
                "kie_api_key": SecretStr("any"),
                "public_url": public_url,
            }
        )
        return cls(ring, sandbox)

    async def worker(self, **options: Any) -> Worker:
        options = {"lanes": LANES, "module": "tests.chaos.shop", **options}
        return await Worker.start(self.ring, **options)

    async def submit(
        self, user_id: int, payload: VideoGenerate | TextGenerate | TextImprove, **changes: Any
    ) -> UUID:
        ring = self.ring
        key = await ring.keys.of(user_id)
        body = payload.model_dump_json().encode()
        kind = Kind(payload.kind)
        options: dict[str, Any] = {"price_units": PRICE, "max_tries": 5, **changes}
        made = await ring.new_job(user_id, "bought", **options)
        job = made._replace(
            kind=kind.value,
            stream=stream_number(LANE_OF_KIND[kind], Priority.NORMAL),
            payload=key.encrypt(body, purpose=PAYLOAD),
            body_hash=derive_id(body.decode()),
        )
        answer = await ring.jobs.submit(job)
        assert answer.code == "ok", answer.code
        await ring.wake(answer)
        return job.id

    async def upload(self, user_id: int, data: bytes) -> UUID:
        """A file of this person, as the desk keeps it."""
        blobs = Blobs.open(str(self.ring.settings.blob_url))
        files = Files(self.ring.db, self.ring.keys, blobs)
        return (await files.add(user_id, data, facts=inspect_bytes(data))).id

    async def orders(self) -> list[dict[str, Any]]:
        """The witness: what was sold."""
        return await asyncio.to_thread(self.sandbox.journal)

    async def calls(self, job_id: UUID) -> list[dict[str, Any]]:
        """Our own journal."""
        rows = await self.ring.owner.fetch(
            "select * from work.provider_call where job_id = $1 order by intent_at", job_id
        )
        return [dict(row) for row in rows]

    async def deliveries(self, job_id: UUID) -> int:
        count = await self.ring.owner.fetchval(
            "select count(*) from work.delivery where job_id = $1", job_id
        )
        return int(count)


@asynccontextmanager
async def callbacks_heard(ring: Ring) -> AsyncIterator[str]:
    """The API on a port of its own; answers its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    assert ring.settings.database_url
    assert ring.settings.redis_url
    desk = await Desk.open(
        ring.settings,
        database_url=ring.settings.database_url,
        redis_url=ring.settings.redis_url,
        master_key=MASTER_KEY,
    )
    app = build_app(desk, key="k" * 32)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        await desk.close()
        listener.close()
