"""Play Stars on their way: asked for, allowed by the bot, paid, told, renewed, given back."""

import secrets
from dataclasses import dataclass
from typing import Literal

from ops.base.clock import unix_s
from ops.sandbox.telegram import rooms, views, wire
from ops.sandbox.telegram.records import Bot, Chat, Invoice, Message, Payment, Person, Wire
from ops.sandbox.telegram.world import TelegramWorld

Outcome = Literal["paid", "refused", "timeout", "poor", "unknown"]


@dataclass(frozen=True, slots=True)
class Paid:
    """How an attempt to pay ended; `reason` is the bot's, when it refused."""

    outcome: Outcome
    reason: str = ""
    charge_id: str = ""


def new_invoice(
    bot_id: int, title: str, description: str, payload: str, stars: int, period_s: int
) -> Invoice:
    return Invoice(
        slug=secrets.token_urlsafe(12), bot_id=bot_id, title=title, description=description,
        payload=payload, stars=stars, period_s=period_s,
    )  # fmt: skip


async def pay(
    world: TelegramWorld, person: Person, invoice: Invoice, *, times: int = 1,
    told_stars: int | None = None, timeout_s: float | None = None,
) -> Paid:  # fmt: skip
    """Ask the bot, take the Stars, tell the bot.

    `times`: how often successful_payment is delivered (0: it is lost). `told_stars`: an amount other
    than the true one, in the pre_checkout_query and the payment, as only a forger would send it.
    """
    bot = world.bots.get(invoice.bot_id)
    if bot is None:
        return Paid("unknown")
    if person.stars < invoice.stars:
        return Paid("poor")
    query = world.queries.ask("pre_checkout", bot_id=bot.id, person_id=person.id)
    body: Wire = {
        "id": query.id,
        "from": wire.person(person),
        "currency": "XTR",
        "total_amount": invoice.stars if told_stars is None else told_stars,
        "invoice_payload": invoice.payload,
    }
    world.updates.post(bot, "pre_checkout_query", body, chat_id=str(person.id))
    answer = await world.queries.wait(query, timeout_s)
    if answer is None:
        return Paid("timeout")
    if not answer["ok"]:
        return Paid("refused", answer["error_message"])
    if person.stars < invoice.stars:  # spent elsewhere while the bot was thinking
        return Paid("poor")
    payment = _take(world, person, invoice)
    _tell(world, bot, person, payment, times=times, told_stars=told_stars)
    return Paid("paid", charge_id=payment.charge_id)


def deliver_again(world: TelegramWorld, payment: Payment, *, times: int) -> list[int]:
    """successful_payment once more, each time as a message and an update of its own."""
    bot, person = world.bots.get(payment.bot_id), world.people.get(payment.person_id)
    if bot is None or person is None:
        return []
    return _tell(world, bot, person, payment, times=times, told_stars=None)


def renew(world: TelegramWorld, payment: Payment) -> Paid:
    """The next month of a subscription; without the Stars for it, it fails and the bot hears so."""
    bot, person = world.bots.get(payment.bot_id), world.people.get(payment.person_id)
    invoice = world.invoices.get(payment.invoice)
    if bot is None or person is None or invoice is None or not payment.period_s:
        return Paid("unknown")
    if payment.canceled:
        return Paid("refused", "the subscription is canceled")
    if person.stars < invoice.stars:
        tell_subscription(world, payment, "failed")
        return Paid("poor")
    fresh = _take(world, person, invoice, first=False)
    _tell(world, bot, person, fresh, times=1, told_stars=None)
    return Paid("paid", charge_id=fresh.charge_id)


def tell_subscription(world: TelegramWorld, payment: Payment, state: str) -> int:
    """The update `subscription`: canceled, active or failed."""
    bot = world.bots.get(payment.bot_id)
    if bot is None:
        return 0
    user = world.account_wire(payment.person_id)
    body: Wire = {"user": user, "invoice_payload": payment.payload, "state": state}
    return world.updates.post(bot, "subscription", body, chat_id=str(payment.person_id))


def refund(world: TelegramWorld, payment: Payment) -> None:
    """Give the Stars back; both sides see a service message."""
    payment.refunded_at = int(unix_s())
    world.payments.put(payment)
    bot, person = world.bots.get(payment.bot_id), world.people.get(payment.person_id)
    if bot is None or person is None:
        return
    _change_stars(world, person, payment.stars)
    content: Wire = {"refunded_payment": wire.refunded_payment(payment)}
    _service_message(world, bot, person, content)


def _take(world: TelegramWorld, person: Person, invoice: Invoice, *, first: bool = True) -> Payment:
    _change_stars(world, person, -invoice.stars)
    now = int(unix_s())
    return world.payments.put(
        Payment(
            charge_id=f"play_{secrets.token_hex(20)}",
            invoice=invoice.slug,
            bot_id=invoice.bot_id,
            person_id=person.id,
            payload=invoice.payload,
            stars=invoice.stars,
            at=now,
            period_s=invoice.period_s,
            expires_at=now + invoice.period_s if invoice.period_s else None,
            first=first,
        )
    )


def _tell(
    world: TelegramWorld, bot: Bot, person: Person, payment: Payment, *, times: int,
    told_stars: int | None,
) -> list[int]:  # fmt: skip
    told = wire.successful_payment(payment)
    if told_stars is not None:
        told["total_amount"] = told_stars
    content: Wire = {"successful_payment": told}
    sent = [_service_message(world, bot, person, content) for _ in range(times)]
    _show_invoices_paid(world, world.private_chat(bot, person), payment)
    return sent


def _service_message(world: TelegramWorld, bot: Bot, person: Person, content: Wire) -> int:
    chat = world.private_chat(bot, person)
    author: Wire = {"from": wire.person(person)}
    message = world.add_message(chat, content, author=author, person_id=person.id)
    return rooms.publish(world, chat, message)


def _show_invoices_paid(world: TelegramWorld, chat: Chat, payment: Payment) -> None:
    person = world.people.get(payment.person_id)
    paid: list[Message] = [one for one in world.history(chat) if one.invoice == payment.invoice]
    for message in paid:
        if person is not None:
            body = {"chat": chat.key, "message": views.message(world, message, person)}
            world.feed.tell(person.id, "edit", body)


def _change_stars(world: TelegramWorld, person: Person, change: int) -> None:
    person.stars += change
    world.people.put(person)
    world.feed.tell(person.id, "wallet", {"stars": person.stars})
