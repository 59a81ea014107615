"""`leyden sandbox`: a server that plays the providers, for work without keys and without bills."""

from pathlib import Path
from typing import Annotated

import typer


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8090,
    journal: Annotated[
        Path | None,
        typer.Option(help="File that keeps what was bought. [default: in the data folder]"),
    ] = None,
) -> None:
    """Play OpenAI, OpenRouter and kie.ai until interrupted; prints its address."""
    from ops.base import logs
    from ops.base.settings import load_settings
    from ops.sandbox.server import serve

    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format, process="leyden sandbox")
    path = journal or settings.data_dir / "sandbox" / "journal.jsonl"
    serve(host=host, port=port, journal_path=path)
