"""Renders `.env.example` from the settings class, so that the two cannot drift apart.

`python -m ops.base.envfile > .env.example`; a test compares the committed file with this text.
"""

import sys
from textwrap import wrap

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ops.base.settings import PREFIX, Settings

HEADER = """\
# Settings of Leyden. Copy to `.env` and uncomment what you change; a variable of the same name in
# the environment wins. Made by `python -m ops.base.envfile`: change the class, not this file.
"""
WIDTH = 98


def render() -> str:
    """The whole file as text."""
    return "\n".join([HEADER, *(_entry(name, field) for name, field in _fields())])


def _fields() -> list[tuple[str, FieldInfo]]:
    return list(Settings.model_fields.items())


def _entry(name: str, field: FieldInfo) -> str:
    told = f"{field.description or ''}{_bounds(field)}"
    lines = [f"# {line}" for line in wrap(told, WIDTH)]
    return "\n".join([*lines, f"#{PREFIX}{name.upper()}={_default(field)}", ""])


def _default(field: FieldInfo) -> str:
    empty = field.default is None or field.default is PydanticUndefined
    return "" if empty else str(field.default)


def _bounds(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "above", "le": "at most"}
    said = [
        f"{word} {value}"
        for rule in field.metadata
        for name, word in words.items()
        if (value := getattr(rule, name, None)) is not None
    ]
    return f" {', '.join(said).capitalize()}." if said else ""


if __name__ == "__main__":
    sys.stdout.write(render())
