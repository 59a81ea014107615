"""`leyden bot`: the Telegram bots, and the updates that could not be handled."""

from typing import Annotated

import typer

from ops.cli.output import Json, console, plain, print_json, table

app = typer.Typer(help="Updates of the bots that were set aside.", no_args_is_help=True)


def bot() -> None:
    """Run the bots of LEYDEN_TELEGRAM_BOTS until SIGTERM; several processes share the work."""
    from ops.cli.session import run_async, session
    from producers.bot.program import run

    with session(process="leyden bot", quiet=False) as here:
        run_async(
            run(
                here.settings,
                database_url=here.database_url,
                redis_url=here.redis_url,
                master_key=here.master_key,
            )
        )


@app.command("list")
def list_aside(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Updates that were set aside, newest first, without what they say."""
    from ops.cli.session import run_async, session
    from storage.updates import AsideLine

    with session(process="leyden updates") as here:

        async def look() -> list[AsideLine]:
            async with here.desk() as desk:
                return await desk.updates.aside(limit=limit)

        lines = run_async(look())
    if as_json:
        print_json(lines)
    elif lines:
        rows = [
            (
                str(line.id),
                line.source,
                plain(line.external_id),
                str(line.tries),
                plain(line.outcome),
            )
            for line in lines
        ]
        heads = (">id", "bot", "update", ">tries", "why")
        console.print(table("Updates set aside", heads, rows))
    else:
        console.print("no updates were set aside")


@app.command()
def replay(
    updates: Annotated[list[int], typer.Argument(help="Ids as `leyden updates list` shows them.")],
    as_json: Json = False,
) -> None:
    """Handle these again: after a correction, or with a newer build."""
    from ops.cli.session import run_async, session

    with session(process="leyden updates") as here:

        async def act() -> list[int]:
            async with here.desk() as desk:
                return await desk.updates.replay(updates)

        done = run_async(act())
    if as_json:
        print_json({"replayed": done})
    else:
        console.print(f"{len(done)} updates are open again")
