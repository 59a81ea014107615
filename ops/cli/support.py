"""`leyden support`: what people ask about payments (`/paysupport`), and what they are answered."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ops.cli.output import Json, console, plain, print_json, table, when

if TYPE_CHECKING:
    from ops.cli.session import Session
    from storage.support import Question

app = typer.Typer(help="Questions about payments.", no_args_is_help=True)


@app.command("list")
def list_open(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """What waits for an answer, oldest first."""
    from ops.cli.session import run_async, session

    with session(process="leyden support") as here:
        found = run_async(_open(here, limit))
    if as_json:
        print_json(found)
    elif found:
        rows = [
            (str(one.id), str(one.user_id), when(one.asked_at), plain(one.words)) for one in found
        ]
        console.print(table("Questions about payments", ("id", ">user", "since", "words"), rows))
    else:
        console.print("no questions are waiting")


@app.command()
def answer(
    question: UUID,
    words: Annotated[str, typer.Argument(help="What the person reads.")],
    actor: Annotated[str, typer.Option(help="Who answers; kept in the row.")] = "operator",
) -> None:
    """Answer a question, once. A bot tells its person within a minute."""
    from ops.cli.session import run_async, session

    if not words.strip():
        raise typer.BadParameter("say something", param_hint="WORDS")
    with session(process="leyden support") as here:
        done = run_async(_answer(here, question, words.strip(), actor))
    console.print("answered" if done else "it was answered before")
    if not done:
        raise typer.Exit(1)


async def _open(here: "Session", limit: int) -> "list[Question]":
    from storage.support import Support

    async with here.desk() as desk:
        return await Support(desk.db, desk.keys).open(limit=limit)


async def _answer(here: "Session", question: UUID, words: str, actor: str) -> bool:
    from storage.support import Support

    async with here.desk() as desk:
        return await Support(desk.db, desk.keys).answer(question, words, actor=actor)
