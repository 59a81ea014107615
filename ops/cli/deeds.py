"""A deed of an operator that moves money: shown first, done when agreed to, once under its id."""

import os
import pwd
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from ops.cli.output import console, plain, print_json
from schemas.money import Currency

if TYPE_CHECKING:
    from producers.desk import Desk

REASON_MAX_CHARACTERS: Final = 500

Facts = Mapping[str, object]


def reason_given(words: str) -> str:
    """Raises BadParameter for a reason that says nothing."""
    reason = " ".join(words.split())
    if not reason or len(reason) > REASON_MAX_CHARACTERS:
        message = f"say why, in 1 to {REASON_MAX_CHARACTERS} characters"
        raise typer.BadParameter(message)
    return reason


def whoever_this_is() -> str:
    """The name of the account of the operating system, or its number where it has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


Reason = Annotated[
    str,
    typer.Option(callback=reason_given, help="Kept beside the movement; its person may read it."),
]
Actor = Annotated[
    str,
    typer.Option(default_factory=whoever_this_is, help="Who does it; kept beside the movement."),
]
Op = Annotated[
    UUID | None, typer.Option(help="The id of the deed: a repeat under the same id is one.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Deed:
    """`facts`: what will happen, for the eye. `act` does it and answers what has happened."""

    facts: Facts
    act: Callable[[], Awaitable[Facts]]


def carry_out(plan: "Callable[[Desk], Awaitable[Deed]]", *, yes: bool, as_json: bool) -> None:
    """Show, ask, do, tell. With --json nobody is asked: without --yes it is the preview alone."""
    from ops.cli.session import run_async, session

    with session(process="leyden ledger") as here:

        async def run() -> dict[str, Any]:
            async with here.desk() as desk:
                deed = await plan(desk)
                if not as_json:
                    _show("To be done", deed.facts)
                if not (yes or (not as_json and typer.confirm("Do it?"))):
                    return {"preview": deed.facts, "done": None}
                return {"preview": deed.facts, "done": await deed.act()}

        body = run_async(run())
    if as_json:
        print_json(body)
    elif body["done"] is None:
        console.print("nothing was done")
    else:
        _show("Done", body["done"])


def units_of(words: str, currency: Currency) -> int:
    """`2.5` -> 25000. Raises BadParameter for what is no exact amount of the currency."""
    try:
        units = Decimal(words).scaleb(currency.scale)
        if units == units.to_integral_value() and abs(units) < Decimal(10) ** 15:
            return int(units)
    except (InvalidOperation, ValueError):
        pass
    message = f"{words!r} is no amount with at most {currency.scale} decimals"
    raise typer.BadParameter(message)


def _show(title: str, facts: Facts) -> None:
    console.print(f"[bold]{title}[/]")
    for name, value in facts.items():
        console.print(f"[dim]{name:>17}[/]  {plain(value)}", soft_wrap=True)
