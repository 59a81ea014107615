"""What `leyden models check` finds in the catalogue itself, without asking anybody."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from ops.cli.checks import Finding
from schemas.catalogue import MODALITY_OF_KIND, Catalogue
from schemas.jobs import Kind
from schemas.models import Model
from schemas.money import UNITS_PER_CREDIT
from schemas.prices import price_book
from schemas.providers import provider_book

SOON: Final = timedelta(days=45)
SECONDS_USUAL: Final = 4
KIND_OF: Final = {
    MODALITY_OF_KIND[kind]: kind
    for kind in (Kind.IMAGE_GENERATE, Kind.IMAGE_EDIT, Kind.VIDEO_GENERATE)
}


def check_data(book: Catalogue, *, today: date) -> list[Finding]:
    """Findings that are not in order, or one that says all is well."""
    found = [
        *(finding for row in book.models for finding in _row(book, row, today)),
        *_aliases(book, today),
    ]
    alive = sum(not row.is_retired(today) for row in book.models)
    said = f"{alive} of {len(book.models)} rows in use, as of {book.snapshot}"
    return [Finding("ok", f"catalogue {book.version}", said), *found]


def _row(book: Catalogue, row: Model, today: date) -> Iterator[Finding]:
    if not row.is_priced:
        yield Finding("fail", row.name, f"no price for its unit, {row.unit}", "add it")
    if row.unit != "free" and row.conf not in book.credits.margins:
        yield Finding("fail", row.name, f"no margin for conf {row.conf}", "add it under credits")
    if not row.is_local and provider_book().of(row.provider) is None:
        yield Finding(
            "fail", row.name, f"no limits for {row.provider}", "add them to providers.yaml"
        )
    if row.is_retired(today) and not row.replaced_by:
        yield Finding(
            "warn", row.name, "retired, and nobody answers for it", "give it a replaced_by"
        )
    elif row.enabled and row.sunset and today < row.sunset <= today + SOON:
        advice = "" if row.replaced_by else "give it a replaced_by"
        yield Finding("warn", row.name, f"ends {row.sunset}", advice)


def _aliases(book: Catalogue, today: date) -> Iterator[Finding]:
    for name, alias in book.aliases.items():
        rows = [row for row in book.models if row.name in alias.names]
        for row in rows:
            if row.is_retired(today):
                yield Finding("warn", name, f"names {row.name}, which has retired", "take it out")
            if (cost := _cost_usd(row)) and cost > (earned := _earned_usd(book, alias.modality)):
                yield Finding(
                    "warn",
                    name,
                    f"{row.name} costs {cost:.3f} USD, the tariff brings in {earned:.3f}",
                    "the house pays the rest: a dearer tariff, or a cheaper row",
                )


def _cost_usd(row: Model) -> Decimal:
    """What the house pays for a usual job on a row that counts pictures or seconds; 0 for others."""
    count = row.seconds_for(SECONDS_USUAL) if row.unit == "second" else 1
    return (row.usd or Decimal(0)) * count


def _earned_usd(book: Catalogue, modality: str) -> Decimal:
    kind = next((kind for found, kind in KIND_OF.items() if found == modality), None)
    units = price_book().kinds[kind].units if kind else 0
    return Decimal(units) / UNITS_PER_CREDIT * book.credits.usd_per_credit
