"""Who a bot takes for its own in a room with others, and what a failure is told like."""

from dataclasses import dataclass

import pytest

from producers.bot import dispatch
from schemas.money import App
from tests.integration.bots import BOT, VIAIZER, Running, labels_of, person, say, text_of
from tests.support import wait_until

TEXT_BOT = 4343


@dataclass(frozen=True)
class Group:
    bots: Running
    chat: int

    async def say(self, who: int, text: str, **more: object) -> None:
        await self.bots.play.do("say", person=who, chat=self.chat, text=text, **more)
        await settled(self.bots)

    async def heard(self) -> list[dict[str, object]]:
        """What bots have said in it."""
        return await self.bots.play.messages(chat=self.chat, by_bots=True)


async def settled(bots: Running) -> None:
    """Everything that Telegram knew to tell has been told and handled."""
    pending = bots.play.world.updates.pending
    await wait_until(lambda: not pending(BOT) and not pending(TEXT_BOT), 20, "all is told")
    await bots.idle()


async def group_of(bots: Running, owner: int, *others: int) -> Group:
    told = await bots.play.do("chats", type="supergroup", title="Friends", owner=owner)
    group = Group(bots, int(told["id"]))
    for account in (BOT, *others):
        await bots.play.do("members", chat=group.chat, account=account)
    await settled(bots)
    return group


async def name_of(bots: Running, token: str) -> str:
    return str((await bots.play.call("getMe", token))["result"]["username"])


async def test_a_command_for_another_bot_is_nothing_to_us(bots: Running) -> None:
    ann, _ = await person(bots)
    bob = int((await bots.play.do("people"))["id"])
    me = await name_of(bots, VIAIZER)
    group = await group_of(bots, ann, bob)
    for words in ("/ban@some_other_bot", "/ban", "/image@some_other_bot a cat"):
        await group.say(bob, words)
    assert await bots.desk.users.find("telegram", str(bob)) is None
    assert await group.heard() == []
    await group.say(ann, f"/image@{me.upper()} a boat")
    (job,) = await bots.wait_jobs(1)
    assert (await bots.payload(job["id"]))["prompt"] == "a boat"
    card = (await group.heard())[-1]
    for words in ("/image@some_other_bot a cat", "/ban", f"/ban @{me}"):
        await group.say(ann, words, reply_to=card["message_id"])
    await group.say(ann, f"/nonsense@{me}")
    assert "do not know this command" in text_of((await group.heard())[-1])
    assert len(await bots.jobs()) == 1
    await say(bots, ann, "/image@some_other_bot a cat")
    await bots.hears(ann, "do not know this command")
    assert len(await bots.jobs()) == 1


async def test_what_another_app_does_is_said_to_be_its(bots: Running) -> None:
    """Text AI draws nothing, and takes no command for a text."""
    ann = int((await bots.play.do("people"))["id"])
    await bots.play.do("say", person=ann, bot=TEXT_BOT, text="/image a cat")
    await bots.hears(ann, f"@{await name_of(bots, VIAIZER)}", TEXT_BOT)
    await bots.play.do("say", person=ann, bot=TEXT_BOT, text="/nonsense")
    await bots.hears(ann, "do not know this command", TEXT_BOT)
    await settled(bots)
    assert await bots.owner.fetchval("select count(*) from app.wish") == 0
    assert not [one for one in await bots.said(ann, TEXT_BOT) if "In which style" in text_of(one)]


async def test_a_group_is_greeted_without_anybodys_balance(bots: Running) -> None:
    ann, user_id = await person(bots)
    bob = int((await bots.play.do("people"))["id"])
    group = await group_of(bots, ann, bob, TEXT_BOT)
    me = await name_of(bots, VIAIZER)
    await group.say(bob, f"/start@{me}")
    notice, greeting = (text_of(one) for one in await group.heard())
    assert "You are talking to an AI" in notice
    assert "Hello" in greeting
    await group.say(ann, f"/start@{me}")
    assert "Welcome back" in text_of((await group.heard())[-1])
    await bots.desk.wallets.first_use(user_id, App.VIAIZER)
    await bots.owner.execute(
        "update ledger.account set balance = 0, bonus = 0 where owner = $1", user_id
    )
    await group.say(ann, f"/image@{me} a castle")
    refused = (await group.heard())[-1]
    assert "Not enough credits" in text_of(refused)
    assert not any("you can spend" in text_of(one) for one in await group.heard())
    assert not any("You have" in text_of(one) for one in await group.heard())
    # In the private chat Bob is still the newcomer he is.
    await say(bots, bob, "/start")
    await bots.hears(bob, "You have")
    assert len(await bots.said(bob)) == 3


async def test_what_could_not_be_handled_is_told_once_to_who_asked(
    bots: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "RETRY_S", (0.01,))
    ann, _ = await person(bots, language="ru")
    await settled(bots)
    refuse = {"match": {"method": "sendMessage"}, "fault": "parse_error", "times": 5}

    async def told() -> list[str]:
        return [text_of(one) for one in await bots.said(ann) if "не получилось" in text_of(one)]

    await bots.play.put("faults", [refuse])
    await say(bots, ann, "/help")
    (words,) = await wait_until(told, 20, "it is told")
    assert "Ничего не списано" in words
    (line,) = await bots.desk.updates.aside()
    await bots.play.put("faults", [refuse])
    await bots.desk.updates.replay([line.id])
    await wait_until(bots.desk.updates.aside, 20, "set aside again")
    # What was begun before it failed is not said to have cost nothing.
    await bots.play.put("faults", [refuse])
    await say(bots, ann, "/image a boat")
    await wait_until(lambda: aside(bots, 2), 20, "the next one is set aside")
    await bots.hears(ann, "/history")
    assert len(await told()) == 1
    # Nobody can be told, nothing waits for it, and the next update is handled.
    await bots.play.put("faults", [refuse | {"times": 6}])
    await say(bots, ann, "/help")
    await wait_until(lambda: aside(bots, 3), 20, "and one more")
    await say(bots, ann, "/help")
    await settled(bots)
    assert len(await told()) == 1
    assert labels_of((await bots.said(ann))[-1])


async def test_what_is_waited_for_is_waited_for_a_day(
    bots: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it counts as a failure, and what its person has sent since is handled."""
    monkeypatch.setattr(dispatch, "RETRY_S", (0.01,))
    ann, _ = await person(bots)
    await settled(bots)
    await bots.room.limiter.pause(BOT, ann, 3_600)
    await say(bots, ann, "/help")
    due = "select count(*) from app.inbox where due_at > now() + interval '10 minutes'"
    await wait_until(lambda: bots.owner.fetchval(due), 20, "it waits")
    old = "update app.inbox set due_at = null, received_at = now() - interval '25 hours'"
    await bots.owner.execute(f"{old} where handled_at is null")
    (line,) = await wait_until(bots.desk.updates.aside, 20, "it is set aside")
    assert (line.tries, line.outcome) == (5, "set_aside:unavailable")


async def aside(bots: Running, count: int) -> bool:
    return len(await bots.desk.updates.aside()) == count
