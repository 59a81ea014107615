"""The bots in webhook mode: the API takes updates in, the processes of the bots handle them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from ops.base.nursery import Nursery
from producers.api.app import build_app
from tests.integration.bots import BOT, BOTH, VIAIZER, Running, person, running, say
from tests.integration.edge import desk_on
from tests.integration.sandbox_telegram import Play, playing
from tests.support import wait_until

WEBHOOK = {"telegram_mode": "webhook"}


@asynccontextmanager
async def api(dsn: str, redis_url: str, folder: Path) -> AsyncIterator[str]:
    """The real application on a socket; its address."""
    async with desk_on(dsn, redis_url, folder, telegram_bots=BOTH) as desk:
        config = uvicorn.Config(build_app(desk, key="k"), port=0, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        async with Nursery("tests") as nursery:
            task = nursery.start_task(server.serve(), name="api")
            await wait_until(lambda: server.started or task.done(), 10, "the API is up")
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            server.should_exit = server.force_exit = True
            await asyncio.wait({task}, timeout=5)


async def test_updates_come_by_webhook_and_are_handled_once(
    dsn: str, redis_url: str, tmp_path: Path
) -> None:
    """Two processes begin while Telegram asks for a pause; a wrong secret lets nothing in."""
    async with playing() as play, api(dsn, redis_url, tmp_path) as url:
        late = {"match": {"method": "setWebhook"}, "fault": "rate_limited=1", "times": 3}
        await play.put("faults", [late])
        more: dict[str, Any] = {**WEBHOOK, "public_url": url, "processes": 2}
        async with running(play, dsn, redis_url, tmp_path, **more) as bots:
            ann, _ = await person(bots)

            async def all_have_said_so() -> bool:
                return await answered(play, "setWebhook", 200) == 4

            await wait_until(all_have_said_so, 20, "both processes have, of both bots")
            assert await answered(play, "setWebhook", 429) == 3
            await once(bots, ann)
            await spoiled(bots, ann)
            await wrong_secret(bots, ann, url)


async def once(bots: Running, ann: int) -> None:
    await bots.play.put("faults", [{"fault": "duplicate_update", "times": 1}])
    await say(bots, ann, "/image a boat")
    await bots.wait_jobs(1)
    await wait_until(lambda: not bots.play.world.updates.pending(BOT), 20, "all is told")
    await bots.idle()
    assert len(await bots.jobs()) == 1
    assert (
        await bots.owner.fetchval("select count(*) from app.inbox where outcome = 'handled'") == 2
    )


async def spoiled(bots: Running, ann: int) -> None:
    """One that nobody can read is confirmed, set aside, and holds nobody up."""
    await bots.play.do("updates", bot=BOT, body={"message": {"date": "yesterday"}})
    await say(bots, ann, "/image a second boat")
    await bots.wait_jobs(2)
    await wait_until(bots.desk.updates.aside, 20, "it is set aside")
    assert not bots.play.world.updates.pending(BOT)


async def wrong_secret(bots: Running, ann: int, url: str) -> None:
    """What does not know the secret is refused until it does, and nothing of it is lost."""
    world = bots.play.world
    bot = world.bots.get(BOT)
    assert bot is not None
    assert bot.webhook is not None
    right = bot.webhook.secret_token
    assert right
    where = f"{url}/telegram/{BOT}"
    await bots.play.call("setWebhook", VIAIZER, url=where, secret_token="not-this")
    await say(bots, ann, "/image a third boat")

    async def told_off() -> bool:
        info = (await bots.play.call("getWebhookInfo", VIAIZER))["result"]
        return "401" in str(info.get("last_error_message"))

    await wait_until(told_off, 20, "it is refused")
    assert len(await bots.jobs()) == 2
    await bots.play.call("setWebhook", VIAIZER, url=where, secret_token=right)
    await bots.wait_jobs(3)


async def answered(play: Play, method: str, status: int) -> int:
    return sum(call["status"] == status for call in await play.calls(method=method))
