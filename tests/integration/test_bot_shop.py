"""The shop in the chat: an order, the question before a payment, the credit, and what goes wrong."""

import asyncio
import json
from typing import Any

import pytest

from ledger.exchange import Exchange
from ledger.stars import Stars
from ledger.subscriptions import Subscriptions
from ops.sandbox.telegram import cashier
from producers.bot.cashier import take, till_of
from producers.bot.payments import reconcile
from producers.bot.refunds import refund_charge
from producers.bot.renewals import set_renewal
from schemas.errors import Conflict, Insufficient, Missing
from schemas.ids import derive_id, new_id
from schemas.money import App, Currency
from schemas.plans import PlanName
from storage.jobs import Jobs
from storage.ledger_plans import SubscriptionRow
from storage.orders import Order, Orders, Paid
from storage.updates import NewUpdate
from tests.integration.bots import Running, labels_of, quiet, say, text_of
from tests.integration.bots import press_and_wait as press
from tests.integration.sandbox_telegram import Play
from tests.rig import job
from tests.support import wait_until

BOT = 4242
BALANCE = "select balance from audit_wallets where user_id = $1 and currency = 'CREDIT'"
SALES = "select count(*) from ledger.purchase"


async def ann(bots: Running, **facts: object) -> tuple[int, int]:
    """A person who has begun: the Telegram id and ours."""
    who = int((await bots.play.do("people", **facts))["id"])
    await bots.play.do("say", person=who, bot=BOT, text="/start")
    await bots.hears(who, "You have")
    await bots.idle()
    user_id = await bots.desk.users.find("telegram", str(who))
    assert user_id is not None
    return who, user_id


async def invoice(bots: Running, who: int, label: str) -> dict[str, Any]:
    """Through /buy and a button to the message with the invoice."""
    await say(bots, who, "/buy")
    await press(bots, who, await bots.hears(who, "Buy credits or a plan"), label)

    async def there() -> dict[str, Any] | None:
        return next((one for one in reversed(await bots.said(who)) if one.get("invoice")), None)

    found: dict[str, Any] | None = await wait_until(there, 20, "an invoice")
    assert found is not None
    return found


async def pay(bots: Running, who: int, label: str = "50 credits", **facts: Any) -> Any:
    message = await invoice(bots, who, label)
    return await bots.play.do("pay", person=who, bot=BOT, message_id=message["message_id"], **facts)


async def link_of(bots: Running, who: int, plan: str) -> str:
    """Through /buy and a button to the link that pays a plan."""
    await say(bots, who, "/buy")
    await press(bots, who, await bots.hears(who, "Buy credits or a plan"), f"{plan} for 30 days")
    message = await bots.hears(who, f"{plan} for 30 days\n")
    return str(message["reply_markup"]["inline_keyboard"][0][0]["url"])


async def subscribe(bots: Running, who: int, plan: str) -> str:
    """The charge of the first month."""
    paid = await bots.play.do("pay", person=who, slug=await link_of(bots, who, plan))
    assert paid["outcome"] == "paid", paid
    await bots.hears(who, f"The plan {plan} is yours")
    await bots.idle()
    return str(paid["charge_id"])


async def order_of(bots: Running, user_id: int) -> Order:
    till = till_of(bots.room)
    article = till.article("package", "spark")
    return await till.order(user_id, article, bot_id=BOT, app=App.VIAIZER)


def paid_for(order: Order, who: int, charge: str, **changed: Any) -> Paid:
    facts: dict[str, Any] = {
        "charge_id": charge, "bot_id": BOT, "payer_id": who, "stars": order.article.stars,
        "currency": "XTR", "payload": str(order.id),
    } | changed  # fmt: skip
    return Paid(**facts)


async def has(bots: Running, user_id: int, units: int) -> None:
    async def there() -> bool:
        return bool(await bots.owner.fetchval(BALANCE, user_id) == units)

    await wait_until(there, 20, f"a balance of {units}")


async def sound(bots: Running) -> None:
    assert await bots.owner.fetch("select * from ledger.violations") == []


async def test_a_package_is_bought_and_paid_again(bots: Running) -> None:
    who, user_id = await ann(bots)
    paid = await pay(bots, who)
    assert paid["outcome"] == "paid"
    told = await bots.hears(who, "Thank you")
    assert "50 credits" in text_of(told)
    assert await bots.owner.fetchval(BALANCE, user_id) == 1_100_000
    message = next(one for one in reversed(await bots.said(who)) if one.get("invoice"))
    again = await bots.play.do("pay", person=who, bot=BOT, message_id=message["message_id"])
    assert again["charge_id"] != paid["charge_id"]
    await has(bots, user_id, 1_600_000)
    await sound(bots)


