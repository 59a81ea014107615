"""Play Stars: asked for, allowed, paid once or told five times, renewed, given back."""

import asyncio
from typing import Any

from ops.base.nursery import Nursery
from tests.integration.sandbox_telegram import BOT_ID, Play, playing, polling
from tests.support import wait_until

PACK: dict[str, Any] = {
    "title": "100 credits", "description": "Enough for a while.", "payload": "pack:100",
    "currency": "XTR", "prices": [{"label": "100 credits", "amount": 50}],
}  # fmt: skip


async def allow(play: Play, *, ok: bool = True) -> Any:
    """Answer the next pre_checkout_query as a bot does; the query."""
    while True:
        for update in (await play.call("getUpdates", timeout=5))["result"]:
            await play.call("getUpdates", offset=update["update_id"] + 1)
            if query := update.get("pre_checkout_query"):
                reason = {} if ok else {"error_message": "Sold out"}
                await play.call(
                    "answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=ok, **reason
                )
                return query


async def pay(play: Play, person: int, *, ok: bool = True, **facts: Any) -> Any:
    async with Nursery("tests") as nursery:
        allowed = nursery.start_task(allow(play, ok=ok), name="allow")
        paid = await play.do("pay", person=person, **facts)
        query = await asyncio.wait_for(allowed, 5)
        assert query["from"]["id"] == person
        return paid


async def balance(play: Play, person: int) -> int:
    found = play.world.people.get(person)
    assert found is not None
    return found.stars


async def test_a_bot_by_aiogram_is_paid() -> None:
    async with playing() as play, polling(play):
        person = (await play.do("people", stars=60))["id"]
        await play.do("say", person=person, bot=BOT_ID, text="/buy")

        def invoice() -> Any:
            return next((one for one in play.world.messages if one.invoice), None)

        message = await wait_until(invoice, 10, "the invoice is there")
        paid = await play.do("pay", person=person, bot=BOT_ID, message_id=message.id)
        assert paid["outcome"] == "paid"

        def thanks() -> bool:
            return any("Paid 50 Stars" in str(one.content) for one in play.world.messages)

        await wait_until(thanks, 10, "the bot says thank you")
        assert await balance(play, person) == 10
        again = await play.do("pay", person=person, bot=BOT_ID, message_id=message.id)
        assert again["outcome"] == "poor"


async def test_five_times_told_and_once_paid() -> None:
    async with playing() as play:
        person = await play.ann(stars=500)
        link = (await play.call("createInvoiceLink", **PACK))["result"]
        paid = await pay(play, person, slug=link, times=3)
        await play.do("paid-again", charge_id=paid["charge_id"], times=2)
        told = [one["message"] for one in (await play.call("getUpdates"))["result"]]
        assert len(told) == 5
        charges = {one["successful_payment"]["telegram_payment_charge_id"] for one in told}
        assert charges == {paid["charge_id"]}
        assert len({one["message_id"] for one in told}) == 5
        assert await balance(play, person) == 450


async def test_a_refusal_a_silence_and_a_forged_amount() -> None:
    async with playing() as play:
        person = await play.ann(stars=500)
        link = (await play.call("createInvoiceLink", **PACK))["result"]
        assert await pay(play, person, ok=False, slug=link) == {
            "outcome": "refused", "reason": "Sold out", "charge_id": "",
        }  # fmt: skip
        silent = await play.do("pay", person=person, slug=link, timeout_s=0.1)
        assert silent["outcome"] == "timeout"
        assert await balance(play, person) == 500
        play.world.updates.forget(BOT_ID)
        await pay(play, person, slug=link, told_stars=1)
        told = (await play.call("getUpdates"))["result"][-1]["message"]["successful_payment"]
        assert told["total_amount"] == 1
        assert await balance(play, person) == 450


async def test_a_refund_and_the_list_of_transactions() -> None:
    async with playing() as play:
        person, bot = await play.ann(stars=500), play.bot()
        link = await bot.create_invoice_link(**PACK)
        charge = (await pay(play, person, slug=link))["charge_id"]
        assert await bot.refund_star_payment(person, charge) is True
        assert await balance(play, person) == 500
        again = await play.call(
            "refundStarPayment", user_id=person, telegram_payment_charge_id=charge
        )
        assert again["description"] == "Bad Request: CHARGE_ALREADY_REFUNDED"
        rows = (await bot.get_star_transactions()).transactions
        assert [(row.id, row.amount, row.source is None) for row in rows] == [
            (charge, 50, False), (charge, 50, True),
        ]  # fmt: skip
        service = (await play.call("getUpdates"))["result"][-1]["message"]
        assert service["refunded_payment"]["telegram_payment_charge_id"] == charge
        assert (await bot.get_my_star_balance()).amount == 0
        await bot.session.close()


async def test_a_subscription_is_renewed_and_canceled() -> None:
    async with playing() as play:
        person = await play.ann(stars=120)
        month = PACK | {"subscription_period": 2_592_000}
        link = (await play.call("createInvoiceLink", **month))["result"]
        charge = (await pay(play, person, slug=link))["charge_id"]
        first = (await play.call("getUpdates"))["result"][-1]["message"]["successful_payment"]
        assert (first["is_recurring"], first["is_first_recurring"]) == (True, True)
        assert first["subscription_expiration_date"] > 0
        renewed = await play.do("renew", charge_id=charge)
        assert renewed["charge_id"] != charge
        second = (await play.call("getUpdates"))["result"][-1]["message"]["successful_payment"]
        assert "is_first_recurring" not in second
        assert (await play.do("renew", charge_id=charge))["outcome"] == "poor"
        failed = (await play.call("getUpdates"))["result"][-1]["subscription"]
        assert (failed["user"]["id"], failed["state"]) == (person, "failed")
        await play.do("subscription", charge_id=charge, state="canceled")
        assert (await play.do("renew", charge_id=charge))["outcome"] == "refused"
