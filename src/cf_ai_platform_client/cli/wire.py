"""Models as JSON, with the names and the fields that came over the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


def wire_fields(model: BaseModel, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the fields that came, by the wire's names; `without` has attributes that are left out."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(without))


def wire_json(model: BaseModel) -> str:
    """Write a model as one line of JSON, in ASCII."""
    return json.dumps(wire_fields(model))
