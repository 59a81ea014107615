"""Which models can be used now, and why the others cannot: for `leyden models list` and `leyden doctor`.

Worked out from the catalogue, the keys that are set and, where Redis was asked, what the workers have
found out. No provider is asked here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ledger.token_prices import flat_units, token_price
from ops.base.accounts import available, endpoints, key_setting
from ops.base.clock import now
from ops.cli.output import span
from schemas.catalogue import Catalogue, catalogue
from schemas.errors import InvalidInput
from schemas.models import Model
from schemas.money import format_units
from schemas.payloads import ImageGenerate
from schemas.plans import PlanName

if TYPE_CHECKING:
    from ops.base.settings import Settings
    from storage.provider_board import Shown

TARIFF: Final = "tariff"
_ASKED: Final = ImageGenerate(prompt="-")


@dataclass(frozen=True, slots=True)
class ModelState:
    """One row for a person. `answers`: who answers to the name now, None when nobody does."""

    name: str
    title: str
    provider: str
    serves: tuple[str, ...]
    price: str
    context: int | None
    can: tuple[str, ...]
    free: bool
    usable: bool
    why: str
    answers: str | None


@dataclass(frozen=True, slots=True)
class AliasState:
    """An alias and its chain, best first; `plan` None is what plans without a list of their own get."""

    alias: str
    plan: str | None
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Models:
    """All of it, for `leyden doctor`."""

    states: tuple[ModelState, ...]
    aliases: tuple[AliasState, ...]

    def groups(self) -> list[tuple[str, str, list[str]]]:
        """(provider, why not or "", names), usable ones first within a provider."""
        found: dict[tuple[str, str], list[str]] = {}
        for state in sorted(
            self.states, key=lambda each: (each.provider, not each.usable, each.why)
        ):
            found.setdefault((state.provider, state.why), []).append(state.name)
        return [(provider, why, names) for (provider, why), names in found.items()]

    def as_json(self) -> dict[str, Any]:
        return {"models": self.states, "aliases": self.aliases}


def model_states(
    book: Catalogue,
    *,
    available: Collection[str],
    today: date,
    seen: "Mapping[str, Shown] | None" = None,
) -> list[ModelState]:
    """Every row, in the order of the file. `seen`: what the workers know, by name of the row."""
    bound = book.bound(available, lambda: today)
    return [_state(bound, row, available, today, (seen or {}).get(row.name)) for row in book.models]


def alias_states(book: Catalogue, *, available: Collection[str], today: date) -> list[AliasState]:
    bound = book.bound(available, lambda: today)
    found = []
    for name, alias in book.aliases.items():
        plans: list[PlanName | None] = [None, *(plan for plan in PlanName if getattr(alias, plan))]
        for plan in plans:
            chain = _chain(bound, name, plan)
            found.append(AliasState(name, plan.value if plan else None, chain))
    return found


def price_of(row: Model, book: Catalogue) -> str:
    """In credits: for a million tokens in and out, for a picture, or for a second."""
    if row.unit == "free" or not row.is_priced:
        return TARIFF
    if row.unit == "token":
        price = token_price(row, book.credits)
        return f"{format_units(price.input_units)} / {format_units(price.output_units)}"
    units = flat_units(row, book.credits, _ASKED, tariff_units=0) or 0
    return f"{format_units(units)} a {'second' if row.unit == 'second' else 'picture'}"


async def examine_models(settings: "Settings", redis_url: str) -> Models:
    """The state of every model, with what the workers have found out, unless Redis is away."""
    from storage.queue import REDIS_TROUBLE

    keys, book, today = available(settings), catalogue(), now().date()
    try:
        seen = await _seen_by_workers(settings, redis_url, book)
    except REDIS_TROUBLE:
        seen = {}
    return Models(
        tuple(model_states(book, available=keys, today=today, seen=seen)),
        tuple(alias_states(book, available=keys, today=today)),
    )


async def _seen_by_workers(
    settings: "Settings", redis_url: str, book: Catalogue
) -> "dict[str, Shown]":
    """What stands in the way of the models of providers with a key. Raises REDIS_TROUBLE."""
    from storage.provider_board import account_of, key_mark, look
    from storage.queue import Queue

    queue = await Queue.open(redis_url)
    try:
        found: dict[str, Shown] = {}
        for name, endpoint in endpoints(settings).items():
            rows = [row for row in book.models if row.provider == name]
            found |= await look(queue, account_of(name, key_mark(endpoint.api_key)), rows)
        return found
    finally:
        await queue.aclose()


def _state(
    bound: Catalogue, row: Model, available: Collection[str], today: date, seen: "Shown | None"
) -> ModelState:
    why = _why_not(row, available, today, seen)
    return ModelState(
        name=row.name,
        title=row.title,
        provider=row.provider,
        serves=tuple(sorted(row.modalities)),
        price=price_of(row, bound),
        context=row.context,
        can=row.ops,
        free=row.free,
        usable=not why,
        why=why,
        answers=_answers(bound, row),
    )


def _why_not(row: Model, available: Collection[str], today: date, seen: "Shown | None") -> str:
    if row.sunset is not None and today >= row.sunset:
        return f"ended {row.sunset}"
    if not row.enabled:
        return "an old name" if row.replaced_by else "switched off"
    if row.provider not in available:
        return f"{key_setting(row.provider)} is not set"
    if seen is not None and seen.reason in {"stopped", "open"}:
        reason = f"stopped ({seen.why})" if seen.reason == "stopped" else "failing"
        return f"{reason}, tried again in {span(seen.wait_s)}"
    return ""


def _answers(bound: Catalogue, row: Model) -> str | None:
    try:
        return bound.resolve(row.name, row.modality).name
    except InvalidInput:
        return None


def _chain(bound: Catalogue, name: str, plan: PlanName | None) -> tuple[str, ...]:
    try:
        rows = bound.candidates(name, bound.aliases[name].modality, plan=plan)
    except InvalidInput:
        return ()
    return tuple(row.name for row in rows)
