"""A newcomer's walk over the chat page: writes, draws, edits, films, pays, finds it all.

At each station the page is looked at as on a desk by day and on a phone by night; with screenshots, which are
to be looked at, also the other way round.
"""

import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.e2e.browser import DESK, PHONE

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

PATIENCE_MS = 60_000
"""A film takes a while on a busy machine."""
TYPO = "she go to school every day and there is alot of mistake hear."
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
STICKING_OUT = """() => {
  const tall = document.scrollingElement, log = document.querySelector("#log");
  log.scrollTop = log.scrollHeight;
  const boxes = [tall, log, ...document.querySelectorAll("dialog[open]")];
  const wide = boxes.filter((box) => box.scrollWidth > box.clientWidth);
  const right = Math.min(innerWidth, log.getBoundingClientRect().right) + 1;
  const parts = [...log.querySelectorAll("article, article *:not(pre *)")];
  return [...wide, ...parts.filter((part) => part.getBoundingClientRect().right > right)]
    .map((one) => one.outerHTML.slice(0, 200));
}"""
GROUND = "getComputedStyle(document.body).backgroundColor"


@dataclass
class Walk:
    page: "Page"
    shots: Path | None
    stations: int = 0

    async def look(self, what: str) -> None:
        """At the page in both widths and colours: nothing sticks out at the side, and the night is dark."""
        self.stations += 1
        grounds = set()
        ways = (
            product((DESK, PHONE), SCHEMES)
            if self.shots
            else zip((DESK, PHONE), SCHEMES, strict=True)
        )
        for size, scheme in ways:
            await self.page.set_viewport_size(size)  # type: ignore[arg-type]
            await self.page.emulate_media(color_scheme=scheme)
            name = f"{self.stations:02}-{what}-{size['width']}-{scheme}"
            assert await self.page.evaluate(STICKING_OUT) == [], name
            grounds.add(await self.page.evaluate(GROUND))
            if self.shots is not None:
                await self.page.screenshot(path=self.shots / f"{name}.png")
        assert len(grounds) == len(SCHEMES), what
        await self.page.set_viewport_size(DESK)  # type: ignore[arg-type]

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

    async def picture(self, has: str | re.Pattern[str]) -> "Locator":
        """The newest message with these words and a picture."""
        found = self.page.locator("#log article", has_text=has).filter(has=self.page.locator("img"))
        await found.last.wait_for(timeout=PATIENCE_MS)
        return found.last

    async def key(self, message: Any, label: str) -> None:
        await message.locator(".key", has_text=label).first.click()


async def walk_through(page: "Page", shots: Path | None) -> None:
    """All of it. Screenshots go to `shots`."""
    walk = Walk(page, shots)
    for station in (meets, improves, draws_and_edits, films, pays, finds):
        await station(walk)


async def meets(walk: Walk) -> None:
    """Three messages say what this is, that it is AI, and what it costs."""
    await walk.enter("viAIzer")
    await walk.say("/start")
    await walk.message("I am an AI assistant")
    await walk.message("You have 60 credits")
    await walk.look("start")


async def improves(walk: Walk) -> None:
    """The other bot: a text in the style that is tapped."""
    await walk.enter("Text AI")
    await walk.say("/start")
    await walk.message("Welcome back!")
    await walk.say(TYPO)
    offered = await walk.message("In which style?")
    await walk.look("styles")
    await walk.key(offered, "Correct")
    await walk.message("goes to school")
    await walk.look("improved")
    await walk.enter("viAIzer")


async def draws_and_edits(walk: Walk) -> None:
    """A picture, and a reply to it with words: the picture is changed."""
    await walk.say("/image sunset over the sea")
    drawn = await walk.picture("sunset over the sea")
    await walk.look("picture")
    await drawn.hover()
    await drawn.locator(".reply-to").click()
    await walk.say("make it brighter")
    await walk.picture(re.compile("make it brighter.*3 credits · saved as", re.DOTALL))
    await walk.look("edited")


async def films(walk: Walk) -> None:
    await walk.say("/video a boat on a lake")
    filmed = walk.page.locator("#log article video").last
    await filmed.wait_for(timeout=PATIENCE_MS)
    await walk.look("film")


async def pays(walk: Walk) -> None:
    """With play Stars: the invoice, the dialog, and more credits than before."""
    await walk.say("/buy")
    await walk.key(await walk.message("Buy credits or a plan"), "50 credits")
    await walk.page.locator(".key.pay").last.click(timeout=PATIENCE_MS)
    dialog = walk.page.locator("dialog[open]")
    await walk.look("invoice")
    await dialog.locator(".actions .big").click()
    await dialog.locator(".status.paid").wait_for(timeout=PATIENCE_MS)
    await walk.page.keyboard.press("Escape")
    await walk.say("/balance")
    await walk.message(re.compile("Wallet.*110", re.DOTALL))
    await walk.look("balance")


async def finds(walk: Walk) -> None:
    await walk.say("/gallery")
    found = await walk.message(re.compile("Your workspace.*sunset over the sea", re.DOTALL))
    await found.locator("img").wait_for()
    await walk.look("gallery")
