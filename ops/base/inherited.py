"""The environment that a child of ours is started with: our own, with some settings said otherwise."""

import os

from ops.base.settings import PREFIX, Settings


def environment(**settings: str) -> dict[str, str]:
    """Field names of Settings and their values as text. Raises KeyError for a name that is none."""
    if unknown := set(settings) - set(Settings.model_fields):
        raise KeyError(*sorted(unknown))
    told = {f"{PREFIX}{name.upper()}": value for name, value in settings.items()}
    return {**os.environ, **told}  # noqa: TID251 (what is passed on, not what is read)
