"""Read external JSON: models that ignore unknown fields and never show a value in an error."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticUseDefault, core_schema

from shops.schema_text import storable, storable_text, words_of

T = TypeVar("T")
#: An id or short text that may come as a number; 64-bit numbers stay exact as text.
Text = Annotated[str, Field(coerce_numbers_to_str=True)]
#: A numeric id, as text.
Number = Annotated[Text, Field(pattern=r"\A[0-9]{1,20}\z")]
#: Most units of a stock: the limit of a PostgreSQL integer and of Reverb.
MOST_UNITS = 2**31 - 1
#: Prices beyond this are invalid; the database and Reverb hold fewer digits.
MOST_MONEY = Decimal(10) ** 10
_CENT, _NOTHING = Decimal("0.01"), Decimal(0)


def _use_default(value: Any) -> Any:
    raise PydanticUseDefault


class _OrDefault:
    """Makes a field take its default if its value is unreadable; readable values need no call into Python."""

    @staticmethod
    def __get_pydantic_core_schema__(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        default = core_schema.no_info_plain_validator_function(_use_default)
        return core_schema.union_schema([handler(source), default], mode="left_to_right")


def _readable(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    rows = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(rows, list):
        return []
    found = []
    for row in rows:
        try:
            found += read([row])
        except ValidationError:
            continue
    return found


#: An optional field, such as a brand: it gets its default if unreadable, so it never blocks price and stock.
Side = Annotated[T, _OrDefault]
#: A list of optional rows, such as photos, without unreadable ones. PHP sends lists with gaps as objects.
SideRows = Annotated[list[T], WrapValidator(_readable)]


def units_of(value: Any) -> int | None:
    """Return a stock as whole units within the database's limits: 2.5 is 2; None if absent.

    Raise ValueError if it is not a number: an unreadable stock is neither 0 nor "not counted".
    """
    if type(value) is int and abs(value) <= MOST_UNITS:
        return value  # the common case
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("no number of units")  # noqa: TRY004 -- pydantic reads ValueError as "not valid"
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError("no number of units") from None
    if not number.is_finite():
        raise ValueError("no number of units")
    return math.floor(max(Decimal(-MOST_UNITS), min(Decimal(MOST_UNITS), number)))


def money_of(value: Any) -> Decimal:
    """Return a price with two decimals; 0 if it is empty, not a number, negative, or beyond MOST_MONEY."""
    try:
        found = Decimal(str(value).strip())
        return found.quantize(_CENT) if found.is_finite() and _NOTHING < found < MOST_MONEY else _NOTHING
    except InvalidOperation:
        return _NOTHING


def number_in(value: Any) -> int | None:
    """Return a count, such as a total or a header's, None if it is invalid: only ASCII digits count."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


#: A name or term of the store, as people read it.
Words = Annotated[Text, AfterValidator(words_of)]
#: Units of a stock, None if absent; anything else makes its row unreadable.
Units = Annotated[int | None, BeforeValidator(units_of)]
#: A price, 0 if there is none.
Money = Annotated[Decimal, BeforeValidator(money_of)]


class Inner(BaseModel):
    """A part of a Whole, which has cleaned it already."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, hide_input_in_errors=True)


class Whole(Inner):
    """A document with its inner parts, cleaned once: a null counts as absent, so defaults apply."""

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: said(value[name]) for name in _known_names(cls) if value.get(name) is not None}


@lru_cache(maxsize=16)
def _known_names(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def said(value: Any) -> Any:
    """Return a storable value without null fields."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {name: said(one) for name, one in value.items() if one is not None}
    return [said(one) for one in value] if isinstance(value, list) else value


class Part(Inner):
    """A part of a document. A null counts as absent, so defaults apply."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: storable(v) for k, v in value.items() if v is not None}
