"""`leyden dead`: jobs that kept killing their process. Look, and send again with open eyes."""

from typing import Annotated, Any
from uuid import UUID

import typer

from ops.cli.output import Json, amount, console, plain, print_json, state, table

app = typer.Typer(help="List, show and replay dead jobs.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]


@app.command("list")
def list_dead(limit: Limit = 50, as_json: Json = False) -> None:
    """Dead jobs, newest first."""
    from ops.cli.jobs import job_row, job_table, operator_lines
    from schemas.jobs import State

    lines = operator_lines(state=State.DEAD, limit=limit)
    if as_json:
        print_json([job_row(line) for line in lines])
    elif lines:
        console.print(job_table("Dead jobs", lines))
    else:
        console.print("no dead jobs")


@app.command()
def show(job: UUID, as_json: Json = False) -> None:
    """One dead job, without what its user wrote."""
    from ops.cli.jobs import job_row, operator_lines
    from schemas.errors import Missing
    from schemas.jobs import State

    lines = operator_lines(state=State.DEAD, ids=(job,), limit=1)
    if not lines:
        raise Missing("not_found")
    row = job_row(lines[0])
    if as_json:
        print_json(row)
        return
    for name, value in row.items():
        console.print(f"[dim]{name:>14}[/]  {plain(value)}")


@app.command()
def replay(
    jobs: Annotated[list[UUID] | None, typer.Argument(help="Job ids; none: all dead jobs.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Submit dead jobs anew. Shows jobs, credits and users concerned before it acts."""
    from ops.cli.session import Session, run_async, session
    from producers.replay import Replays

    with session(process="leyden dead") as here:

        async def act(here: Session) -> dict[str, Any]:
            async with here.desk() as desk:
                replays = Replays(desk)
                preview = await replays.preview(jobs or ())
                if not as_json:
                    _show_preview(preview)
                if not preview.jobs or not (yes or _agreed(as_json)):
                    return {"preview": _preview_body(preview), "replayed": []}
                done = await replays.run(preview)
                return {"preview": _preview_body(preview), "replayed": done}

        body = run_async(act(here))
    if as_json:
        print_json(body)
    else:
        _show_done(body["replayed"])


def _agreed(as_json: bool) -> bool:
    return not as_json and typer.confirm("Submit them anew?")


def _preview_body(preview: Any) -> dict[str, Any]:
    return {
        "jobs": [str(line.id) for line in preview.jobs],
        "price": preview.price_units,
        "users": list(preview.user_ids),
        "forgotten": [str(job_id) for job_id in preview.forgotten],
    }


def _show_preview(preview: Any) -> None:
    if not preview.jobs and not preview.forgotten:
        console.print("no dead jobs")
        return
    rows = [
        (
            str(line.id),
            line.kind.value,
            str(line.user_id),
            amount(line.price_units),
            plain(line.code),
        )
        for line in preview.jobs
    ]
    console.print(
        table("To be submitted anew", ("job", "kind", ">user", ">credits", "died of"), rows)
    )
    console.print(
        f"\n{len(preview.jobs)} jobs, {amount(preview.price_units)} credits at their old prices, "
        f"{len(preview.user_ids)} users, {len(preview.forgotten)} without a payload"
    )


def _show_done(done: list[Any]) -> None:
    if not done:
        return
    rows = [
        (
            str(one.old_id),
            str(one.new_id or "-"),
            amount(one.price_units),
            state("succeeded").replace("succeeded", "accepted") if one.new_id else plain(one.code),
        )
        for one in done
    ]
    console.print(table("Replayed", ("dead job", "new job", ">credits", ""), rows))
