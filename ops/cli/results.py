"""What a job made, as files in a folder of the user's own."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ops.cli.output import size

if TYPE_CHECKING:
    from producers.desk import Desk
    from schemas.results import AnyResult
    from storage.results import JobView

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


async def save(
    desk: "Desk", user_id: int, view: "JobView", folder: Path, *, stem: str
) -> list[Path]:
    """Write a result's files, or its words; answers the paths. Nothing without a result."""
    from schemas.results import artifacts_of

    if view.result is None:
        return []
    paths = []
    for number, artifact in enumerate(artifacts_of(view.result)):
        _, data = await desk.results.artifact(user_id, view.id, number)
        ending = Path(_UNSAFE.sub("_", artifact.name)).suffix
        paths.append(_written(folder / f"{stem}{f'-{number}' if number else ''}{ending}", data))
    if not paths:
        paths.append(_written(folder / f"{stem}.txt", text_of(view.result).encode()))
    return paths


def text_of(result: "AnyResult") -> str:
    """The words of a result with its notes and changes; empty where it has none."""
    text = str(getattr(result, "text", ""))
    lists = [*getattr(result, "changes", ()), *getattr(result, "notes", ())]
    tail = "".join(f"\n- {line}" for line in lists)
    return f"{text}\n{tail}\n" if tail else f"{text}\n"


def told(paths: list[Path], *, root: Path) -> str:
    """`out/demo-1/x.png (12 KiB)`, as short as it can be said from here."""
    return "\n".join(f"{_short(path, root)} ({size(path.stat().st_size)})" for path in paths)


def _short(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _written(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
