"""The model catalogue: which model does what, at which provider, under which names.

Rows and aliases are `data/models.yaml`. An alias (`text.default`) belongs to every plan; a row chosen by
its own name belongs to the plans whose `models` list it.
"""

from functools import cache
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.data import load_yaml
from schemas.errors import InvalidInput
from schemas.jobs import Kind

Modality = Literal["text", "image", "edit", "vision", "video", "file"]

MODALITY_OF_KIND: dict[Kind, Modality] = {
    Kind.TEXT_IMPROVE: "text",
    Kind.TEXT_GENERATE: "text",
    Kind.IMAGE_GENERATE: "image",
    Kind.IMAGE_EDIT: "edit",
    Kind.IMAGE_ANALYZE: "vision",
    Kind.VIDEO_GENERATE: "video",
    Kind.FILE_PROCESS: "file",
}


class Model(BaseModel):
    """One row. `unit` says how the provider counts; the tariff of a kind applies unless it is `token`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1)]
    provider: str
    model: str
    modality: Modality
    unit: Literal["free", "token", "image", "second"]
    title: str


class Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int
    models: tuple[Model, ...]
    aliases: dict[str, str]

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> Self:
        names = [model.name for model in self.models]
        if len(set(names)) != len(names) or set(names) & set(self.aliases):
            message = "two models or aliases share a name"
            raise ValueError(message)
        if unknown := set(self.aliases.values()) - set(names):
            message = f"aliases point to unknown models: {sorted(unknown)}"
            raise ValueError(message)
        return self

    def resolve(self, name: str, modality: Modality) -> Model:
        """The row behind a model name or alias. Raises InvalidInput `unknown_model`."""
        row_name = self.aliases.get(name, name)
        for row in self.models:
            if row.name == row_name and row.modality == modality:
                return row
        raise InvalidInput("unknown_model", model=name)

    def is_alias(self, name: str) -> bool:
        return name in self.aliases


@cache
def catalogue() -> Catalogue:
    """The catalogue of this build, validated once. Raises pydantic.ValidationError."""
    return Catalogue.model_validate(load_yaml("models.yaml"))
