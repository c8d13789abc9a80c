"""What the models of a topology's keys share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Text = Annotated[str, Field(min_length=1)]


def written(pattern: str, what: str) -> WithJsonSchema:
    """A text whose form is checked beside the schema. `what` names it in docs/topology.md."""
    return WithJsonSchema({"type": "string", "pattern": pattern, "title": what})


def scalar_map(keys: str = "") -> WithJsonSchema:
    """A map of scalars that are taken as they are written."""
    values = {"type": ["string", "number", "boolean", "null"]}
    names = {"propertyNames": {"pattern": keys}} if keys else {}
    return WithJsonSchema({"type": "object", "additionalProperties": values, **names})


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_kebab)
