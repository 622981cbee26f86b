"""Field types of wc/v3 in all formats seen: WordPress, plug-ins and PHP alter each of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator

#: More digits than any MySQL id.
LONGEST_ID = 20


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("no id")  # noqa: TRY004 -- pydantic reads ValueError as "not valid"
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()) or len(text) > LONGEST_ID or not int(text):
        raise ValueError("no id")
    return str(int(text))


def reference(value: Any) -> str:
    """Return the id of another object, "" if there is none."""
    try:
        return _id(value)
    except ValueError:
        return ""


def _moment(value: Any) -> datetime | None:
    """Return a moment that WooCommerce writes in GMT without a zone; None if absent or invalid."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return found and (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


#: An object's own id: a positive number, which plug-ins also send as a string.
Id = Annotated[str, BeforeValidator(_id)]
#: An id of another object, "" if there is none (0, null, false, "").
Reference = Annotated[str, BeforeValidator(reference)]
#: A moment (UTC), None if there is none.
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


def _pairs(value: Any) -> list[tuple[str, Any]]:
    return list(_read_pairs(value))


def _read_pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield meta data pairs from rows of key and value, in a list or an object, or from plain `{"key": value}`."""
    if isinstance(value, dict):
        plain = [(str(key), one) for key, one in value.items() if not isinstance(one, dict)]
        yield from plain
        value = list(value.values())
    for row in value if isinstance(value, list) else []:
        if isinstance(row, dict) and isinstance(row.get("key"), str | int):
            yield str(row["key"]), row.get("value")


#: Meta data in any format, as pairs of key and value.
Pairs = Annotated[list[tuple[str, Any]], BeforeValidator(_pairs)]
