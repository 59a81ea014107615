"""The chat page in a real browser: a newcomer talks to a bot, sends a photo, presses buttons, pays.

The bot is the echo bot of the tests. One browser for all: to start it costs more than most of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiogram.types import BufferedInputFile, InputMediaPhoto

from tests.e2e.browser import DESK, PHONE, needs_chromium, opened_browser, opened_page
from tests.integration.sandbox_telegram import Play, picture, playing, polling
from tests.support import wait_until

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator["Browser"]:
    async with opened_browser() as opened:
        yield opened


@dataclass(slots=True)
class Visit:
    """One open page; `troubles` are its errors and what the security policy has stopped."""

    page: "Page"
    play: Play
    troubles: list[str]

    async def say(self, text: str) -> None:
        await self.page.locator("#text").fill(text)
        await self.page.keyboard.press("Enter")

    async def sees(self, text: str) -> Any:
        shown = self.page.locator("#log", has_text=text)
        await shown.wait_for(timeout=10_000)
        return self.page.locator("#log article", has_text=text).last

    def person(self) -> int:
        return self.play.world.people.top


@asynccontextmanager
async def visiting(
    browser: "Browser", play: Play, size: dict[str, int] = DESK, **more: str
) -> AsyncIterator[Visit]:
    async with opened_page(browser, f"{play.url}/chat", size, **more) as (page, troubles):
        yield Visit(page, play, troubles)


async def test_a_newcomer_talks_to_a_bot(browser: "Browser", tmp_path: Path) -> None:
    async with playing() as play, polling(play):
        await play.put("limits", {"enabled": False})
        await play.call("getMe")
        async with visiting(browser, play) as visit:
            page = visit.page
            assert "not Telegram" in await page.locator(".notice").inner_text()
            await page.locator(".welcome .big").click()
            hello = await visit.sees("Hello, Guest!")
            assert await hello.locator("strong").inner_text() == "Hello, Guest!"
            assert await hello.locator("blockquote").count() == 1

            await visit.say("a quiet word")
            echo = await visit.sees("You said: a quiet word")
            await echo.locator(".key", has_text="Louder").click()
            await visit.sees("YOU SAID: A QUIET WORD")
            await page.locator(".key", has_text="What is this?").last.click()
            await page.locator("dialog", has_text="An echo with buttons").wait_for()
            await page.keyboard.press("Escape")

            (tmp_path / "a.png").write_bytes(picture(900, 600))
            await page.locator("input[type=file]").set_input_files(str(tmp_path / "a.png"))
            await page.locator(".tray img").wait_for()
            await visit.say("what is it?")
            seen = await visit.sees("Seen: what is it?")
            await seen.locator(".photo img").wait_for()
            await seen.locator(".photo").click()
            await page.locator("dialog.picture img").wait_for()
            await page.keyboard.press("Escape")

            await seen.hover()
            await seen.locator(".reply-to").click()
            await visit.say("about this one")
            await visit.sees("You said: about this one")
            sent = [
                one for one in play.world.messages if one.content.get("text") == "about this one"
            ]
            assert sent[0].reply_to is not None
        assert visit.troubles == []


async def test_a_newcomer_pays_with_play_stars(browser: "Browser") -> None:
    async with playing() as play, polling(play):
        await play.call("getMe")
        async with visiting(browser, play, PHONE, locale="ru-RU", scheme="dark") as visit:
            page = visit.page
            assert "не Telegram" in await page.locator(".notice").inner_text()
            await page.locator(".chat").first.click()
            await visit.say("/buy")
            await page.locator(".key.pay").click()
            dialog = page.locator("dialog[open]")
            await dialog.locator("text=Игровые звёзды — не деньги").wait_for()
            await dialog.locator(".actions .big").click()
            await dialog.locator(".status.paid").wait_for()
            await page.keyboard.press("Escape")
            await visit.sees("Paid 50 Stars")
            await page.locator(".back").click()
            shown = await page.locator("#wallet").inner_text()
            assert "".join(filter(str.isdigit, shown)) == "4950"
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width == PHONE["width"], "nothing sticks out at the side"
        assert visit.troubles == []


async def test_what_is_being_written_shows_and_can_be_stopped(browser: "Browser") -> None:
    async with playing() as play:
        await play.call("getMe")
        async with visiting(browser, play) as visit:
            await visit.page.locator(".welcome .big").click()
            await visit.sees("/start")
            person = visit.person()
            await play.call("sendChatAction", chat_id=person, action="upload_photo")
            await visit.page.locator(".head-words .doing").wait_for()
            for text in ("Once", "Once upon a time"):
                await play.call(
                    "sendMessageDraft", chat_id=person, draft_id=3, text=text, can_stop=True
                )
            draft = visit.page.locator(".draft", has_text="Once upon a time")
            await draft.locator(".stop").click()
            await draft.wait_for(state="detached")
            updates = (await play.call("getUpdates"))["result"]
            assert updates[-1]["stopped_message_generation"]["draft_id"] == 3


async def test_hostile_messages_stay_text(browser: "Browser") -> None:
    hostile = "<img src=x onerror=alert(1)> <script>alert(2)</script>"
    async with playing() as play:
        await play.call("getMe")
        await play.put("limits", {"enabled": False})
        async with visiting(browser, play) as visit:
            await visit.page.locator(".welcome .big").click()
            await visit.sees("/start")
            person = visit.person()
            keys = {"inline_keyboard": [[{"text": hostile, "callback_data": "x"}]]}
            await play.call("sendMessage", chat_id=person, text=hostile, reply_markup=keys)
            link = [{"type": "text_link", "offset": 0, "length": 4, "url": "tg://resolve?x"}]
            await play.call("sendMessage", chat_id=person, text="evil link", entities=link)
            bot = play.bot()
            page = b"<script>alert(3)</script>"
            await bot.send_document(person, BufferedInputFile(page, "<b>x</b>.html"))
            shown = await visit.sees("<script>alert(2)</script>")
            assert await shown.locator("script, .text img").count() == 0
            assert await (await visit.sees("evil link")).locator("a").count() == 0
            file = (await play.call("getUpdates"))["result"]
            assert file, "the start was heard"
            document = [one for one in play.world.stored if one.mime_type == "text/html"]
            answer = await play.http.get(f"/chat/media/{document[0].file_id}")
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["content-disposition"].startswith("attachment")
            await bot.session.close()
        assert visit.troubles == []


async def test_an_album_and_a_video_that_plays(browser: "Browser") -> None:
    async with playing() as play:
        await play.call("getMe")
        await play.put("limits", {"enabled": False})
        bot = play.bot()
        async with visiting(browser, play) as visit:
            await visit.page.locator(".welcome .big").click()
            await visit.sees("/start")
            person = visit.person()
            photos = [
                InputMediaPhoto(media=BufferedInputFile(picture(), "a.png"), caption="Three")
                for _ in range(3)
            ]
            await bot.send_media_group(person, photos)  # type: ignore[arg-type]
            album = await visit.sees("Three")
            assert await album.locator(".photo img").count() == 3
            await bot.send_video(person, BufferedInputFile(film(), "v.mp4"), caption="Moving")
            video = (await visit.sees("Moving")).locator("video")

            async def is_ready() -> bool:
                return bool(
                    await video.evaluate("node => node.readyState >= 1 && node.duration > 0")
                )

            await wait_until(is_ready, 10, "the video can be played")
        await bot.session.close()


async def test_a_lost_line_is_found_again(browser: "Browser") -> None:
    async with playing() as play:
        await play.call("getMe")
        async with visiting(browser, play) as visit:
            await visit.page.locator(".welcome .big").click()
            await visit.sees("/start")
            tries: list[str] = []

            async def fail_twice(route: Any) -> None:
                tries.append(route.request.url)
                if len(tries) <= 2:
                    await route.abort()
                else:
                    await route.continue_()

            await visit.page.route("**/chat/api/events*", fail_twice)
            await visit.page.reload()
            await visit.page.locator("#line", has_text="Connection lost").wait_for()
            await play.call("sendMessage", chat_id=visit.person(), text="while you were away")
            await visit.sees("while you were away")
            assert len(tries) == 3
            assert await visit.page.locator("#log article").count() == 2, "and only once"


async def test_a_channel_of_ones_own_has_the_bot_as_administrator(browser: "Browser") -> None:
    async with playing() as play:
        await play.call("getMe")
        async with visiting(browser, play) as visit:
            page = visit.page
            await page.locator("#new-chat").click()
            await page.locator("dialog input[name=title]").fill("My news")
            await page.locator("dialog .big").click()
            await page.locator("#head", has_text="My news").wait_for()
            updates = (await play.call("getUpdates"))["result"]
            assert updates[-1]["my_chat_member"]["new_chat_member"]["can_post_messages"] is True
            channel = updates[-1]["my_chat_member"]["chat"]["id"]
            await play.call("sendMessage", chat_id=channel, text="A post by the bot")
            await visit.sees("A post by the bot")
        assert visit.troubles == []


async def test_a_long_quote_is_folded_until_it_is_pressed(browser: "Browser") -> None:
    changes = "\n".join(f"• change {number}" for number in range(8))
    text = f"The text\n\n<blockquote expandable>{changes}</blockquote>\n\nThe price"
    async with playing() as play:
        await play.call("getMe")
        async with visiting(browser, play, PHONE) as visit:
            await visit.page.locator(".chat").first.click()
            await visit.page.locator(".welcome .big").click()
            await visit.sees("/start")
            assert "sandbox" in await visit.page.locator("#head").inner_text()
            person = visit.person()
            await play.call("sendMessage", chat_id=person, text=text, parse_mode="HTML")
            shown = await visit.sees("The price")
            quote = shown.locator("blockquote")
            hidden = "node => node.scrollHeight - node.clientHeight"
            assert await quote.evaluate(hidden) > 0
            await quote.press("Enter")
            assert await quote.evaluate(hidden) == 0
            assert "change 7\n\nThe price" in await shown.locator(".text").inner_text()
        assert visit.troubles == []


def film() -> bytes:
    """Two seconds of H.264."""
    import io

    import av
    from PIL import Image

    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for step in range(20):
            image = Image.new("RGB", (320, 180), (step * 12, 90, 120))
            container.mux(stream.encode(av.VideoFrame.from_image(image)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode())
    return out.getvalue()
