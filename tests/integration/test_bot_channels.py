"""Channels: linked only by who may post there, lost when the rights are, and posted in once."""

import asyncio

import pytest

from producers.bot.channels import link
from producers.bot.guests import guest_of
from schemas.buttons import Press, pack, ref_of
from schemas.errors import InvalidInput, NotAllowed
from tests.integration.bots import Running, person, press, quiet, say, text_of
from tests.integration.edge import a_wish, finish_text
from tests.support import wait_until

BOT = 4242


async def channel(bots: Running, owner: int, title: str = "The News", kind: str = "channel") -> int:
    chat = await bots.play.do("chats", type=kind, title=title, owner=owner)
    return int(chat["id"])


async def promote(
    bots: Running, chat: int, account: int, *, actor: int, rights: tuple[str, ...]
) -> None:
    await bots.play.do(
        "members", chat=chat, account=account, status="administrator", rights=list(rights),
        actor=actor,
    )  # fmt: skip


async def linked(bots: Running, user_id: int) -> list[tuple[str, str | None]]:
    return [(one.state, one.reason) for one in await bots.room.channels.list(user_id)]


async def test_an_owner_who_makes_the_bot_administrator_has_it_linked(bots: Running) -> None:
    who, user_id = await person(bots)
    chat = await channel(bots, who, "News <& more>")
    await promote(bots, chat, BOT, actor=who, rights=("can_post_messages",))
    assert "News <& more> is linked" in text_of(await bots.hears(who, "is linked"))
    assert await linked(bots, user_id) == [("linked", None)]
    await say(bots, who, "/channels")
    assert "News <& more>: ready" in text_of(await bots.hears(who, "Your channels"))


async def test_the_rights_of_both_are_asked_of_telegram(bots: Running) -> None:
    who, user_id = await person(bots)
    other, other_id = await person(bots)
    chat = await channel(bots, who)
    guest = await guest_of(bots.room, other_id, bot_id=BOT, key="k")
    owner = await guest_of(bots.room, user_id, bot_id=BOT, key="k")
    assert guest is not None
    assert owner is not None
    with pytest.raises(NotAllowed, match="bot_no_rights"):
        await link(bots.room, owner, chat)
    await promote(bots, chat, BOT, actor=who, rights=("can_edit_messages",))
    with pytest.raises(NotAllowed, match="bot_no_rights"):
        await link(bots.room, owner, chat)
    await promote(bots, chat, BOT, actor=who, rights=("can_post_messages",))
    with pytest.raises(NotAllowed, match="owner_no_rights"):
        await link(bots.room, guest, chat)
    await promote(bots, chat, other, actor=who, rights=("can_edit_messages",))
    with pytest.raises(NotAllowed, match="owner_no_rights"):
        await link(bots.room, guest, chat)
    await promote(bots, chat, other, actor=who, rights=("can_post_messages",))
    assert (await link(bots.room, guest, chat)).linked
    group = await channel(bots, who, "A group", kind="supergroup")
    await promote(bots, group, BOT, actor=who, rights=("can_post_messages",))
    with pytest.raises(InvalidInput, match="not_a_channel"):
        await link(bots.room, owner, group)


async def test_a_lost_right_ends_the_link_and_is_told(bots: Running) -> None:
    who, user_id = await person(bots)
    chat = await channel(bots, who)
    await promote(bots, chat, BOT, actor=who, rights=("can_post_messages",))
    await bots.hears(who, "is linked")
    await promote(bots, chat, BOT, actor=who, rights=("can_edit_messages",))
    await bots.hears(who, "may not post in The News any more")
    assert await linked(bots, user_id) == [("disabled", "bot_no_rights")]
    await promote(bots, chat, BOT, actor=who, rights=("can_post_messages",))

    async def back() -> bool:
        return await linked(bots, user_id) == [("linked", None)]

    await wait_until(back, 20, "the channel is linked again")
    await bots.play.do("members", chat=chat, account=BOT, status="left", actor=who)
    await bots.hears(who, "was removed from The News")


async def test_linking_is_asked_for_in_the_private_chat_and_undone(bots: Running) -> None:
    who, user_id = await person(bots)
    await say(bots, who, "/channels")
    await press(bots, who, await bots.hears(who, "No channel is linked"), "Link", wait=True)
    asked = await bots.hears(who, "Telegram asks which channel")
    (key,) = asked["reply_markup"]["inline_keyboard"][0]
    assert key["url"].endswith("?startchannel&admin=post_messages")
    await bots.hears(who, "choose it from your list")
    calls = await bots.play.http.get(
        "/_sandbox/telegram/calls", params={"method": "sendMessage", "chat_id": str(who)}
    )
    assert '"request_chat"' in calls.text.replace("\\", "")
    chat = await channel(bots, who)
    await promote(bots, chat, BOT, actor=who, rights=("can_post_messages",))
    await bots.hears(who, "is linked")
    await say(bots, who, "/channels")
    page = await bots.hears(who, "Your channels")
    await press(bots, who, page, "The News", wait=True)
    page = await bots.hears(who, "The News: ready")
    await press(bots, who, page, "Unlink", wait=True)

    async def none() -> bool:
        return await linked(bots, user_id) == []

    await wait_until(none, 20, "the channel is unlinked")


