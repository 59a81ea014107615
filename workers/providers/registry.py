"""Which adapter answers for which model. Adapters are named here and imported when they are
needed.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

from schemas.catalogue import Catalogue, Modality, Model
from schemas.errors import ConfigError, InvalidInput, Permanent
from workers.providers.port import (
    Adapter,
    FileProvider,
    ImageProvider,
    TextProvider,
    Tools,
    VideoProvider,
    VisionProvider,
)

MODULES: Final[Mapping[str, str]] = {"local": "workers.providers.local.adapter"}
"""Provider name of a catalogue row -> module with `build(tools) -> Adapter`."""

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Chosen(Generic[P]):
    """The port to call and the row that says which of its models is meant."""

    port: P
    model: Model


class Providers:
    """Finds the port behind a model name. Every method raises Permanent `unknown_model`."""

    def __init__(self, catalogue: Catalogue, adapters: Mapping[str, Adapter]) -> None:
        self._catalogue = catalogue
        self._adapters = adapters

    def text(self, name: str) -> Chosen[TextProvider]:
        return self._choose(name, "text", lambda adapter: adapter.text)

    def image(self, name: str) -> Chosen[ImageProvider]:
        """A model that makes pictures."""
        return self._choose(name, "image", lambda adapter: adapter.image)

    def edit(self, name: str) -> Chosen[ImageProvider]:
        """A model that changes pictures."""
        return self._choose(name, "edit", lambda adapter: adapter.image)

    def vision(self, name: str) -> Chosen[VisionProvider]:
        return self._choose(name, "vision", lambda adapter: adapter.vision)

    def video(self, name: str) -> Chosen[VideoProvider]:
        return self._choose(name, "video", lambda adapter: adapter.video)

    def file(self, name: str) -> Chosen[FileProvider]:
        return self._choose(name, "file", lambda adapter: adapter.file)

    def _choose(
        self, name: str, modality: Modality, pick: Callable[[Adapter], P | None]
    ) -> Chosen[P]:
        try:
            model = self._catalogue.resolve(name, modality)
        except InvalidInput:
            # The catalogue changed after the job was accepted; asking again will not help.
            raise Permanent("unknown_model", model=name) from None
        adapter = self._adapters.get(model.provider)
        port = pick(adapter) if adapter is not None else None
        if port is None:
            raise Permanent("unknown_model", model=name)
        return Chosen(port, model)


def build_providers(catalogue: Catalogue, tools: Tools) -> Providers:
    """All adapters that the catalogue's rows name. ConfigError for a row nobody answers for."""
    names = {model.provider for model in catalogue.models}
    return Providers(catalogue, {name: _load(name, tools) for name in sorted(names)})


def _load(name: str, tools: Tools) -> Adapter:
    if name not in MODULES:
        raise ConfigError(setting="schemas/data/models.yaml", problem=f"no provider named {name}")
    module = importlib.import_module(MODULES[name])
    return cast("Callable[[Tools], Adapter]", module.build)(tools)
