"""`leyden appeals`: people who do not agree that their request was blocked, and what they are answered."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ops.cli.output import Json, console, plain, print_json, table, when

if TYPE_CHECKING:
    from ops.cli.session import Session
    from storage.appeals import Appeal, Verdict

app = typer.Typer(help="Appeals against blocked requests.", no_args_is_help=True)


@app.command("list")
def list_open(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """What waits for an answer, oldest first: job, class, score, and what the person added."""
    from ops.cli.session import run_async, session

    with session(process="leyden appeals") as here:
        found = run_async(_open(here, limit))
    if as_json:
        print_json(found)
    elif found:
        rows = [
            (
                str(one.job_id),
                plain(one.class_),
                f"{one.score:.2f}",
                str(one.user_id),
                when(one.made_at),
                plain(one.word or "-"),
            )
            for one in found
        ]
        heads = ("job", "class", ">score", ">user", "since", "added")
        console.print(table("Appeals", heads, rows))
    else:
        console.print("no appeals are waiting")


@app.command()
def answer(
    job: UUID,
    agreed: Annotated[
        bool, typer.Option("--agreed/--declined", help="Was it wrong to block this request?")
    ],
    note: Annotated[str, typer.Option(help="A word to the person, told with the answer.")] = "",
    actor: Annotated[str, typer.Option(help="Who answers; kept in the row.")] = "operator",
) -> None:
    """Answer an appeal, once. A bot tells its person within a minute."""
    from ops.cli.session import run_async, session

    with session(process="leyden appeals") as here:
        done = run_async(_answer(here, job, "agreed" if agreed else "declined", note, actor))
    console.print("answered" if done else "it was answered before")
    if not done:
        raise typer.Exit(1)


async def _open(here: "Session", limit: int) -> "list[Appeal]":
    from storage.appeals import Appeals

    async with here.desk() as desk:
        return await Appeals(desk.db, desk.keys).open(limit=limit)


async def _answer(here: "Session", job: UUID, verdict: "Verdict", note: str, actor: str) -> bool:
    from storage.appeals import Appeals

    async with here.desk() as desk:
        return await Appeals(desk.db, desk.keys).answer(job, verdict, note=note, actor=actor)
