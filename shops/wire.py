"""Reading others' JSON: models that take what they know, leave the rest, and never show a value in an error."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

#: An id or short text that may come as a number; 64-bit numbers stay exact as text.
Text = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]


class Part(BaseModel):
    """A part of a document. A null counts as not said, so defaults apply."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, value: Any) -> Any:
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