async def test_a_forwarded_post_links_only_when_it_was_asked_for(bots: Running) -> None:
    who, user_id = await person(bots)
    chat = await channel(bots, who)
    await promote(bots, chat, BOT, actor=who, rights=("can_post_messages",))
    await bots.hears(who, "is linked")
    (known,) = await bots.room.channels.list(user_id)
    await bots.room.channels.forget(user_id, known.id)
    me = {"id": who, "is_bot": False, "first_name": "Ann"}
    news = {"id": chat, "type": "channel", "title": "The News"}
    body = {
        "message": {
            "message_id": 901, "date": 1, "text": "An old post", "from": me,
            "chat": {"id": who, "type": "private", "first_name": "Ann"},
            "forward_origin": {"type": "channel", "date": 1, "chat": news, "message_id": 5},
        }
    }  # fmt: skip
    await bots.play.do("updates", bot=BOT, body=body)
    await bots.wait_jobs(1, "kind = 'text.generate'")
    assert await linked(bots, user_id) == []
    await bots.room.talks.set_mode(user_id, "viaizer", who, mode="link")
    lost = {"match": {"text": "is linked"}, "fault": "server_error", "times": 1}
    await bots.play.put("faults", [lost])  # handled again, it is no text either
    await bots.play.do("updates", bot=BOT, body=body)

    async def there() -> bool:
        return await linked(bots, user_id) == [("linked", None)]

    await wait_until(there, 20, "the channel is linked by a forwarded post")
    await quiet(bots)
    assert len(await bots.jobs("kind = 'text.generate'")) == 1


async def test_one_wish_is_one_post_however_often_it_is_pressed(bots: Running) -> None:
    who, user_id = await person(bots)
    other, _ = await person(bots)
    chat = await channel(bots, who)
    await promote(bots, chat, BOT, actor=who, rights=("can_post_messages",))
    await bots.hears(who, "is linked")
    accepted = await bots.desk.intake.submit(a_wish(user_id))
    ended = await finish_text(bots.desk, accepted.job_id)
    await say(bots, who, f"/gallery {ended.project_code}")
    await press(bots, who, await bots.hears(who, "page 1 of 1"), "1 ·", wait=True)
    await press(bots, who, await bots.hears(who, "made by AI"), "Post", wait=True)
    await press(bots, who, await bots.hears(who, "Which channel"), "The News", wait=True)
    sure = await bots.hears(who, "Post it in The News?")
    data = next(
        key["callback_data"] for row in sure["reply_markup"]["inline_keyboard"] for key in row
    )
    stolen = await bots.play.do(
        "press", person=other, bot=BOT, message_id=await _any(bots, other), data=data, sure=True,
        wait=True,
    )  # fmt: skip
    assert "not yours" in str(stolen)
    await press(bots, who, sure, "Post now", times=3)
    (job,) = await bots.wait_jobs(1, "kind = 'post.publish'")
    await bots.idle()
    assert len(await bots.jobs("kind = 'post.publish'")) == 1
    assert job["key"].startswith("wish-")
    payload = await bots.payload(job["id"])
    assert payload["project"] == ended.project_code


async def test_what_nobody_knows_is_answered_by_its_owner_alone(bots: Running) -> None:
    who, user_id = await person(bots)
    other, _ = await person(bots)
    accepted = await bots.desk.intake.submit(a_wish(user_id))
    await finish_text(bots.desk, accepted.job_id)
    uncertain = """
    insert into work.delivery (job_id, target, state, fence, total, doubtful)
    values ($1, 'tgc:viaizer:-100', 'uncertain', 1, 1, 1)
    """
    await bots.owner.execute(uncertain, accepted.job_id)
    yes = pack(Press("uncertain-yes", ref_of(accepted.job_id)))
    message = await _any(bots, other)
    stolen = await bots.play.do(
        "press", person=other, bot=BOT, message_id=message, data=yes, sure=True, wait=True
    )
    assert "not yours" in str(stolen)
    message = await _any(bots, who)
    await asyncio.gather(*(
        bots.play.do("press", person=who, bot=BOT, message_id=message, data=yes, sure=True)
        for _ in range(3)
    ))  # fmt: skip
    await bots.hears(who, "noted as posted")
    state = "select state::text from work.delivery where job_id = $1 and target like 'tgc:%'"
    assert await bots.owner.fetchval(state, accepted.job_id) == "sent"


async def _any(bots: Running, who: int) -> int:
    """A message of the bot's in this chat, to hang a forged button on."""
    await say(bots, who, "/paysupport")
    return int((await bots.hears(who, "Help with payments"))["message_id"])