async def test_told_five_times_at_once_with_one_wrong_amount_is_one_credit(bots: Running) -> None:
    who, user_id = await ann(bots)
    order = await order_of(bots, user_id)
    right, wrong = paid_for(order, who, "ch-1"), paid_for(order, who, "ch-1", stars=1)
    receipts = await asyncio.gather(
        *(take(bots.room, None, paid) for paid in (right, right, wrong, right, right))
    )
    assert [one.outcome for one in receipts].count("credited") == 4
    assert sum(one.first for one in receipts if one.outcome == "credited") == 1
    assert await bots.owner.fetchval(BALANCE, user_id) == 1_100_000
    assert await bots.owner.fetchval(SALES) == 1
    (parked,) = await Orders(bots.desk.db).parked()
    assert (parked.charge_id, parked.stars, parked.reason) == ("ch-1", 1, "wrong_amount")
    thanks = [one for one in await bots.said(who) if "Thank you" in text_of(one)]
    assert len(thanks) == 1
    await sound(bots)


async def test_the_same_by_the_wire_and_a_forged_amount_alone(bots: Running) -> None:
    who, user_id = await ann(bots)
    order = await order_of(bots, user_id)
    message = {
        "message_id": 900, "date": 1, "chat": {"id": who, "type": "private", "first_name": "Ann"},
        "from": {"id": who, "is_bot": False, "first_name": "Ann"},
    }  # fmt: skip
    for stars in (1, 50, 50, 50, 50):
        told = {
            "currency": "XTR", "total_amount": stars, "invoice_payload": str(order.id),
            "telegram_payment_charge_id": "ch-9", "provider_payment_charge_id": "p",
        }  # fmt: skip
        await bots.play.do(
            "updates", bot=BOT, body={"message": message | {"successful_payment": told}}
        )
    await bots.hears(who, "not as they were offered")
    await bots.hears(who, "Thank you")
    await bots.idle()
    assert await bots.owner.fetchval(BALANCE, user_id) == 1_100_000
    assert [one.stars for one in await Orders(bots.desk.db).parked()] == [1]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"stars": 49}, "wrong_amount"),
        ({"currency": "EUR"}, "wrong_currency"),
        ({"payload": "no order"}, "unknown_order"),
        ({"payload": str(new_id())}, "unknown_order"),
        ({"bot_id": 4343}, "another_bot"),
    ],
)
async def test_what_does_not_fit_its_order_is_refused_before_and_parked_after(
    bots: Running, changed: dict[str, Any], reason: str
) -> None:
    who, user_id = await ann(bots)
    paid = paid_for(await order_of(bots, user_id), who, "ch-2", **changed)
    till = till_of(bots.room)
    assert await till.check(paid) == reason
    receipt = await till.accept(paid)
    assert (receipt.outcome, receipt.reason, receipt.first) == ("parked", reason, True)
    assert not (await till.accept(paid)).first
    assert await bots.owner.fetchval(BALANCE, user_id) == 600_000
    assert [one.reason for one in await Orders(bots.desk.db).parked()] == [reason]


async def test_an_invoice_is_for_its_own_person(bots: Running) -> None:
    who, user_id = await ann(bots)
    other, _ = await ann(bots)
    message = await invoice(bots, who, "50 credits")
    slug = next(one.invoice for one in bots.play.world.messages if one.id == message["message_id"])
    refused = await bots.play.do("pay", person=other, slug=slug)
    assert refused["outcome"] == "refused"
    assert "somebody else" in refused["reason"]
    assert await bots.owner.fetchval(SALES) == 0
    assert user_id


async def test_the_question_before_a_payment_waits_for_no_update_and_no_job(
    bots: Running,
) -> None:
    """The sandbox takes ten seconds for an answer, as the real one does."""
    who, _ = await ann(bots)
    bob, bob_id = await ann(bots)
    message = await invoice(bots, who, "50 credits")
    await bots.desk.updates.add([_hello(bob, n) for n in range(2_000)])
    waiting = [job(bob_id, price_units=0, kind="video.generate") for _ in range(900)]
    assert {one.code for one in await Jobs(bots.desk.db).submit_many(waiting)} == {"ok"}
    outcomes = [
        (await bots.play.do("pay", person=who, bot=BOT, message_id=message["message_id"]))[
            "outcome"
        ]
        for _ in range(20)
    ]
    assert outcomes == ["paid"] * 20
    left = await bots.owner.fetchval("select count(*) from app.inbox where handled_at is null")
    assert left > 1_000, "the crowd was gone before the payments came"


