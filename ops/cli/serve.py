"""`leyden api` and `leyden migrate`."""

from typing import Annotated

import typer

from ops.cli.output import Json, console, print_json


def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; 0: any.")] = None,
) -> None:
    """Serve the HTTP API until SIGTERM."""
    from ops.cli.session import run_async, session
    from producers.api.server import serve

    with session(process="leyden api", quiet=False) as here:
        told = {"host": host, "port": port}
        changed = {name: value for name, value in told.items() if value is not None}
        run_async(
            serve(
                here.settings.model_copy(update=changed),
                database_url=here.database_url,
                redis_url=here.redis_url,
                master_key=here.master_key,
            )
        )


def migrate(as_json: Json = False) -> None:
    """Bring the database up to date; several at once do no harm."""
    from ops.cli.session import run_async, session
    from storage.migrate import migrate as apply

    with session(process="leyden migrate", migrate=False) as here:
        applied = run_async(apply(here.database_url))
    if as_json:
        print_json({"applied": applied})
    elif applied:
        console.print(f"applied {len(applied)}: {', '.join(applied)}")
    else:
        console.print("up to date")
