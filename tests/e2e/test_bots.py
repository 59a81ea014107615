"""A newcomer in a real browser, on `leyden up` as it is: draws, edits, films, pays, finds it all, writes.

Skipped where there is no Chromium. The screenshots of the way are kept with `--shots FOLDER`.
"""

import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.browser import CHROMIUM, DESK, PHONE, opened_page
from tests.e2e.processes import Running, background
from tests.support import wait_until

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
pytest.importorskip("playwright", reason="playwright is not installed")

PATIENCE_MS = 60_000
"""A film takes a while on a busy machine."""
TYPO = "she go to school every day and there is alot of mistake hear."


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Running, str]]:
    port = free_port()
    with background(tmp_path, "up", "--sandbox-port", str(port), LEYDEN_PORT="0") as one:
        yield one, f"http://127.0.0.1:{port}/chat"


@dataclass
class Walk:
    page: "Page"
    shots: Path | None
    name: str
    troubles: list[str] = field(default_factory=list)
    taken: int = 0

    async def shot(self, what: str) -> None:
        if self.shots is not None:
            self.taken += 1
            await self.page.screenshot(path=self.shots / f"{self.name}-{self.taken:02}-{what}.png")

    async def enter(self, bot: str) -> None:
        await self.page.locator(".chat", has_text=bot).first.click()

    async def say(self, text: str) -> None:
        await self.page.locator("#text").fill(text)
        await self.page.keyboard.press("Enter")

    async def message(self, has: str | re.Pattern[str]) -> "Locator":
        """The newest message of a bot with these words."""
        found = self.page.locator("#log article", has_text=has).last
        await found.wait_for(timeout=PATIENCE_MS)
        return found

    async def picture(self, has: str) -> "Locator":
        """The newest message with these words and a picture."""
        found = self.page.locator("#log article", has_text=has).filter(has=self.page.locator("img"))
        await found.last.wait_for(timeout=PATIENCE_MS)
        return found.last

    async def key(self, message: Any, label: str) -> None:
        await message.locator(".key", has_text=label).first.click()


@asynccontextmanager
async def walking(
    url: str, shots: Path | None, *, size: dict[str, int], scheme: str, locale: str
) -> AsyncIterator[Walk]:
    name = f"{size['width']}-{scheme}"
    async with opened_page(url, size, locale=locale, scheme=scheme) as (page, troubles):
        yield Walk(page, shots, name, troubles)


@pytest.mark.timeout(600)
async def test_a_newcomer_walks_through_the_house(
    running: tuple[Running, str], shots: Path | None
) -> None:
    up, url = running
    await wait_until(lambda: up.said("Chat with the bots"), 90, "the bots can be talked to")
    async with walking(url, shots, size=DESK, scheme="light", locale="en-GB") as walk:
        await meets(walk)
        await draws_and_edits(walk)
        await films(walk)
        await pays(walk)
        await finds(walk)
        assert walk.troubles == []
    async with walking(url, shots, size=PHONE, scheme="dark", locale="ru-RU") as walk:
        await improves(walk)
        width = await walk.page.evaluate("document.documentElement.scrollWidth")
        assert width == PHONE["width"], "nothing sticks out at the side"
        assert walk.troubles == []


async def meets(walk: Walk) -> None:
    """Three messages say what this is, that it is AI, and what it costs."""
    await walk.enter("viAIzer")
    await walk.say("/start")
    await walk.message("I am an AI assistant")
    await walk.message("You have 60 credits")
    await walk.shot("start")


async def draws_and_edits(walk: Walk) -> None:
    """A picture, and a reply to it with words: the picture is changed."""
    await walk.say("/image sunset over the sea")
    drawn = await walk.picture("sunset over the sea")
    await walk.shot("picture")
    await drawn.hover()
    await drawn.locator(".reply-to").click()
    await walk.say("make it brighter")
    await walk.picture("make it brighter")
    await walk.shot("edited")


async def films(walk: Walk) -> None:
    await walk.say("/video a boat on a lake")
    filmed = walk.page.locator("#log article video").last
    await filmed.wait_for(timeout=PATIENCE_MS)
    await walk.shot("film")


async def pays(walk: Walk) -> None:
    """With play Stars: the invoice, the dialog, and more credits than before."""
    await walk.say("/buy")
    await walk.key(await walk.message("Buy credits or a plan"), "50 credits")
    await walk.page.locator(".key.pay").last.click(timeout=PATIENCE_MS)
    dialog = walk.page.locator("dialog[open]")
    await walk.shot("invoice")
    await dialog.locator(".actions .big").click()
    await dialog.locator(".status.paid").wait_for(timeout=PATIENCE_MS)
    await walk.page.keyboard.press("Escape")
    await walk.say("/balance")
    await walk.message("110 credits")
    await walk.shot("balance")


async def finds(walk: Walk) -> None:
    await walk.say("/gallery")
    await walk.message("sunset over the sea")
    await walk.message("Your workspace")
    await walk.shot("gallery")


async def improves(walk: Walk) -> None:
    """The other bot, in the other language, on a phone in the dark."""
    await walk.enter("Text AI")
    await walk.say("/start")
    await walk.message("ИИ")
    await walk.shot("start")
    await walk.say(TYPO)
    offered = await walk.message("В каком стиле?")
    await walk.shot("styles")
    await walk.key(offered, "Без ошибок")
    await walk.message("goes to school")
    await walk.shot("improved")