def _hello(who: int, number: int) -> NewUpdate:
    person = {"id": who, "is_bot": False, "first_name": "Bob"}
    body = {
        "update_id": 10_000_000 + number,
        "message": {
            "message_id": 1, "date": 1, "text": "/help", "from": person,
            "chat": {"id": who, "type": "private", "first_name": "Bob"},
        },
    }  # fmt: skip
    return NewUpdate(BOT, str(10_000_000 + number), json.dumps(body).encode(), who, number)


async def test_a_lost_payment_is_found_in_the_list(bots: Running) -> None:
    who, user_id = await ann(bots)
    paid = await pay(bots, who, times=0)
    assert paid["outcome"] == "paid"
    assert await bots.owner.fetchval(BALANCE, user_id) == 600_000
    assert await reconcile(bots.room, BOT) == 1
    assert await bots.owner.fetchval(BALANCE, user_id) == 1_100_000
    await bots.hears(who, "Thank you")
    assert await reconcile(bots.room, BOT) == 0
    handled = "select count(*) from app.inbox where handled_at is not null"
    before = await bots.owner.fetchval(handled)
    await bots.play.do("paid-again", charge_id=paid["charge_id"], times=2)

    async def heard() -> bool:
        return bool(await bots.owner.fetchval(handled) >= before + 2)

    await wait_until(heard, 20, "both reports are handled")
    assert await bots.owner.fetchval(BALANCE, user_id) == 1_100_000
    assert sum("Thank you" in text_of(one) for one in await bots.said(who)) == 1


async def test_a_credit_that_died_before_it_was_noted_is_noted_once(bots: Running) -> None:
    """The ledger has it, our own row does not; then the row is there and nobody was thanked."""
    who, user_id = await ann(bots)
    order = await order_of(bots, user_id)
    paid = paid_for(order, who, "ch-3")
    article = order.article
    await Stars(bots.desk.db).buy_units(
        "ch-3", user_id=user_id, stars=article.stars, units=article.units
    )
    receipt = await till_of(bots.room).accept(paid)
    assert (receipt.outcome, receipt.first) == ("credited", True)
    again = await take(bots.room, None, paid)
    assert (again.outcome, again.first) == ("credited", False)
    await bots.hears(who, "Thank you")
    assert await bots.owner.fetchval(BALANCE, user_id) == 1_100_000
    await sound(bots)


async def test_a_refund_said_twice_is_once(bots: Running) -> None:
    who, user_id = await ann(bots, stars=100)
    charge = str((await pay(bots, who))["charge_id"])
    await bots.hears(who, "Thank you")
    told = await asyncio.gather(
        *(refund_charge(bots.desk.db, bots.room.bots, charge, reason="asked") for _ in range(2)),
        return_exceptions=True,
    )
    assert "returned" in told
    assert await refund_charge(bots.desk.db, bots.room.bots, charge, reason="asked") == "returned"
    assert await bots.owner.fetchval(BALANCE, user_id) == 600_000
    person = bots.play.world.people.get(who)
    assert person is not None
    assert person.stars == 100
    with pytest.raises(Missing):
        await refund_charge(bots.desk.db, bots.room.bots, "ch-none", reason="asked")
    await sound(bots)


async def test_a_refund_that_died_in_the_middle_goes_on(bots: Running) -> None:
    """Both halves: the credits are gone and the Stars are not, then the Stars are and nobody noted it."""
    who, user_id = await ann(bots, stars=100)
    charge = str((await pay(bots, who))["charge_id"])
    await bots.hears(who, "Thank you")
    await Stars(bots.desk.db).refund(charge, reason="asked", actor="operator")
    await bots.room.bots[BOT].refund_star_payment(who, charge)
    assert await refund_charge(bots.desk.db, bots.room.bots, charge, reason="asked") == "returned"
    person = bots.play.world.people.get(who)
    assert person is not None
    assert person.stars == 100
    assert await bots.owner.fetchval(BALANCE, user_id) == 600_000


