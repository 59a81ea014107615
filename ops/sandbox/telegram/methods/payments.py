"""Stars: invoices, the answer before the payment, refunds, subscriptions, the list of transactions."""

from typing import Any, Final

from ops.sandbox.telegram import cashier, wire
from ops.sandbox.telegram.keyboards import inline_keyboard
from ops.sandbox.telegram.methods.method import Method
from ops.sandbox.telegram.params import JsonList, Params
from ops.sandbox.telegram.records import Invoice, Payment, Wire
from ops.sandbox.telegram.refusals import bad_request
from ops.sandbox.telegram.visit import SendParams, Visit

TITLE_MAX: Final = 32
DESCRIPTION_MAX: Final = 255
PAYLOAD_MAX_BYTES: Final = 128
MONTH_S: Final = 2_592_000
SUBSCRIPTION_STARS_MAX: Final = 10_000
STARS_MAX: Final = 100_000
PAGE_MAX: Final = 100


class SendInvoice(SendParams):
    title: str | None = None
    description: str | None = None
    payload: str | None = None
    currency: str | None = None
    provider_token: str | None = None
    prices: JsonList = None
    subscription_period: int = 0


class PreCheckout(Params):
    pre_checkout_query_id: str | None = None
    ok: bool = False
    error_message: str | None = None


class ByCharge(Params):
    user_id: int | None = None
    telegram_payment_charge_id: str | None = None
    is_canceled: bool = False


class Page(Params):
    offset: int = 0
    limit: int = PAGE_MAX


async def send_invoice(visit: Visit, params: SendInvoice) -> Wire:
    invoice = _invoice(visit, params, period_s=0)
    chat = visit.open_chat(params.chat_id)
    markup = inline_keyboard(params.reply_markup)
    if markup is None:
        markup = {"inline_keyboard": [[{"text": f"Pay ⭐️{invoice.stars}", "pay": True}]]}
    elif not markup["inline_keyboard"][0][0].get("pay"):
        raise bad_request("the first button of an invoice must be a Pay button")
    params.reply_markup = markup
    visit.world.invoices.put(invoice)
    content = {"invoice": wire.invoice(invoice.title, invoice.description, invoice.stars)}
    message = visit.send(chat, content, params, invoice=invoice.slug)
    return visit.world.message_wire(message)


async def create_link(visit: Visit, params: SendInvoice) -> str:
    period_s = params.subscription_period
    if period_s not in (0, MONTH_S):
        raise bad_request("SUBSCRIPTION_PERIOD_INVALID")
    invoice = visit.world.invoices.put(_invoice(visit, params, period_s=period_s))
    return f"https://t.me/${invoice.slug}"


async def answer_pre_checkout(visit: Visit, params: PreCheckout) -> bool:
    if not params.ok and not params.error_message:
        raise bad_request("error message must be non-empty")
    answer = {"ok": params.ok, "error_message": params.error_message or ""}
    visit.world.queries.answer(
        "pre_checkout", params.pre_checkout_query_id, bot_id=visit.bot.id, answer=answer
    )
    return True


async def refund(visit: Visit, params: ByCharge) -> bool:
    payment = _payment(visit, params)
    if payment.refunded_at is not None:
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    cashier.refund(visit.world, payment)
    return True


async def edit_subscription(visit: Visit, params: ByCharge) -> bool:
    payment = _payment(visit, params)
    if not payment.period_s:
        raise bad_request("SUBSCRIPTION_NOT_FOUND")
    payment.canceled = params.is_canceled
    visit.world.payments.put(payment)
    return True


async def transactions(visit: Visit, params: Page) -> Wire:
    """Oldest first: each payment, and each refund under the id of its payment."""
    if not 1 <= params.limit <= PAGE_MAX or params.offset < 0:
        raise bad_request("LIMIT_INVALID")
    rows: list[tuple[int, Wire]] = []
    for payment in visit.world.payments:
        if payment.bot_id != visit.bot.id:
            continue
        who = visit.world.account_wire(payment.person_id)
        rows.append((payment.at, wire.star_transaction(payment, who, refund=False)))
        if payment.refunded_at is not None:
            row = wire.star_transaction(payment, who, refund=True)
            rows.append((payment.refunded_at, row))
    rows.sort(key=lambda row: row[0])
    page = rows[params.offset : params.offset + params.limit]
    return {"transactions": [row for _, row in page]}


async def balance(visit: Visit, _params: Params) -> Wire:
    own = [one for one in visit.world.payments if one.bot_id == visit.bot.id]
    return {"amount": sum(one.stars for one in own if one.refunded_at is None)}


def _invoice(visit: Visit, params: SendInvoice, *, period_s: int) -> Invoice:
    title, description = (params.title or "").strip(), (params.description or "").strip()
    payload = params.payload or ""
    _check_length("title", title, TITLE_MAX)
    _check_length("description", description, DESCRIPTION_MAX)
    if not 1 <= len(payload.encode()) <= PAYLOAD_MAX_BYTES:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if params.currency != "XTR":
        raise bad_request("CURRENCY_INVALID")
    if params.provider_token:
        raise bad_request("PAYMENT_PROVIDER_INVALID")
    most = SUBSCRIPTION_STARS_MAX if period_s else STARS_MAX
    stars = _stars(params.prices, most=most)
    return cashier.new_invoice(visit.bot.id, title, description, payload, stars, period_s)


def _stars(prices: Any, *, most: int) -> int:
    if not isinstance(prices, list) or len(prices) != 1:
        raise bad_request("STARS_INVOICE_INVALID")
    price = prices[0]
    amount = price.get("amount") if isinstance(price, dict) else None
    if not isinstance(amount, int) or not price.get("label"):
        raise bad_request("can't parse labeled price: LabeledPrice must be an Object")
    if not 1 <= amount <= most:
        raise bad_request("CURRENCY_TOTAL_AMOUNT_INVALID")
    return amount


def _check_length(name: str, value: str, most: int) -> None:
    if not 1 <= len(value) <= most:
        raise bad_request(f"INVOICE_{name.upper()}_INVALID")


def _payment(visit: Visit, params: ByCharge) -> Payment:
    payment = visit.world.payments.get(params.telegram_payment_charge_id or "")
    mine = payment is not None and payment.bot_id == visit.bot.id
    if payment is None or not mine or payment.person_id != params.user_id:
        raise bad_request("CHARGE_NOT_FOUND")
    return payment


METHODS: Final = (
    Method("sendInvoice", SendInvoice, send_invoice),
    Method("createInvoiceLink", SendInvoice, create_link),
    Method("answerPreCheckoutQuery", PreCheckout, answer_pre_checkout),
    Method("refundStarPayment", ByCharge, refund),
    Method("editUserStarSubscription", ByCharge, edit_subscription),
    Method("getStarTransactions", Page, transactions),
    Method("getMyStarBalance", Params, balance),
)
