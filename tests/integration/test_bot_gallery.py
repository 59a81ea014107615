"""The workspace in the chat: pages as one picture, search, opening, deleting; only what is one's own."""

import asyncio

from producers.bot.sheet import sheet
from schemas.buttons import Press, pack
from schemas.money import App
from storage.gallery import Gallery
from tests.integration.bots import Running, person, say, text_of
from tests.integration.bots import press_and_wait as press
from tests.integration.edge import a_wish, finish_text
from tests.integration.sandbox_telegram import picture

BOT = 4242
PROJECTS = "select count(*) from app.project where user_id = $1"


async def kept(bots: Running, user_id: int, count: int) -> list[str]:
    """Codes, newest first."""
    codes = []
    for number in range(count):
        wish = a_wish(user_id, f"helo {number}", app=App.PENORA)
        ended = await finish_text(
            bots.desk, (await bots.desk.intake.submit(wish)).job_id, text=f"Hello {number}."
        )
        assert ended.project_code
        codes.append(ended.project_code)
    return codes[::-1]


async def test_an_empty_workspace_says_so(bots: Running) -> None:
    who, _ = await person(bots)
    await say(bots, who, "/gallery")
    assert "0 B of 1.0 MiB" in text_of(await bots.hears(who, "workspace is empty"))


async def test_pages_turn_in_their_place_and_a_project_opens(bots: Running) -> None:
    who, user_id = await person(bots)
    codes = await kept(bots, user_id, 8)
    await say(bots, who, "/gallery")
    first = await bots.hears(who, "page 1 of 2")
    assert first["photo"]
    assert all(code in text_of(first) for code in codes[:6])
    assert "▓" in text_of(first)
    await press(bots, who, first, "Older")
    second = await bots.hears(who, "page 2 of 2")
    assert second["message_id"] == first["message_id"]
    assert all(code in text_of(second) for code in codes[6:])
    await press(bots, who, second, codes[7])
    opened = await bots.hears(who, "made by AI")
    assert "Hello 0." in text_of(opened)


async def test_a_search_finds_by_title_and_by_code(bots: Running) -> None:
    who, user_id = await person(bots)
    codes = await kept(bots, user_id, 3)
    await say(bots, who, f"/gallery {codes[1].lower()}")
    found = await bots.hears(who, "page 1 of 1")
    assert codes[1] in text_of(found)
    assert codes[0] not in text_of(found)
    await say(bots, who, "/gallery <nowhere> & 'never'")
    assert "<nowhere> & 'never'" in text_of(await bots.hears(who, "Nothing here"))
    page = await Gallery(bots.desk.db, bots.desk.keys).search(user_id, "a title", 9, size=2)
    assert (page.number, page.pages, page.total) == (1, 2, 3)


async def test_deleting_asks_first_and_gives_the_room_back(bots: Running) -> None:
    who, user_id = await person(bots)
    await kept(bots, user_id, 1)
    await say(bots, who, "/gallery")
    await press(bots, who, await bots.hears(who, "page 1 of 1"), "1 ·")
    await press(bots, who, await bots.hears(who, "made by AI"), "Delete")
    asked = await bots.hears(who, "for good?")
    assert await bots.owner.fetchval(PROJECTS, user_id) == 1
    await press(bots, who, asked, "Yes, delete")
    await bots.hears(who, "are free again")
    assert await bots.owner.fetchval(PROJECTS, user_id) == 0


async def test_another_persons_project_is_as_missing_as_none(bots: Running) -> None:
    who, user_id = await person(bots)
    other, other_id = await person(bots)
    (code,) = await kept(bots, user_id, 1)
    await kept(bots, other_id, 1)
    await say(bots, other, "/gallery")
    page = await bots.hears(other, "page 1 of 1")
    for forged in (
        Press("project", code), Press("remove", code), Press("remove", code, "yes"),
        Press("post", code, "project"),
    ):  # fmt: skip
        answer = await bots.play.do(
            "press", person=other, bot=BOT, message_id=page["message_id"], data=pack(forged),
            sure=True, wait=True,
        )  # fmt: skip
        assert "not yours" in str(answer), forged
    assert await bots.owner.fetchval(PROJECTS, user_id) == 1
    assert who


async def test_a_sheet_shows_pictures_and_bears_broken_ones() -> None:
    tiles = [("ABCDEF", "image", picture()), ("GHJKLM", "image", b"no picture"),
             ("NPQRST", "text", b""), ("UVWXYZ", "video", b"")]  # fmt: skip
    made = await asyncio.to_thread(sheet, tiles)
    assert made.startswith(b"\xff\xd8\xff")
    assert await asyncio.to_thread(sheet, [])
