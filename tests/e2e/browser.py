"""A real Chromium for the tests of pages: the one of this machine, never downloaded.

Without one they are left out, but not where everything has to be proved: there `scripts/browser.sh` brings
one, and its absence is a failure.
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium: Final = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no chromium on this machine"
)
ARGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
]
PHONE: Final = {"width": 360, "height": 740}
DESK: Final = {"width": 1280, "height": 800}


@asynccontextmanager
async def opened_browser() -> "AsyncIterator[Browser]":
    """To be shared: each page that is opened in it is a stranger to the others."""
    from playwright.async_api import async_playwright

    assert CHROMIUM is not None, "no chromium on this machine: scripts/browser.sh brings one"
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def opened_page(
    browser: "Browser",
    url: str,
    size: dict[str, int] = DESK,
    *,
    locale: str = "en-GB",
    scheme: str = "light",
) -> AsyncIterator[tuple["Page", list[str]]]:
    """The chat page at `url`, and what goes wrong in it: errors, and what the security policy has stopped."""
    context = await browser.new_context(viewport=size, locale=locale, color_scheme=scheme)  # type: ignore[arg-type]
    page = await context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    await page.goto(url)
    await page.locator("#app").wait_for(state="visible")
    yield page, troubles
    await context.close()
