"""`leyden ledger adjust, refund, bonus, rate, thank`: money put right by a person, with a reason and a name.

History is never rewritten: each is a transfer of its own, once under its `--op`.
"""

from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ops.cli.deeds import Actor, Deed, Facts, Op, Reason, Yes, carry_out, units_of
from ops.cli.output import Json, amount
from schemas.ids import new_id
from schemas.money import Currency

if TYPE_CHECKING:
    from producers.desk import Desk
    from storage.ledger import Answer

User = Annotated[int, typer.Option(help="Whose wallet: the id that `leyden jobs list` shows.")]
Wallet = Annotated[Currency, typer.Option(help="Which wallet.")]


def adjust(
    user: User,
    by: Annotated[str, typer.Option(help="How much, up or down: 2.5 or -10.")],
    reason: Reason,
    actor: Actor,
    currency: Wallet = Currency.CREDIT,
    op: Op = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Correct a balance up or down; down never takes what is held."""
    units, deed_id = units_of(by, currency), op or new_id()

    async def plan(desk: "Desk") -> Deed:
        from ledger.corrections import Corrections

        async def act() -> Facts:
            answer = await Corrections(desk.db).adjust(
                deed_id, user_id=user, currency=currency, units=units, reason=reason, actor=actor
            )
            return _told(answer)

        facts = await _wallet(desk, user, currency)
        return Deed(_facts("adjust", deed_id, reason, actor, units, currency) | facts, act)

    carry_out(plan, yes=yes, as_json=as_json)


def bonus(
    user: User,
    credits_: Annotated[str, typer.Option("--amount", help="How much, as 2.5.")],
    reason: Reason,
    actor: Actor,
    currency: Wallet = Currency.CREDIT,
    days: Annotated[
        int | None, typer.Option(min=1, max=3660, help="How long it lasts; none: for ever.")
    ] = None,
    op: Op = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give a bonus: spent first, never converted nor returned to Stars."""
    units, deed_id = units_of(credits_, currency), op or new_id()

    async def plan(desk: "Desk") -> Deed:
        ends = _end(days)

        async def act() -> Facts:
            answer = await desk.wallets.credit(
                deed_id, user_id=user, currency=currency, units=units, kind="bonus",
                expires_at=ends, note=reason, actor=actor,
            )  # fmt: skip
            return _told(answer)

        facts = await _wallet(desk, user, currency)
        told = _facts("bonus", deed_id, reason, actor, units, currency)
        return Deed(told | {"until": ends or "for ever"} | facts, act)

    carry_out(plan, yes=yes, as_json=as_json)


def refund(
    job: UUID,
    reason: Reason,
    actor: Actor,
    part: Annotated[
        str | None, typer.Option("--amount", help="Only so much; none: all that is left of it.")
    ] = None,
    op: Op = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Return what a job was charged, in part or all that is left of it, as ordinary credits."""
    deed_id = op or new_id()

    async def plan(desk: "Desk") -> Deed:
        from ledger.corrections import Corrections

        receipt = await desk.receipts.of_job(job)
        left = receipt.captured_units - receipt.refunded_units
        units = None if part is None else units_of(part, receipt.currency)

        async def act() -> Facts:
            answer = await Corrections(desk.db).refund_job(
                deed_id, job_id=job, units=units, reason=reason, actor=actor
            )
            return _told(answer)

        back = left if units is None else units
        told = _facts("refund", deed_id, reason, actor, back, receipt.currency)
        charged = amount(receipt.captured_units, receipt.currency)
        before = amount(receipt.refunded_units, receipt.currency)
        of = {"job": job, "user": receipt.user_id, "charged": charged, "returned before": before}
        return Deed(told | of, act)

    carry_out(plan, yes=yes, as_json=as_json)


def rate(
    source: Currency,
    target: Currency,
    to: Annotated[str, typer.Argument(help="How much of TARGET one of SOURCE gives.")],
    reason: Reason,
    actor: Actor,
    op: Op = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Set a rate of exchange; refused when any way round would create money."""
    new, deed_id = _rate_of(to), op or new_id()

    async def plan(desk: "Desk") -> Deed:
        from ledger.exchange import Exchange

        exchange = Exchange(desk.db)
        now_ = {(one.source, one.target): one.rate for one in await exchange.rates()}

        async def act() -> Facts:
            await exchange.set_rate(
                source, target, rate=new, actor=actor, reason=reason, op=deed_id
            )
            return {"op": deed_id, "rate": new}

        pair = {"pair": f"{source} to {target}", "from": now_.get((source, target)), "to": new}
        return Deed({"deed": "rate", **pair, "reason": reason, "actor": actor, "op": deed_id}, act)

    carry_out(plan, yes=yes, as_json=as_json)


def thank(reason: Reason, actor: Actor, yes: Yes = False, as_json: Json = False) -> None:
    """The bonus for everybody who is here, once a person: who has had it, or came back, gets none."""

    async def plan(desk: "Desk") -> Deed:
        people = await _everybody(desk)

        async def act() -> Facts:
            given = await desk.wallets.thank_existing_users(people, reason=reason, actor=actor)
            return {"people": len(people), "given": given}

        return Deed(
            {"deed": "thank", "people at most": len(people), "reason": reason, "actor": actor}, act
        )

    carry_out(plan, yes=yes, as_json=as_json)


async def _everybody(desk: "Desk") -> list[int]:
    people: list[int] = []
    while page := await desk.users.stayed(after=people[-1] if people else 0):
        people += page
    return people


async def _wallet(desk: "Desk", user_id: int, currency: Currency) -> dict[str, object]:
    """The wallet as it is. Raises Missing: the ledger would make a wallet for nobody."""
    await desk.users.get(user_id)
    wallets = {one.currency: one for one in await desk.wallets.balances(user_id)}
    mine = wallets.get(currency)
    return {
        "user": user_id,
        "balance": amount(mine.balance_units if mine else 0, currency),
        "held": amount(mine.held_units if mine else 0, currency),
    }


def _facts(
    deed: str, op: UUID, reason: str, actor: str, units: int, currency: Currency
) -> dict[str, object]:
    return {
        "deed": deed,
        "amount": f"{amount(units, currency)} {currency}",
        "units": units,
        "reason": reason,
        "actor": actor,
        "op": op,
    }


def _told(answer: "Answer") -> Facts:
    """`repeated`: it was done before under this id, and was not done again."""
    currency, balance_units = answer.currency or Currency.CREDIT, answer.balance_units or 0
    return {
        "units": answer.amount_units,
        "currency": currency,
        "balance": amount(balance_units, currency),
        "balance_units": balance_units,
        "repeated": answer.replayed,
        "op": answer.op,
    }


def _end(days: int | None) -> datetime | None:
    from ops.base.clock import now

    return None if days is None else now() + timedelta(days=days)


def _rate_of(words: str) -> Decimal:
    try:
        return Decimal(words)
    except InvalidOperation as error:
        message = f"{words!r} is no number"
        raise typer.BadParameter(message) from error
