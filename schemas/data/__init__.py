"""Facts that change without code: models, prices, plans and limits by kind as YAML, texts as Fluent.

Every file is validated against its class when it is first loaded; a broken file stops the start.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def parse_yaml(text: str) -> Any:
    """Plain data. Raises yaml.YAMLError.

    By libyaml, which every wheel of PyYAML brings: the parser in Python takes ten times as long, a
    fifth of a second for our files at the start of every process.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (both are safe loaders)


def load_yaml(name: str) -> Any:
    """The parsed content of a file in this folder."""
    return parse_yaml((files("schemas.data") / name).read_text(encoding="utf-8"))


def path_of(name: str) -> Path:
    """Where a file of this folder is on disk, for who rewrites it."""
    return Path(str(files("schemas.data") / name))
