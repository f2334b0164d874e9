"""What every group of settings is."""

from __future__ import annotations

from pydantic import AliasGenerator, BaseModel, ConfigDict

Command = str | list[str]


class Group(BaseModel):
    """The base of all groups: frozen, kebab-case, nothing unknown."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        alias_generator=AliasGenerator(alias=lambda name: name.replace("_", "-")),
        use_attribute_docstrings=True,
    )
