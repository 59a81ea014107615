"""Webhooks: every update is posted until the bot's server answers 2xx, at most for 24 hours."""

import asyncio
import contextlib
from typing import Final

import httpx

from ops.base.clock import unix_s
from ops.base.logs import get_logger
from ops.base.nursery import Nursery
from ops.base.trust import authorities
from ops.sandbox.telegram.records import Bot, Update, Webhook
from ops.sandbox.telegram.shelf import Shelf
from ops.sandbox.telegram.updates import Updates, as_wire

log = get_logger(__name__)

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (the name of a header)
PATIENCE_S: Final = 60.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
LOOK_S: Final = 5.0
ACCEPTED: Final = range(200, 300)


class Webhooks:
    """One courier for each bot that has a webhook."""

    def __init__(self, bots: Shelf[Bot], updates: Updates, nursery: Nursery) -> None:
        self._bots = bots
        self._updates = updates
        self._nursery = nursery
        self._couriers: dict[int, Courier] = {}
        self._client: httpx.AsyncClient | None = None

    def resume(self) -> None:
        """Go on for every bot that had a webhook when the sandbox ended."""
        for bot in self._bots:
            if bot.webhook is not None:
                self.start(bot)

    def start(self, bot: Bot) -> None:
        """The bot has a webhook now, or another one."""
        self.stop(bot)
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=authorities(), timeout=PATIENCE_S, trust_env=False
            )
        courier = Courier(bot, self._bots, self._updates, self._nursery, self._client)
        self._couriers[bot.id] = courier
        self._nursery.start(courier.run(), name=f"webhook {bot.id}")

    def stop(self, bot: Bot) -> None:
        courier = self._couriers.pop(bot.id, None)
        if courier is not None:
            courier.stop()
            self._updates.wake(bot.id)

    async def close(self) -> None:
        for courier in self._couriers.values():
            courier.stop()
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class Courier:
    """Carries the updates of one bot, several at a time."""

    def __init__(
        self,
        bot: Bot,
        bots: Shelf[Bot],
        updates: Updates,
        nursery: Nursery,
        client: httpx.AsyncClient,
    ) -> None:
        assert bot.webhook is not None  # noqa: S101 (only then is there a courier)
        self._bot = bot
        self._webhook: Webhook = bot.webhook
        self._bots = bots
        self._updates = updates
        self._nursery = nursery
        self._client = client
        self._on_the_way: dict[int, asyncio.Task[None]] = {}
        self._stopped = False

    async def run(self) -> None:
        while not self._stopped:
            news = self._updates.news(self._bot.id)
            for update in self._updates.due(self._bot.id):
                if len(self._on_the_way) >= self._webhook.max_connections:
                    break
                if update.id not in self._on_the_way:
                    carrying = self._nursery.start_task(
                        self._carry(update), name=f"update {update.id}"
                    )
                    self._on_the_way[update.id] = carrying
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await news.wait()

    def stop(self) -> None:
        """Carry no more, nor what is under way: it is not confirmed, and comes again if it still can."""
        self._stopped = True
        for carrying in self._on_the_way.values():
            carrying.cancel()

    async def _carry(self, update: Update) -> None:
        try:
            trouble, wait_s = await self._post(update)
        finally:
            self._on_the_way.pop(update.id, None)
        if trouble:
            self._note(trouble)
            self._updates.put_off(update, wait_s or _back_off_s(update.failures))
        else:
            self._updates.confirm(update)
        self._updates.wake(self._bot.id)

    async def _post(self, update: Update) -> tuple[str, float]:
        """What went wrong ("" for nothing), and the wait that the bot's server asked for."""
        token = self._webhook.secret_token
        headers = {SECRET_HEADER: token} if token else {}
        try:
            answer = await self._client.post(
                self._webhook.url, json=as_wire(update), headers=headers
            )
        except httpx.TimeoutException:
            return "Read timeout expired", 0.0
        except (httpx.HTTPError, httpx.InvalidURL):
            return "Connection refused", 0.0
        if answer.status_code in ACCEPTED:
            return "", 0.0
        after = answer.headers.get("retry-after", "")
        asked_s = float(after) if after.isdecimal() else 0.0
        reason = answer.reason_phrase
        return f"Wrong response from the webhook: {answer.status_code} {reason}", asked_s

    def _note(self, trouble: str) -> None:
        self._webhook.last_error = trouble
        self._webhook.last_error_at = int(unix_s())
        self._bots.put(self._bot)
        log.info("webhook.refused", bot=self._bot.id, trouble=trouble)

    def _pause_s(self) -> float:
        """Until the next update that was put off is due, at most a few seconds."""
        now = unix_s()
        waits = [one.due_at - now for one in self._updates.pending(self._bot.id)]
        return max(0.01, min([LOOK_S, *(wait for wait in waits if wait > 0)]))


def _back_off_s(failures: int) -> float:
    return float(min(FIRST_WAIT_S * 2 ** min(failures, 10), LONGEST_WAIT_S))
