"""`leyden ledger`: is the book sound?"""

from typing import Annotated, Any

import typer

from ops.cli.output import Json, console, plain, print_json, table

app = typer.Typer(help="Prove the books.", no_args_is_help=True)

SHOWN_MAX = 50


@app.callback()
def _ledger() -> None:
    """A group, though it has one command yet."""


@app.command()
def verify(
    user: Annotated[int | None, typer.Option(help="One user's id; none: the whole book.")] = None,
    as_json: Json = False,
) -> None:
    """Balances, holds, sequences and legs. Exit code 1 with the rows that are wrong."""
    from ops.cli.session import run_async, session

    with session(process="leyden ledger") as here:
        rows = run_async(violations(here.database_url, user_id=user))
    if as_json:
        print_json({"ok": not rows, "violations": rows})
    else:
        show(rows)
    if rows:
        raise typer.Exit(1)


async def violations(database_url: str, *, user_id: int | None = None) -> list[dict[str, Any]]:
    """Every broken promise as a row; empty is sound. Raises Unavailable."""
    from dataclasses import asdict

    from ledger.verify import verify_book, verify_user
    from storage.pool import Database

    db = await Database.open(database_url, size=1)
    try:
        report = await (verify_book(db) if user_id is None else verify_user(db, user_id))
        return [asdict(row) for row in report.violations]
    finally:
        await db.close()


def show(rows: list[dict[str, Any]]) -> None:
    if not rows:
        console.print("ledger verify: [green]ok[/]")
        return
    shown = [[plain(value) for value in row.values()] for row in rows[:SHOWN_MAX]]
    console.print(table("Broken promises", tuple(rows[0]), shown))
    console.print(f"ledger verify: [red]{len(rows)} wrong[/]")
