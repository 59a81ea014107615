"""`/balance`, `/history` with receipts, `/limits`: what somebody has, and where it went."""

from typing import Final

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from ledger.limits import Limits, UsageLimit
from ledger.statement import Filters, Page
from ledger.wallets import Wallet
from producers.bot import exchange
from producers.bot.amounts import local, money, signed
from producers.bot.guest import Guest
from producers.bot.presses import Pressed
from producers.bot.private import InPrivate
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Keyboard
from producers.bot.show import show
from schemas.buttons import Press, pack, ref_of
from schemas.money import App, Currency
from schemas.plans import UNLIMITED, plans
from schemas.speech import Html, html
from schemas.texts import text
from storage.holdings import Lot, lots, stars_paid
from storage.ledger_reads import TransferRow

PAGE: Final = 8
ENTRIES: Final = tuple(one for one in Currency if one is not Currency.XTR)


def router() -> Router:
    made = InPrivate.guard(Router(name="wallet"))
    made.message.register(on_balance, Command("balance"))
    made.message.register(on_history, Command("history"))
    made.message.register(on_limits, Command("limits"))
    made.callback_query.register(on_wallet, Pressed("wallet"), F.message)
    made.callback_query.register(on_page, Pressed("history"), F.message)
    made.callback_query.register(on_receipt, Pressed("receipt"), F.message)
    made.include_router(exchange.router())
    return made


