"""The types of the fields in Reverb's orders, and how lenient each is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from shops.schemas import MOST_MONEY, Part, Side, Text

#: A date outside these years is invalid.
FIRST_YEAR, LAST_YEAR = 2000, 2200


def _amount(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("no amount of money") from None
    if not found.is_finite() or abs(found) >= MOST_MONEY:
        raise ValueError("no amount of money")
    return found


#: A date in ISO 8601 or a variant of it: with blanks, the name of a zone, a leap second.
_SPELT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]\s*(\d\d:\d\d)(?::([0-5]\d|60)(?:[.,]\d+)?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?", re.ASCII | re.I
)


def _moment(value: Any) -> datetime:
    """Return a moment from any known format. Raise ValueError."""
    try:
        return _DATES.validate_python(value)
    except ValidationError:
        if not isinstance(value, str):
            raise
    if spelt := _SPELT.fullmatch(value.strip()):
        day, minute, second, zone = spelt.groups()
        offset = zone if zone and zone[0] in "+-" else "+00:00"
        return datetime.fromisoformat(f"{day}T{minute}:{min(int(second or 0), 59):02}{offset}")
    try:
        return parsedate_to_datetime(value)  # RFC 2822
    except (ValueError, TypeError, IndexError, OverflowError):
        raise ValueError("no date") from None


def _date(value: Any) -> Any:
    """Return an aware date. Raise ValueError for years such as 1 and 9999, which break date arithmetic."""
    found = _moment(value)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError("no date")
    return found if found.tzinfo else found.replace(tzinfo=UTC)  # Reverb's dates have an offset


_DATES = TypeAdapter(datetime)
Date = Side[Annotated[datetime | None, BeforeValidator(_date)]]


class Money(Part):
    """An amount with its currency."""

    amount: Annotated[Decimal, BeforeValidator(_amount)]
    currency: Side[str] = ""


class _Link(Part):
    href: Side[str] = ""


class Links(Part):
    """Where the order's listing and page are."""

    listing: Side[_Link] = _Link()
    web: Side[_Link] = _Link()


class Address(Part):
    """The buyer's shipping address."""

    name: Side[Text] = ""
    street_address: Side[Text] = ""
    extended_address: Side[Text] = ""
    locality: Side[Text] = ""
    region: Side[Text] = ""
    postal_code: Side[Text] = ""
    country_code: Side[Text] = ""
    phone: Side[Text] = ""
