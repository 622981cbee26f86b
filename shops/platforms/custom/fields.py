"""The types of the fields in a home-made store's messages, and how lenient each is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from shops.schemas import MOST_UNITS, Part, Text, units_of

#: Most products in one message.
MOST = 250
WHAT_TO_SEND = "Send a number, or null if you do not count it."
#: Longest URL of a photo or a page.
LONGEST_ADDRESS = 2000


def _in_utc(stamp: datetime) -> datetime:
    try:
        return stamp.astimezone(UTC)
    except OverflowError:  # the first or last possible date, in a zone that exceeds it
        raise ValueError("no usable moment") from None


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or len(text) > LONGEST_ADDRESS:
        raise ValueError("no web address")
    return text


def _texts(value: Any) -> Any:
    """Return an object of strings; values other than strings and numbers are left out. PHP sends {} as a list."""
    if not isinstance(value, dict):
        return {}
    texts = (str, int, float)
    return {str(k): str(v) for k, v in value.items() if isinstance(v, texts) and not isinstance(v, bool)}


def _whole(value: Any) -> int:
    """Return a quantity as whole units: 2 of 2.5 m."""
    units = units_of(value)
    if units is None:
        raise ValueError("no quantity")
    return max(0, min(MOST_UNITS, units))


def _flag(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Return a flag, None if it is invalid."""
    try:
        return read(value)
    except ValidationError:
        return None


def lower(numbers: Iterable[int | None]) -> int | None:
    """Return the lowest of several numbers for one stock; "not counted" is ignored."""
    return min((one for one in numbers if one is not None), default=None)


Id = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Stamp = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Address = Annotated[str, AfterValidator(_address)]
Texts = Annotated[dict[str, str], BeforeValidator(_texts)]
Quantity = Annotated[int, BeforeValidator(_whole)]
Flag = Annotated[bool | None, WrapValidator(_flag)]


class Counted(Part):
    """A part with a stock: a number, or null if it is not counted. Any other or no value sets `says_stock` false."""

    stock: int | None = None
    says_stock: bool = Field(default=True, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _stock_by_itself(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            stock = units_of(value["stock"])
        except (KeyError, ValueError):
            return {**value, "stock": None, "says_stock": False}
        return {**value, "stock": stock, "says_stock": value["stock"] != ""}


def fields_named(error: ValidationError) -> str:
    """Return the names of the fields that are wrong, the first ten, for the seller's programmer."""
    return ", ".join(".".join(map(str, one["loc"])) or "body" for one in error.errors()[:10])
