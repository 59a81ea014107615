"""`leyden jobs`: list, show, cancel, and submit one of your own and wait for it."""

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer
from rich.table import Table

from ops.cli.output import Json, amount, console, plain, print_json, state, table, when
from schemas.jobs import Kind, State
from schemas.money import App

if TYPE_CHECKING:
    from ledger.receipts import Receipt
    from producers.desk import Desk
    from storage.overview import JobLine

app = typer.Typer(help="List, show, cancel and submit jobs.", no_args_is_help=True)

UserName = Annotated[
    str | None, typer.Option("--user", help="A user's id, or the name in X-Leyden-User.")
]
ID: Final = re.compile(r"[0-9]{1,18}")
AMOUNTS: Final = frozenset({"price", "captured", "held", "returned", "refunded"})
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]


@app.command("list")
def list_jobs(
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only of this kind.")] = None,
    user: UserName = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Jobs of everybody, newest first, without what they hold."""
    lines = operator_lines(user=user, state=state, kind=kind, limit=limit)
    if as_json:
        print_json([job_row(line) for line in lines])
    elif lines:
        console.print(job_table("Jobs", lines))
    else:
        console.print("no jobs")


@app.command()
def show(job: UUID, as_json: Json = False) -> None:
    """One job: its states, its money, its deliveries."""
    from ops.cli.session import run_async, session

    with session(process="leyden jobs") as here:

        async def ask() -> dict[str, Any]:
            async with here.desk() as desk:
                from storage.overview import Overview

                line = await _line(Overview(desk.db), job)
                receipt = await desk.receipts.of_job(job)
                told = await desk.deliveries.of_job(line.user_id, job)
                return (
                    job_row(line)
                    | _money(receipt)
                    | {"deliveries": [f"{one.target} {one.state}" for one in told]}
                )

        body = run_async(ask())
    if as_json:
        print_json(body)
        return
    for name, value in body.items():
        shown = _shown(name, value, currency=body["currency"])
        console.print(f"[dim]{name:>17}[/]  {plain(shown)}", soft_wrap=True)


def _shown(name: str, value: Any, *, currency: str) -> str:
    """A field of `--json` as people read it: credits, and how long ago."""
    match value:
        case None | []:
            return "-"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S} UTC, {when(value)}"
        case list():
            return ", ".join(map(str, value))
        case int() if name in AMOUNTS:
            return f"{amount(value, currency)} {currency}"
        case _:
            return str(value)


def _money(receipt: "Receipt") -> dict[str, Any]:
    """What the person reads in a receipt, and what the house paid: null where no provider said so."""
    return {
        "currency": receipt.currency,
        "price_version": receipt.price_version,
        "held": receipt.held_units,
        "returned": receipt.returned_units,
        "refunded": receipt.refunded_units,
        "provider_cost_usd": receipt.provider_cost_usd,
        "why": receipt.explain(),
    }


@app.command()
def cancel(job: UUID, as_json: Json = False) -> None:
    """Free while nothing was bought; after that a request."""
    from ops.cli.session import run_async, session

    with session(process="leyden jobs") as here:

        async def ask() -> str:
            async with here.desk() as desk:
                from storage.overview import Overview

                line = await _line(Overview(desk.db), job)
                return await desk.intake.cancel(line.user_id, job)

        verdict = run_async(ask())
    if as_json:
        print_json({"id": job, "cancel": verdict})
    else:
        console.print(f"{job}: {verdict}")


@app.command()
def submit(
    kind: Annotated[Kind, typer.Option(help="What to do.")],
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file of yours.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Text to work on; `-` reads it.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What to make.")] = None,
    op: Annotated[
        list[str] | None,
        typer.Option(help="An edit, such as sharpen, resize:width=800 or caption:text=Hello."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--set", help="Another field of the input: name=value.")
    ] = None,
    user: Annotated[str, typer.Option(help="For whom; made at first use.")] = "me",
    app_name: Annotated[App | None, typer.Option("--app", help="In which app.")] = None,
    key: Annotated[str | None, typer.Option(help="An idempotency key.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait and save what it makes.")] = True,
    timeout_s: Annotated[float, typer.Option("--timeout-s", min=1)] = 1800.0,
    as_json: Json = False,
) -> None:
    """Submit a job, wait with a progress bar, save what it makes under .leyden/out."""
    from ops.cli.session import run_async, session
    from ops.cli.submission import Submission, submit_and_wait

    wish = Submission(
        kind=kind,
        app=app_name,
        user=user,
        file=file,
        text=text,
        prompt=prompt,
        operations=tuple(op or ()),
        options=tuple(option or ()),
        key=key,
    )
    with session(process="leyden jobs") as here:
        body = run_async(
            submit_and_wait(here, wish, wait=wait, timeout_s=timeout_s, live=not as_json)
        )
    if as_json:
        print_json(body)
    if wait and body["state"] != State.SUCCEEDED:
        raise typer.Exit(1)


def operator_lines(
    *,
    user: str | None = None,
    state: State | None = None,
    kind: Kind | None = None,
    ids: tuple[UUID, ...] = (),
    limit: int,
) -> "list[JobLine]":
    """Jobs as an operator sees them. Raises Missing for a user that is not there."""
    from ops.cli.session import run_async, session

    with session(process="leyden jobs") as here:

        async def ask() -> "list[JobLine]":
            async with here.desk() as desk:
                from storage.overview import Overview

                user_id = await _user_id(desk, user) if user else None
                return await Overview(desk.db).jobs(
                    state=state, user_id=user_id, kind=kind, ids=ids, limit=limit
                )

        return run_async(ask())


async def _user_id(desk: "Desk", user: str) -> int:
    """Digits are an id, as everywhere on the command line. Raises Missing."""
    from schemas.errors import Missing

    if ID.fullmatch(user):
        return (await desk.users.get(int(user))).user_id
    user_id = await desk.users.find("dev", user)
    if user_id is None:
        raise Missing("not_found", user=user)
    return user_id


async def _line(overview: Any, job: UUID) -> "JobLine":
    from schemas.errors import Missing

    lines: list[JobLine] = await overview.jobs(ids=(job,), limit=1)
    if not lines:
        raise Missing("not_found")
    return lines[0]


def job_row(line: "JobLine") -> dict[str, Any]:
    """The stable fields of `--json`; amounts in units."""
    return {
        "id": line.id,
        "user": line.user_id,
        "kind": line.kind,
        "app": line.app,
        "state": line.state,
        "price": line.price_units,
        "captured": line.captured_units,
        "code": line.code,
        "attempts": line.attempts,
        "tries": line.tries,
        "worker": line.worker,
        "created_at": line.created_at,
        "finished_at": line.finished_at,
        "replay_of": line.replay_of,
    }


def job_table(title: str, lines: "list[JobLine]") -> Table:
    columns = ("job", "kind", "app", ">user", "state", ">price", ">charged", ">attempts", "made")
    rows = [
        (
            str(line.id),
            line.kind.value,
            line.app.value,
            str(line.user_id),
            state(line.state.value) + (f" [dim]{plain(line.code)}[/]" if line.code else ""),
            amount(line.price_units),
            amount(line.captured_units),
            str(line.attempts),
            when(line.created_at),
        )
        for line in lines
    ]
    return table(title, columns, rows)