async def on_balance(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        await show(room, guest, *await balance(room, guest))


async def on_history(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        await show(room, guest, *await history(room, guest))


async def on_limits(_: Message, room: Room, guest: Guest) -> None:
    async with refusals(room, guest):
        await show(room, guest, *await limits(room, guest))


async def on_wallet(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """Between the pages of the wallet: `ref` is one of them."""
    pages = {"balance": balance, "limits": limits, "convert": exchange.pairs}
    async with refusals(room, guest, query):
        await show(room, guest, *await pages.get(press.ref, balance)(room, guest), query)


async def on_page(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    async with refusals(room, guest, query):
        await show(room, guest, *await history(room, guest, press.arg or None), query)


async def on_receipt(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """Another person's job is as missing as one that never was."""
    async with refusals(room, guest, query):
        receipt = await room.desk.receipts.of_job(press.job_id, user_id=guest.user_id)
        language, unit = guest.language, receipt.currency
        told = html(
            "wallet.receipt",
            language,
            kind=html(f"kind.{receipt.kind}", language),
            quoted=money(receipt.quoted_units, unit, language),
            captured=money(receipt.captured_units, unit, language),
            returned=money(receipt.returned_units, unit, language),
            why=receipt.explain(language),
            at=local(receipt.created_at, guest),
            number=str(receipt.job_id),
        )
        await room.say.send(guest, told)


async def balance(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    """Credits first, then batteries that are there, what is reserved, Stars, and today's requests."""
    language, db = guest.language, room.desk.db
    wallets = await room.desk.wallets.balances(guest.user_id)
    gifts = await lots(db, guest.user_id)
    lines = [html("wallet.title", language)]
    for wallet in wallets:
        if wallet.currency is Currency.CREDIT or (
            wallet.balance_units and wallet.currency is not Currency.XTR
        ):
            lines += _wallet_lines(wallet, gifts, guest)
    held = [one for one in wallets if one.held_units]
    lines += [
        html("wallet.held", language, amount=money(w.held_units, w.currency, language))
        for w in held
    ]
    if stars := await stars_paid(db, guest.user_id):
        lines.append(html("wallet.stars", language, stars=stars))
    used = await Limits(db).usage_limit(guest.user_id, guest.app)
    lines += [
        Html(""),
        html("wallet.plan", language, plan=used.plan.value),
        _used(used, guest.app, guest),
    ]
    keyboard = [
        [_key("wallet.to-history", "history", guest), _key("wallet.to-limits", "limits", guest)],
        [_key("wallet.to-convert", "convert", guest), _key("wallet.to-shop", "shop", guest)],
    ]
    return Html("\n".join(lines)), keyboard


async def history(room: Room, guest: Guest, cursor: str | None = None) -> tuple[Html, Keyboard]:
    """A page of movements, newest first, with a receipt for each that a job made."""
    page = await room.desk.statement.page(
        guest.user_id, filters=Filters(currencies=ENTRIES), cursor=cursor, limit=PAGE
    )
    if not page.rows:
        return html("wallet.no-history", guest.language), [[_back(guest)]]
    lines = [html("wallet.history", guest.language), *(
        _line(number, row, guest) for number, row in enumerate(page.rows, start=1)
    )]  # fmt: skip
    return Html("\n".join(lines)), _history_keys(page, guest, first=cursor is None)


async def limits(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    """Today's requests in every app, what may run at once, and room for projects."""
    reader = Limits(room.desk.db)
    used = {app: await reader.usage_limit(guest.user_id, app) for app in App}
    plan = plans().plans[used[guest.app].plan]
    storage = await room.desk.projects.storage(guest.user_id)
    burden = await room.desk.results.burden(guest.user_id)
    lines = [
        html("wallet.limits", guest.language, plan=used[guest.app].plan.value),
        *(_used(one, app, guest) for app, one in used.items()),
        html(
            "wallet.limits-rest",
            guest.language,
            at_once=max(plan.in_flight.values()),
            waiting=burden.waiting,
            used_kb=-(-storage.used_bytes // 1024),
            limit_kb=storage.limit_bytes // 1024,
        ),
    ]
    return Html("\n".join(lines)), [[_back(guest), _key("wallet.to-shop", "shop", guest)]]


def _wallet_lines(wallet: Wallet, gifts: list[Lot], guest: Guest) -> list[Html]:
    language = guest.language
    lines = [
        html(
            "wallet.line",
            language,
            amount=money(wallet.balance_units, wallet.currency, language),
        )
    ]
    for gift in gifts:
        if gift.currency is not wallet.currency:
            continue
        amount = money(gift.remaining_units, gift.currency, language)
        until = gift.ends_at
        lines.append(
            html("wallet.bonus", language, amount=amount)
            if until is None
            else html("wallet.bonus-until", language, amount=amount, until=local(until, guest))
        )
    return lines


def _used(used: UsageLimit, app: App, guest: Guest) -> Html:
    label = plans().app(app).label
    if used.limit == UNLIMITED:
        return html("wallet.unlimited", guest.language, app=label, used=used.used)
    return html(
        "wallet.used",
        guest.language,
        app=label,
        used=used.used,
        limit=used.limit,
        left=used.remaining,
        reset=local(used.resets_at, guest, date=False),
    )


def _line(number: int, row: TransferRow, guest: Guest) -> Html:
    return html(
        "wallet.entry",
        guest.language,
        number=number,
        at=local(row.at, guest),
        amount=signed(row.units, row.currency, guest.language),
        entry=html(f"entry.{row.kind}", guest.language),
        balance=money(row.balance_units, row.currency, guest.language),
    )


def _history_keys(page: Page, guest: Guest, *, first: bool) -> Keyboard:
    receipts = [
        (f"🧾 {number}", pack(Press("receipt", ref_of(row.op if row.ref is None else row.ref))))
        for number, row in enumerate(page.rows, start=1)
        if row.kind in {"capture", "refund"}
    ]
    turn = []
    if not first:
        turn.append(_key("wallet.newest", "history", guest))
    if page.cursor:
        data = pack(Press("history", "", page.cursor))
        turn.append((text("wallet.older", guest.language), data))
    return [receipts[:4], receipts[4:], turn, [_back(guest)]]


def _key(label: str, page: str, guest: Guest) -> tuple[str, str]:
    """A button to a page: of the wallet, the list of movements, or the shop."""
    press = Press("wallet", page) if page in {"balance", "limits", "convert"} else Press(page)
    return text(label, guest.language), pack(press)


def _back(guest: Guest) -> tuple[str, str]:
    return _key("wallet.back", "balance", guest)
