"""Amounts and moments as a person reads them: in words of their language and on their clock."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from producers.bot.guest import Guest
from schemas.money import Currency, format_units
from schemas.speech import Html, html
from schemas.texts import Language


def money(units: int, currency: Currency, language: Language) -> Html:
    """`2 credits`, `25 viAIzer batteries`, `50 Stars`."""
    if currency is Currency.CREDIT:
        return html("amount.credits", language, price_units=units)
    name = html(f"currency.{currency.value}", language)
    return Html(f"{format_units(units, currency)} {name}")


def signed(units: int, currency: Currency, language: Language) -> Html:
    """With a plus, or with the minus that is as wide as one."""
    mark = "+" if units > 0 else "−"
    return Html(f"{mark}{money(abs(units), currency, language)}")


def local(moment: datetime, guest: Guest, *, date: bool = True) -> str:
    """`2026-11-22 14:05` where the guest lives; a zone nobody knows is UTC."""
    try:
        zone = ZoneInfo(guest.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    there = moment.astimezone(zone)
    return f"{there:%Y-%m-%d %H:%M}" if date else f"{there:%H:%M}"