async def test_spent_credits_are_not_refunded_and_a_parked_payment_is(bots: Running) -> None:
    who, user_id = await ann(bots, stars=200)
    charge = str((await pay(bots, who))["charge_id"])
    await bots.hears(who, "Thank you")
    exchange = Exchange(bots.desk.db)
    offer = await exchange.offer(Currency.CREDIT, Currency.BATV, units=900_000)
    await exchange.convert(derive_id("t", user_id), user_id=user_id, offer=offer)
    with pytest.raises(Insufficient):
        await refund_charge(bots.desk.db, bots.room.bots, charge, reason="asked")
    till = till_of(bots.room)
    odd = str((await pay(bots, who, times=0))["charge_id"])
    order = await order_of(bots, user_id)
    assert (await till.accept(paid_for(order, who, odd, stars=7))).outcome == "parked"
    assert await refund_charge(bots.desk.db, bots.room.bots, odd, reason="asked") == "returned"
    assert await Orders(bots.desk.db).parked() == []


async def test_a_refund_made_outside_takes_the_credits_back(bots: Running) -> None:
    who, user_id = await ann(bots)
    charge = str((await pay(bots, who))["charge_id"])
    await bots.hears(who, "Thank you")
    await bots.room.bots[BOT].refund_star_payment(who, charge)
    await reconcile(bots.room, BOT)
    assert await bots.owner.fetchval(BALANCE, user_id) == 600_000
    await sound(bots)


async def test_a_plan_is_renewed_stopped_and_followed_by_a_larger_one(bots: Running) -> None:
    who, user_id = await ann(bots, stars=9_000)
    charge = await subscribe(bots, who, "PRO")
    subscriptions = Subscriptions(bots.desk.db)
    first = await subscriptions.current(user_id)
    assert first is not None
    assert (first.plan, first.auto_renew) == ("PRO", True)
    await bots.play.do("renew", charge_id=charge)

    async def renewed() -> SubscriptionRow | None:
        found = await subscriptions.current(user_id)
        return found if found and found.ends_at > first.ends_at else None

    second = await wait_until(renewed, 20, "the plan is renewed")
    assert second is not None
    assert (second.ends_at - first.ends_at).days == 30
    await bots.play.do("subscription", charge_id=charge, state="canceled")
    await bots.hears(who, "renewal of PRO is stopped")
    third = await subscriptions.current(user_id)
    assert third is not None
    assert not third.auto_renew
    await set_renewal(bots.room, user_id, on=True)
    assert not _canceled(bots.play, charge)
    await subscribe(bots, who, "ENTERPRISE")
    assert (await bots.desk.users.plan(user_id)).value == "ENTERPRISE"
    assert _canceled(bots.play, charge), "the person would pay for both"
    with pytest.raises(Conflict):
        await refund_charge(bots.desk.db, bots.room.bots, charge, reason="asked")
    await sound(bots)


def _canceled(play: Play, charge: str) -> bool:
    found = play.world.payments.get(charge)
    assert found is not None
    return found.canceled


async def test_what_waited_for_credits_runs_after_the_purchase(bots: Running) -> None:
    who, user_id = await ann(bots)
    exchange = Exchange(bots.desk.db)
    offer = await exchange.offer(Currency.CREDIT, Currency.BATT, units=500_000)
    await exchange.convert(derive_id("t", user_id), user_id=user_id, offer=offer)
    for number in range(9):
        await say(bots, who, f"/video a sea {number}")
    kept = await bots.hears(who, "kept")
    assert any("Buy" in one for one in labels_of(kept))
    await quiet(bots)
    assert len(await bots.jobs()) < 8, "several are kept"
    await pay(bots, who)
    await bots.hears(who, "Thank you")
    await bots.wait_jobs(9)
    await quiet(bots)
    jobs = await bots.jobs()
    assert [(await bots.payload(job["id"]))["prompt"] for job in jobs] == [
        f"a sea {number}" for number in range(9)
    ]


