"""Reading what a store answered into our models: what cannot be read passes, and its place is told, never its value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import ValidationError

from shops.platforms.values import StorePassing, Unread
from shops.wire import Part

#: Longest title of a listing (Reverb's PrestaShop plugin).
LONGEST_TITLE = 255
#: So much of it may be the variant's own name.
LONGEST_VARIANT = 160

M = TypeVar("M", bound=Part)
R = TypeVar("R")


def valid(model: type[M], row: Any, what: str, *, maybe_done: bool = False) -> M:
    """Return a row of an answer as `model`; `what` begins the sentence of the error, such as "Magento's order".

    `maybe_done`: the answer was that of a write, which may have been applied. Raises StorePassing.
    """
    try:
        return model.model_validate(row)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise StorePassing(f"{what} could not be read at {where}.", maybe_done=maybe_done) from None


def each(rows: Iterable[Any], read: Callable[[Any], R], *, key: str = "id") -> tuple[list[R], list[Unread]]:
    """Read each row by itself; return what could be read, and which rows could not.

    `read` raises StorePassing for a row that it cannot read; `key` is the field that names the product.
    """
    found: list[R] = []
    unread: list[Unread] = []
    for row in rows:
        try:
            found.append(read(row))
        except StorePassing as error:
            named = row.get(key) if isinstance(row, dict) else None
            unread.append(Unread(str(named) if isinstance(named, int | str) else "", str(error)))
    return found, unread


def title_of(product: str, variant: str) -> str:
    """Return the title of a variant within LONGEST_TITLE; where that is too short, the product's part is shortened.

    So two variants never have one title. A variant of "" is the product itself.
    """
    name, own = " ".join(product.split()), " ".join(variant.split())
    if not own:
        return name
    if len(own) > LONGEST_VARIANT:
        half = LONGEST_VARIANT // 2
        own = f"{own[: half - 1]}…{own[-half:]}"
    room = LONGEST_TITLE - len(own) - len(" – ")
    return f"{name if len(name) <= room else name[: room - 1].rstrip() + '…'} – {own}"
