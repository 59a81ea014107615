"""The bots of this build against the sandbox's Telegram, in the process of the test."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ops.base.nursery import Nursery
from ops.base.telegram import bots_of
from producers.bot.program import open_room, work
from producers.bot.room import Room
from producers.desk import Desk
from storage.crypto import PAYLOAD
from storage.pool import Database
from storage.telegram_budget import TelegramLimits, Window
from tests.e2e.processes import leyden
from tests.integration.edge import MASTER_KEY, settings_in
from tests.integration.sandbox_telegram import Play
from tests.support import wait_until

if TYPE_CHECKING:
    import subprocess

VIAIZER = "4242:AAE-viaizer-of-the-tests"
TEXT_AI = "4343:AAE-text-ai-of-the-tests"
BOT = 4242
"""The number of the first bot: viAIzer."""
BOTH = f"viaizer:{VIAIZER},text_ai:{TEXT_AI}"

FAST = TelegramLimits(bot_per_s=5_000, bot_burst=100, chat=Window(1_000, 1, 1.0))
"""For a sandbox whose own limits are off."""


@dataclass(slots=True)
class Running:
    play: Play
    desk: Desk
    room: Room
    owner: Database
    stop: asyncio.Event

    async def jobs(self, where: str = "true") -> list[dict[str, Any]]:
        rows = await self.owner.fetch(f"select * from work.job where {where} order by id")
        return [dict(row) for row in rows]

    async def wait_jobs(
        self, count: int, where: str = "true", *, timeout_s: float = 20
    ) -> list[dict[str, Any]]:
        async def there() -> bool:
            found = await self.owner.fetchval(f"select count(*) from work.job where {where}")
            return int(found) >= count

        await wait_until(there, timeout_s, f"{count} jobs")
        return await self.jobs(where)

    async def payload(self, job_id: UUID) -> dict[str, Any]:
        """What a job was asked to do, opened with its person's key."""
        row = await self.owner.one("select user_id, payload from work.job where id = $1", job_id)
        key = await self.desk.keys.of(row["user_id"])
        told: dict[str, Any] = json.loads(key.decrypt(row["payload"], purpose=PAYLOAD))
        return told

    async def idle(self, timeout_s: float = 30) -> None:
        """No update is open."""

        async def done() -> bool:
            left = await self.owner.fetchval(
                "select count(*) from app.inbox where handled_at is null"
            )
            return bool(left == 0)

        await wait_until(done, timeout_s, "every update is handled")

    async def said(self, person: int, bot: int = 4242) -> list[dict[str, Any]]:
        """What the bot has said to this person, oldest first."""
        return await self.play.messages(bot=bot, person=person, by_bots=True)

    async def hears(self, person: int, words: str, bot: int = 4242) -> dict[str, Any]:
        """Waits for a message of the bot's that holds these words; the newest of them."""

        async def look() -> list[dict[str, Any]]:
            return [one for one in await self.said(person, bot) if words in text_of(one)]

        found: list[dict[str, Any]] = await wait_until(look, 20, f"the bot says {words!r}")
        return found[-1]


def text_of(message: dict[str, Any]) -> str:
    return str(message.get("text") or message.get("caption") or "")


def labels_of(message: dict[str, Any]) -> list[str]:
    rows = (message.get("reply_markup") or {}).get("inline_keyboard", [])
    return [key["text"] for row in rows for key in row]


@asynccontextmanager
async def running(
    play: Play,
    dsn: str,
    redis_url: str,
    folder: Path,
    *,
    processes: int = 1,
    limits: TelegramLimits = FAST,
    **changed: Any,
) -> AsyncIterator[Running]:
    """Both bots on long polling, without workers, until the block ends. Nobody waits for Telegram's
    limits here: the tests of the flood do that.
    """
    await play.put("limits", {"enabled": False})
    told: dict[str, Any] = {
        "telegram_bots": BOTH,
        "telegram_base_url": play.url,
        "lease_s": 3.0,
        "database_pool_size": 4,  # each of them learns the catalog anew, in every test
        "database_url": dsn,
        "redis_url": redis_url,
    } | changed
    settings = settings_in(folder, **told)
    desk = await Desk.open(settings, database_url=dsn, redis_url=redis_url, master_key=MASTER_KEY)
    owner = await Database.open(dsn, size=2, role=None)
    stop = asyncio.Event()
    for token in (VIAIZER, TEXT_AI):  # the sandbox makes a bot when its token is first used
        await play.call("getMe", token)
    try:
        accounts = bots_of(settings)
        async with open_room(desk, accounts, limits=limits) as room, Nursery("tests") as nursery:
            tasks = {
                nursery.start_task(work(room, stop, master_key=MASTER_KEY), name="bots")
                for _ in range(processes)
            }
            yield Running(play, desk, room, owner, stop)
            stop.set()
            done, _ = await asyncio.wait(tasks, timeout=60)
            assert done == tasks
            for task in tasks:
                task.result()
    finally:
        await owner.close()
        await desk.close()


async def cli(bots: Running, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """`leyden` with these words, on the stores and bots of this test."""
    settings = bots.room.settings
    told = {
        "LEYDEN_DATABASE_URL": str(settings.database_url),
        "LEYDEN_REDIS_URL": str(settings.redis_url),
        "LEYDEN_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "LEYDEN_TELEGRAM_BOTS": BOTH,
        "LEYDEN_TELEGRAM_BASE_URL": bots.play.url,
    }
    return await asyncio.to_thread(lambda: leyden(folder, *words, **told))


async def person(bots: Running, **facts: object) -> tuple[int, int]:
    """Somebody new who has said hello: the number at Telegram, and ours."""
    who = int((await bots.play.do("people", **facts))["id"])
    await say(bots, who, "/start")
    user_id = await wait_until(lambda: bots.desk.users.find("telegram", str(who)), 20, "an account")
    assert user_id is not None
    return who, user_id


async def quiet(bots: Running) -> None:
    """Everything that Telegram knew to tell has been told and handled."""
    pending = bots.play.world.updates.pending
    await wait_until(lambda: not pending(BOT) and not pending(4343), 30, "all is told")
    await bots.idle()


async def say(bots: Running, who: int, text: str) -> None:
    await bots.play.do("say", person=who, bot=BOT, text=text)


async def press(bots: Running, who: int, message: dict[str, Any], label: str, **more: Any) -> Any:
    found = next(one for one in labels_of(message) if label in one)
    return await bots.play.do(
        "press", person=who, bot=BOT, message_id=message["message_id"], label=found, **more
    )


async def press_and_wait(bots: Running, who: int, message: dict[str, Any], label: str) -> Any:
    """What the bot says over the button."""
    found = next(one for one in labels_of(message) if label in one)
    return await bots.play.do(
        "press", person=who, bot=BOT, message_id=message["message_id"], label=found, wait=True
    )
