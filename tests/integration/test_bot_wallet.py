"""The wallet in the chat: what there is, where it went, what is left today, and exchanges."""

from decimal import Decimal
from uuid import uuid4

from ledger.exchange import Exchange
from schemas.buttons import Press, pack, ref_of
from schemas.money import App, Currency
from tests.integration.bots import Running, person, press, say, text_of
from tests.integration.edge import a_wish, finish_text

BOT = 4242
WALLET = "select balance from audit_wallets where user_id = $1 and currency = $2"


async def test_the_balance_names_wallets_bonus_plan_and_todays_requests(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.desk.wallets.credit(
        uuid4(), user_id=user_id, currency=Currency.BATV, units=70_000, kind="grant"
    )
    await say(bots, who, "/balance")
    told = text_of(await bots.hears(who, "Wallet"))
    assert "• 60 credits" in told
    assert "of which 10 credits bonus" in told
    assert "• 7 viAIzer batteries" in told
    assert "Plan: FREE" in told
    assert "0 of 25 requests today" in told


async def test_the_clock_of_the_balance_is_the_persons_own(bots: Running) -> None:
    who, user_id = await person(bots)
    await bots.desk.users.set_zone(user_id, "Asia/Kolkata")
    await say(bots, who, "/balance")
    assert "a new day at 05:30" in text_of(await bots.hears(who, "Wallet"))


async def test_the_history_has_pages_and_receipts_of_its_own_person(bots: Running) -> None:
    who, user_id = await person(bots)
    other, _ = await person(bots)
    for number in range(10):
        wish = a_wish(user_id, f"helo {number}", app=App.PENORA)
        accepted = await bots.desk.intake.submit(wish)
        await finish_text(bots.desk, accepted.job_id)
    await say(bots, who, "/history")
    first = await bots.hears(who, "History")
    assert text_of(first).count("Spent") == 8
    await press(bots, who, first, "1", wait=True)
    receipt = text_of(await bots.hears(who, "Receipt"))
    assert "Charged: 1 credit" in receipt
    await press(bots, who, first, "Older", wait=True)
    older = await bots.hears(who, "Gift")
    assert older["message_id"] == first["message_id"], "the page changes in its place"
    assert text_of(older).count("Spent") == 2
    (job, *_) = await bots.jobs()
    data = pack(Press("receipt", ref_of(job["id"])))
    await say(bots, other, "/history")
    theirs = await bots.hears(other, "History")
    answer = await bots.play.do(
        "press", person=other, bot=BOT, message_id=theirs["message_id"], data=data, sure=True,
        wait=True,
    )  # fmt: skip
    assert "not yours" in str(answer)


async def test_limits_of_every_app(bots: Running) -> None:
    who, _ = await person(bots)
    await say(bots, who, "/limits")
    told = text_of(await bots.hears(who, "Limits"))
    for words in ("viAIzer: 0 of 25", "Text AI: 0 of 100", "Penora: 0 of 100", "1024 KiB"):
        assert words in told


async def test_an_exchange_is_shown_confirmed_and_made_once(bots: Running) -> None:
    who, user_id = await person(bots)
    await say(bots, who, "/convert")
    asked = await bots.hears(who, "exchange?")
    await press(bots, who, asked, "credits → viAIzer", wait=True)
    await press(bots, who, await bots.hears(who, "up to 50 credits"), "25 credits", wait=True)
    offer = await bots.hears(who, "You give 25 credits and get 25 viAIzer batteries")
    assert await bots.owner.fetchval(WALLET, user_id, "CREDIT") == 600_000
    await press(bots, who, offer, "Exchange", times=3)
    await bots.hears(who, "25 credits became")
    await bots.idle()
    assert await bots.owner.fetchval(WALLET, user_id, "CREDIT") == 350_000
    assert await bots.owner.fetchval(WALLET, user_id, "BATV") == 250_000


async def test_a_rate_that_moved_is_asked_about_again(bots: Running) -> None:
    who, user_id = await person(bots)
    await say(bots, who, "/convert 10 CREDIT BATT")
    offer = await bots.hears(who, "You give 10 credits")
    exchange = Exchange(bots.desk.db)
    await exchange.set_rate(Currency.CREDIT, Currency.BATT, rate=Decimal("0.5"), actor="test")
    await press(bots, who, offer, "Exchange", wait=True)
    again = await bots.hears(who, "rate has changed")
    assert "get 5 Text AI batteries" in text_of(again)
    assert await bots.owner.fetchval(WALLET, user_id, "CREDIT") == 600_000
    await press(bots, who, again, "Exchange", wait=True)
    await bots.hears(who, "10 credits became 5")
    assert await bots.owner.fetchval(WALLET, user_id, "BATT") == 50_000


async def test_a_bonus_is_not_exchanged_and_nonsense_is_refused(bots: Running) -> None:
    who, user_id = await person(bots)
    for words in ("60 CREDIT BATV", "x CREDIT BATV", "1 CREDIT XTR", "-5 CREDIT BATV", "1 CREDIT"):
        await say(bots, who, f"/convert {words}")
    offer = await bots.hears(who, "You give 60 credits")
    await press(bots, who, offer, "Exchange", wait=True)
    await bots.idle()
    assert await bots.owner.fetchval(WALLET, user_id, "CREDIT") == 600_000
    assert await bots.owner.fetchval(WALLET, user_id, "BATV") is None