async def test_a_link_that_is_paid_twice_is_one_plan_and_one_renewal(bots: Running) -> None:
    who, user_id = await ann(bots, stars=9_000)
    charge = await subscribe(bots, who, "PRO")
    plan = await Subscriptions(bots.desk.db).current(user_id)
    (asked,) = [one for one in await bots.said(who) if "PRO for 30 days\n" in text_of(one)]
    link = asked["reply_markup"]["inline_keyboard"][0][0]["url"]
    refused = await bots.play.do("pay", person=who, slug=link)
    assert (refused["outcome"], "paid for already" in refused["reason"]) == ("refused", True)

    # A second one that arrives all the same, told twice, and found in the list once more.
    world = bots.play.world
    first, person = world.payments.get(charge), world.people.get(who)
    assert first is not None
    assert person is not None
    paid_by = world.invoices.get(first.invoice)
    assert paid_by is not None
    second = cashier._take(world, person, paid_by)
    await bots.play.do("paid-again", charge_id=second.charge_id, times=2)
    await bots.hears(who, "not counted twice")
    await quiet(bots)
    await reconcile(bots.room, BOT)
    (parked,) = await Orders(bots.desk.db).parked()
    assert (parked.charge_id, parked.reason) == (second.charge_id, "second_subscription")
    assert _canceled(bots.play, second.charge_id)
    assert not _canceled(bots.play, charge)
    assert await Subscriptions(bots.desk.db).current(user_id) == plan
    assert len([one for one in await bots.said(who) if "not counted" in text_of(one)]) == 1
    assert [one.charge_id for one in await Orders(bots.desk.db).renewals(user_id)] == [charge]
    await bots.play.do("renew", charge_id=charge)  # a renewal is no second subscription

    async def renewed() -> bool:
        found = await Subscriptions(bots.desk.db).current(user_id)
        return bool(found and plan and found.ends_at > plan.ends_at)

    await wait_until(renewed, 20, "the plan is renewed")
    told = await refund_charge(bots.desk.db, bots.room.bots, second.charge_id, reason="second")
    assert told == "returned"
    await sound(bots)


async def test_what_a_given_plan_includes_is_not_sold_and_not_renewed(bots: Running) -> None:
    who, user_id = await ann(bots, stars=9_000)
    charge, link = await subscribe(bots, who, "PRO"), await link_of(bots, who, "ENTERPRISE")
    await Subscriptions(bots.desk.db).give(user_id, PlanName.ENTERPRISE)
    refused = await bots.play.do("pay", person=who, slug=link)
    assert (refused["outcome"], "you were given includes" in refused["reason"]) == ("refused", True)
    await bots.play.do("renew", charge_id=charge)
    await bots.hears(who, "that the one you were given includes")
    (parked,) = await Orders(bots.desk.db).parked()
    assert (parked.user_id, parked.reason) == (user_id, "plan_given")
    assert _canceled(bots.play, charge), "the person would pay for nothing, every month"
    assert await bots.desk.users.plan(user_id) is PlanName.ENTERPRISE
    await say(bots, who, "/buy")
    shown = await bots.hears(who, "ENTERPRISE was given to you")
    assert not any("for 30 days" in one for one in labels_of(shown))
    assert any("50 credits" in one for one in labels_of(shown))
    await sound(bots)


async def test_what_is_shown_as_renewed_is_what_telegram_charges_for(bots: Running) -> None:
    """A smaller plan behind a larger one: the larger one ends, the smaller one goes on."""
    who, user_id = await ann(bots, stars=9_000)
    large, small = await subscribe(bots, who, "ENTERPRISE"), await subscribe(bots, who, "PRO")
    assert _canceled(bots.play, large)
    assert not _canceled(bots.play, small)
    await say(bots, who, "/buy")
    shown = await bots.hears(who, "PRO is charged for by Telegram")
    told = text_of(shown)
    assert "ENTERPRISE: runs until" in told
    assert "After it come 30 days of PRO" in told
    assert not any("PRO for" in one for one in labels_of(shown))
    assert any("ENTERPRISE for" in one for one in labels_of(shown))
    lost = {"match": {"method": "editUserStarSubscription"}, "fault": "server_error", "times": 1}
    await bots.play.put("faults", [lost])
    await press(bots, who, shown, "Stop the renewal")

    async def stopped() -> bool:
        return _canceled(bots.play, small)

    await wait_until(stopped, 20, "nothing is charged any more")
    await quiet(bots)
    assert await Orders(bots.desk.db).renewals(user_id) == []
    current = await Subscriptions(bots.desk.db).current(user_id)
    assert current is not None
    assert (current.plan, current.next_plan, current.auto_renew) == ("ENTERPRISE", "PRO", False)
    await say(bots, who, "/buy")

    await quiet(bots)
    shown = (await bots.said(who))[-1]
    assert "Renew it again" in labels_of(shown)
    assert "charged for by Telegram" not in text_of(shown)
    await press(bots, who, shown, "Renew it again")
    await quiet(bots)
    assert not _canceled(bots.play, small)
    assert _canceled(bots.play, large)
    await sound(bots)
