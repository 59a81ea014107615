"""`/convert`: from one wallet to another, at the rate that was shown and said yes to."""

import secrets
from decimal import Decimal, InvalidOperation
from typing import Final

from aiogram import F, Router
from aiogram.filters import Command, CommandObject
from aiogram.types import CallbackQuery, Message

from ledger.exchange import Exchange, Offer
from producers.bot.amounts import money
from producers.bot.guest import Guest
from producers.bot.presses import Pressed, button
from producers.bot.refusals import refusals
from producers.bot.room import Room
from producers.bot.say import Keyboard
from producers.bot.show import show
from schemas.buttons import Press, pack
from schemas.errors import Conflict, InvalidInput
from schemas.ids import derive_id
from schemas.money import Currency, credits_to_units
from schemas.speech import Html, html
from schemas.texts import text

WALLETS: Final = tuple(one for one in Currency if one is not Currency.XTR)
PAIRS: Final = tuple((a, b) for a in WALLETS for b in WALLETS if a is not b)
AMOUNTS: Final = (5, 10, 25, 100)
CONVERT: Final = "convert"
YES: Final = "convert-yes"


def router() -> Router:
    made = Router(name="exchange")
    made.message.register(on_convert, Command("convert"))
    made.callback_query.register(on_exchange, Pressed(CONVERT), F.message)
    made.callback_query.register(on_confirmed, Pressed(YES), F.message)
    return made


async def pairs(room: Room, guest: Guest) -> tuple[Html, Keyboard]:
    """From which wallet to which: only from those that something may leave."""
    free = await _convertible(room, guest)
    rows: list[list[tuple[str, str]]] = []
    for source, target in PAIRS:
        if free.get(source):
            names = {
                "source": text(f"currency.{source.value}", guest.language),
                "target": text(f"currency.{target.value}", guest.language),
            }
            data = pack(Press(CONVERT, f"{source.number}{target.number}"))
            rows.append([(text("wallet.pair", guest.language, **names), data)])
    told = "wallet.convert" if rows else "wallet.nothing-to-convert"
    return html(told, guest.language), [*rows, [_back(guest)]]


async def on_convert(_: Message, command: CommandObject, room: Room, guest: Guest) -> None:
    """`/convert` asks, `/convert 12.5 CREDIT BATV` goes to the offer at once."""
    async with refusals(room, guest):
        words = (command.args or "").split()
        if not words:
            await show(room, guest, *await pairs(room, guest))
            return
        source, target, units = _order(words)
        await show(room, guest, *await offer(room, guest, source, target, units))


async def on_exchange(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """A pair was chosen, then an amount; `arg` is empty before the second."""
    async with refusals(room, guest, query):
        source, target = _pair(press.ref)
        if press.arg:
            shown = await offer(room, guest, source, target, _units(press.arg))
        else:
            shown = await amounts(room, guest, source, target)
        await show(room, guest, *shown, query)


async def on_confirmed(query: CallbackQuery, room: Room, guest: Guest, press: Press) -> None:
    """The same button makes one exchange, however often it is pressed."""
    async with refusals(room, guest, query):
        source, target = _pair(press.ref)
        units, rate, nonce = _confirmed(press.arg)
        exchange = Exchange(room.desk.db)
        op = derive_id("convert", guest.user_id, press.ref, press.arg, nonce)
        wanted = Offer(source, target, units, rate, 0)
        try:
            answer = await exchange.convert(op, user_id=guest.user_id, offer=wanted)
        except Conflict as conflict:
            if conflict.code != "rate_changed":
                raise
            shown = await offer(room, guest, source, target, units, changed=True)
            await show(room, guest, *shown, query)
            return
        told = html(
            "wallet.converted",
            guest.language,
            taken=money(units, source, guest.language),
            given=money(answer.amount_units or 0, target, guest.language),
        )
        await show(room, guest, told, [[_back(guest)]], query)


async def amounts(
    room: Room, guest: Guest, source: Currency, target: Currency
) -> tuple[Html, Keyboard]:
    """A few round amounts and all there is."""
    free = (await _convertible(room, guest)).get(source, 0)
    chosen = [credits_to_units(one) for one in AMOUNTS if credits_to_units(one) < free]
    ref = f"{source.number}{target.number}"
    row = [
        (money(units, source, guest.language), pack(Press(CONVERT, ref, str(units))))
        for units in [*chosen, free]
        if units > 0
    ]
    told = html(
        "wallet.how-much", guest.language,
        free=money(free, source, guest.language), source=source.value, target=target.value,
    )  # fmt: skip
    return told, [row[:3], row[3:], [button(text("wallet.back", guest.language), CONVERT)]]


async def offer(
    room: Room, guest: Guest, source: Currency, target: Currency, units: int,
    *, changed: bool = False,
) -> tuple[Html, Keyboard]:  # fmt: skip
    """What it would give now. The rate goes with the button, and must still hold when it is pressed."""
    found = await Exchange(room.desk.db).offer(source, target, units=units)
    told = html(
        "wallet.rate-changed" if changed else "wallet.offer",
        guest.language,
        taken=money(units, source, guest.language),
        given=money(found.given_units, target, guest.language),
        rate=f"{found.rate.normalize():f}",
    )
    nonce = secrets.token_hex(3)
    arg = f"{units}.{int(found.rate * 10_000)}.{nonce}"
    yes = pack(Press(YES, f"{source.number}{target.number}", arg))
    return told, [[(text("wallet.yes", guest.language), yes)], [_back(guest)]]


async def _convertible(room: Room, guest: Guest) -> dict[Currency, int]:
    """What may leave each wallet: neither reserved nor a bonus."""
    wallets = await room.desk.wallets.balances(guest.user_id)
    return {
        one.currency: one.balance_units - max(one.held_units, one.bonus_units)
        for one in wallets
        if one.currency in WALLETS
    }


def _pair(ref: str) -> tuple[Currency, Currency]:
    """Raises InvalidInput for two numbers that are no pair."""
    for source, target in PAIRS:
        if ref == f"{source.number}{target.number}":
            return source, target
    raise InvalidInput("unknown_currency")


def _units(told: str) -> int:
    if not told.isdecimal():
        raise InvalidInput("bad_amount")
    return int(told)


def _confirmed(arg: str) -> tuple[int, Decimal, str]:
    """Amount, rate and the mark of one offer. Raises InvalidInput for a button that is not ours."""
    units, _, rest = arg.partition(".")
    rate, _, nonce = rest.partition(".")
    if not (units.isdecimal() and rate.isdecimal() and nonce):
        raise InvalidInput("bad_amount")
    return int(units), Decimal(rate).scaleb(-4), nonce


def _order(words: list[str]) -> tuple[Currency, Currency, int]:
    """`12.5 CREDIT BATV`. Raises InvalidInput."""
    try:
        amount, source, target = words
        pair = Currency(source.upper()), Currency(target.upper())
        units = credits_to_units(Decimal(amount.replace(",", ".")))
    except (ValueError, InvalidOperation) as error:
        raise InvalidInput("bad_amount") from error
    if pair not in PAIRS or units <= 0:
        raise InvalidInput("unknown_currency" if pair not in PAIRS else "bad_amount")
    return *pair, units


def _back(guest: Guest) -> tuple[str, str]:
    return button(text("wallet.back", guest.language), "wallet", "balance")
