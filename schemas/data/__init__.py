"""Facts that change without code: models, prices, plans and limits by kind as YAML, texts as Fluent.

Every file is validated against its class when it is first loaded; a broken file stops the start.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml


def load_yaml(name: str) -> Any:
    """The parsed content of a file in this folder."""
    return yaml.safe_load((files("schemas.data") / name).read_text(encoding="utf-8"))


def path_of(name: str) -> Path:
    """Where a file of this folder is on disk, for who rewrites it."""
    return Path(str(files("schemas.data") / name))
