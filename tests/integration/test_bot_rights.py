"""What is somebody's own stays theirs: results, menus and jobs, in a group and when a reply is lost."""

from typing import Any
from uuid import UUID

from producers.request import SubmitRequest
from schemas.buttons import DELETE, Press, pack, ref_of
from schemas.money import App
from tests.integration.bots import BOT, Running, labels_of, person, quiet, say, text_of
from tests.integration.edge import finish_picture
from tests.integration.sandbox_telegram import picture
from tests.support import wait_until

MINE = (
    "balance", "history", "limits", "convert", "gallery", "settings", "language", "zone", "buy",
    "channels", "invite", "paysupport", "export", "delete_me",
)  # fmt: skip
MENUS = (
    Press("wallet", "balance"), Press("wallet", "limits"), Press("history"), Press("gallery", "0"),
    Press("set", "language", "ru"), Press("shop"), Press("renewal", "off"), Press("channel", "link"),
    Press("convert"),
)  # fmt: skip


async def heard_in(bots: Running, chat: int) -> list[dict[str, Any]]:
    """What the bot has said in a group and not deleted."""
    return await bots.play.messages(chat=chat, by_bots=True)


async def tap(bots: Running, who: int, chat: int, message_id: int, press: Press) -> str:
    """What is said over the button."""
    told = await bots.play.do(
        "press",
        person=who,
        chat=chat,
        message_id=message_id,
        data=pack(press),
        sure=True,
        wait=True,
    )
    return str(told)


async def in_group(bots: Running, who: int, chat: int, text: str) -> None:
    await bots.play.do("say", person=who, chat=chat, text=text)


async def test_in_a_group_nobody_touches_or_reads_what_is_anothers(bots: Running) -> None:
    (ann, ann_id), (carl, carl_id) = await person(bots), await person(bots)
    me = (await bots.room.bots[BOT].me()).username
    chat = int((await bots.play.do("chats", type="supergroup", title="Us", owner=ann))["id"])
    for account in (BOT, carl):
        await bots.play.do("members", chat=chat, account=account)
    await in_group(bots, ann, chat, f"/image@{me} a boat")
    (job,) = await bots.wait_jobs(1)
    await finish_picture(bots.desk, job["id"], picture(64, 64))

    async def shown() -> dict[str, Any] | None:
        return next(iter(await heard_in(bots, chat)), None)

    card = await wait_until(shown, 20, "the card")
    assert card is not None
    delete = Press(DELETE, ref_of(job["id"]))
    assert "not yours" in await tap(bots, carl, chat, card["message_id"], delete)
    assert await _project_of(bots, job["id"])
    assert card["message_id"] in {one["message_id"] for one in await heard_in(bots, chat)}

    # Menus of one person: the way to the private chat, whoever asks, and no button does anything.
    before = {one["message_id"] for one in await heard_in(bots, chat)}
    for command in MINE:
        await in_group(bots, ann, chat, f"/{command}@{me}")

    async def answers() -> list[dict[str, Any]]:
        new = [one for one in await heard_in(bots, chat) if one["message_id"] not in before]
        return new if len(new) >= len(MINE) else []

    told: list[dict[str, Any]] = await wait_until(answers, 20, "an answer to each")
    assert len(told) == len(MINE)
    for one in told:
        assert "only done in our private chat" in text_of(one)
        assert labels_of(one) == ["💬 Our private chat"]
        (key,) = one["reply_markup"]["inline_keyboard"][0]
        assert key["url"] == f"https://t.me/{me}?start=hello"
    now = await heard_in(bots, chat)
    for press in MENUS:
        for who in (ann, carl):
            assert "private chat" in await tap(bots, who, chat, told[0]["message_id"], press), press
    assert await heard_in(bots, chat) == now
    assert (await bots.desk.users.get(carl_id)).language == "en"

    assert "Deleted" in await tap(bots, ann, chat, card["message_id"], delete)
    assert not await _project_of(bots, job["id"])
    assert card["message_id"] not in {one["message_id"] for one in await heard_in(bots, chat)}
    assert ann_id


async def _project_of(bots: Running, job_id: UUID) -> Any:
    return await bots.owner.fetchval("select code from app.project where job_id = $1", job_id)


async def test_one_cancel_ends_one_job_of_this_bot_however_often_it_is_handled(
    bots: Running,
) -> None:
    who, user_id = await person(bots)
    for words in ("/image an older one", "/image a newer one"):
        await say(bots, who, words)
    older, newer = await bots.wait_jobs(2)
    elsewhere = SubmitRequest(user_id, App.PENORA, "text.improve", {"text": "by another app"})
    await bots.desk.intake.submit(elsewhere)
    await quiet(bots)
    lost = {"match": {"method": "sendMessage", "text": "Cancel"}, "fault": "server_error"}
    await bots.play.put("faults", [lost | {"times": 2}])
    await say(bots, who, "/cancel")
    told = await bots.hears(who, "your credits are back")
    assert "a newer one" in text_of(told)
    await quiet(bots)
    states = {job["id"]: job["state"] for job in await bots.jobs()}
    assert (states[older["id"]], states[newer["id"]]) == ("queued", "cancelled")
    await say(bots, who, "/cancel")
    assert "an older one" in text_of(await bots.hears(who, "an older one"))
    await say(bots, who, "/cancel")
    await bots.hears(who, "There is nothing to cancel")
    assert sorted(job["state"] for job in await bots.jobs()) == ["cancelled", "cancelled", "queued"]
