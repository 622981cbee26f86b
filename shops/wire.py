"""Reading others' JSON: models that take what they know, leave the rest, and never show a value in an error."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

#: An id or short text that may come as a number; 64-bit numbers stay exact as text.
Text = Annotated[str, Field(coerce_numbers_to_str=True)]


def object_of(body: bytes) -> dict[str, Any] | None:
    """Return the bytes read as a JSON object, None when they are something else, or nested beyond reason."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def storable(value: Any) -> Any:
    """Return a value whose texts are without the one character that PostgreSQL cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, dict):
        return {storable(name): storable(one) for name, one in value.items()}
    return [storable(one) for one in value] if isinstance(value, list) else value


class Inner(BaseModel):
    """A part of a Whole: it is clean already."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, hide_input_in_errors=True)


class Whole(Inner):
    """A document with its inner parts, cleaned once: a null counts as not said, so defaults apply."""

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, value: Any) -> Any:
        return said(value)


def said(value: Any) -> Any:
    """Return a storable value without the fields that are null."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, dict):
        return {name: said(one) for name, one in value.items() if one is not None}
    return [said(one) for one in value] if isinstance(value, list) else value


class Part(Inner):
    """A part of a document. A null counts as not said, so defaults apply."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: storable(v) for k, v in value.items() if v is not None}
