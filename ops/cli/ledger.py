"""`leyden ledger`: is the book sound? And money put right by a person (`money.py`)."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.cli import money
from ops.cli.output import Json, console, plain, print_json, table

if TYPE_CHECKING:
    from ledger.verify import Report

app = typer.Typer(help="Prove the books, and put money right.", no_args_is_help=True)
app.command()(money.adjust)
app.command()(money.refund)
app.command()(money.bonus)
app.command()(money.rate)
app.command()(money.thank)

SHOWN_MAX: Final = 50


@app.command()
def verify(
    user: Annotated[
        int | None,
        typer.Option(min=1, max=2**63 - 1, help="One user's id; none: the whole book."),
    ] = None,
    since_mark: Annotated[
        bool, typer.Option("--since-mark", help="Only what changed since it was last sound.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Balances, holds, sequences and legs. Exit code 1 with the rows that are wrong."""
    from ops.cli.session import run_async, session

    if since_mark and user is not None:
        message = "one user's wallets are always proved whole"
        raise typer.BadParameter(message, param_hint="--since-mark")
    with session(process="leyden ledger") as here:
        report = run_async(proof(here.database_url, user_id=user, since_mark=since_mark))
    if as_json:
        print_json(_body(report))
    else:
        show(report)
    if not report.ok:
        raise typer.Exit(1)


async def proof(
    database_url: str, *, user_id: int | None = None, since_mark: bool = False
) -> "Report":
    """Every broken promise as a row of the report. Raises Unavailable."""
    from ledger.verify import verify_book, verify_since_mark, verify_user
    from storage.pool import Database

    db = await Database.open(database_url, size=1)
    try:
        if user_id is not None:
            return await verify_user(db, user_id)
        changed = await verify_since_mark(db) if since_mark else None  # None: never sound yet
        return changed or await verify_book(db)
    finally:
        await db.close()


def show(report: "Report") -> None:
    rows = _body(report)["violations"]
    if rows:
        shown = [[plain(value) for value in row.values()] for row in rows[:SHOWN_MAX]]
        console.print(table("Broken promises", tuple(rows[0]), shown))
    verdict = f"[red]{len(rows)} wrong[/]" if rows else "[green]ok[/]"
    console.print(f"ledger verify: {verdict}")
    since = f", since {report.since:%Y-%m-%d %H:%M:%S}" if report.since else ""
    console.print(
        f"[dim]as of {report.as_of:%Y-%m-%d %H:%M:%S %Z}{since}: "
        f"{report.transfers} transfers in {report.duration_s:.2f} s[/]"
    )


def _body(report: "Report") -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "ok": report.ok,
        "violations": [asdict(row) for row in report.violations],
        "as_of": report.as_of,
        "since": report.since,
        "transfers": report.transfers,
        "duration_s": round(report.duration_s, 3),
    }
