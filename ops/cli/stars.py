"""`leyden stars`: payments that wait for a person, and Stars given back."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ops.cli.output import Json, amount, console, plain, print_json, table, when

if TYPE_CHECKING:
    from ops.cli.session import Session
    from storage.orders import Payment

app = typer.Typer(help="Payments in Telegram Stars: parked, refunded.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Kept in the ledger beside the movement.")]


@app.command()
def parked(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Payments that nothing was credited for, oldest first. Exit code 1 when there are any."""
    from ops.cli.session import run_async, session

    with session(process="leyden stars") as here:
        found = run_async(_parked(here, limit))
    if as_json:
        print_json([asdict(one) for one in found])
    elif found:
        console.print(_table("Parked payments", found))
    else:
        console.print("no parked payments")
    if found:
        raise typer.Exit(1)


@app.command()
def show(charge: str, as_json: Json = False) -> None:
    """Every report of one charge, and its sale in the ledger."""
    from ops.cli.session import run_async, session

    with session(process="leyden stars") as here:
        payments, sale = run_async(_of_charge(here, charge))
    if as_json:
        print_json({"payments": payments, "sale": sale})
        return
    console.print(_table("Reports", payments))
    for name, value in (sale or {}).items():
        console.print(f"[dim]{name:>12}[/]  {plain(value)}")


@app.command()
def refund(
    charge: str,
    reason: Reason = "refund asked for at /paysupport",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Give the Stars of a charge back: the credits first, then the Stars. Saying it twice is once."""
    from ops.cli.session import run_async, session

    if not (yes or as_json):
        typer.confirm(f"Return the Stars of {charge}?", abort=True)
    with session(process="leyden stars") as here:
        told = run_async(_refund(here, charge, reason))
    if as_json:
        print_json({"charge": charge, "outcome": told})
    else:
        console.print(f"refund: {plain(told)}")
    if told not in {"returned", "begun"}:
        raise typer.Exit(1)


@app.command()
def settle(
    payment: UUID, note: Annotated[str, typer.Option(help="What was done about it.")]
) -> None:
    """A parked payment was dealt with by other means."""
    from ops.cli.session import run_async, session

    with session(process="leyden stars") as here:
        done = run_async(_settle(here, payment, note))
    console.print("settled" if done else "it is not parked (any more)")
    if not done:
        raise typer.Exit(1)


async def _parked(here: "Session", limit: int) -> "list[Payment]":
    from storage.orders import Orders

    async with here.desk() as desk:
        return await Orders(desk.db).parked(limit=limit)


async def _of_charge(here: "Session", charge: str) -> "tuple[list[Payment], dict[str, Any] | None]":
    from ledger.stars import purchase_op
    from storage import ledger_money
    from storage.orders import Orders

    async with here.desk() as desk:
        sale = await ledger_money.sale(desk.db, purchase_op(charge))
        return await Orders(desk.db).of_charge(charge), asdict(sale) if sale else None


async def _refund(here: "Session", charge: str, reason: str) -> str:
    from ops.base.telegram import bots_of, open_bot
    from producers.bot.refunds import refund_charge

    bots = {one.bot_id: open_bot(one, here.settings) for one in bots_of(here.settings)}
    try:
        async with here.desk() as desk:
            return await refund_charge(desk.db, bots, charge, reason=reason)
    finally:
        for bot in bots.values():
            await bot.session.close()


async def _settle(here: "Session", payment: UUID, note: str) -> bool:
    from storage.orders import Orders

    async with here.desk() as desk:
        return await Orders(desk.db).end(payment, "settled", note)


def _table(title: str, payments: "list[Payment]") -> Any:
    rows = [
        (
            str(one.id), plain(one.charge_id), one.state, plain(one.reason or ""),
            amount(one.stars, "XTR"), plain(one.currency), str(one.user_id or "-"), when(one.at),
        )
        for one in payments
    ]  # fmt: skip
    columns = ("payment", "charge", "state", "why", ">stars", "currency", ">user", "since")
    return table(title, columns, rows)
