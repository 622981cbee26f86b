"""Resolve SKUs: a product's current one, and the product of a stock row, whose spelling may differ.

Facts: magento/inventory. Renaming a product leaves no trace in our data, and another product may take its SKU, so the
current SKU is read by the product's id. The database compares SKUs without case, accents and trailing blanks; no two
products have SKUs that it considers equal.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from shops.platforms.errors import Malformed
from shops.platforms.magento2 import batches, search
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.values import Unread


def now(rest: Rest, ids: Iterable[str]) -> dict[str, str]:
    """Return the SKU of each existing product by id. Raise StoreError if one cannot be read."""
    wanted = [one for one in ids if one.isdecimal()]
    rows, failed = batches.every(rest, "/products", "entity_id", wanted, fields="items[id,sku],total_count")
    if failed:
        raise Malformed(next(iter(failed.values())))
    found: dict[str, str] = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("sku"), str | int):
            raise Malformed(f"{STORE} does not say the SKU of a product.")
        found[str(row.get("id"))] = str(row["sku"])
    if missing := [one for one in wanted if one not in found]:
        confirm_gone(rest, missing)
    return found


def confirm_gone(rest: Rest, ids: Sequence[str]) -> None:
    """Confirm by a second search that products are gone, since one empty answer proves nothing. Raise Malformed."""
    rows, total = rest.rows("/products", search.query(search.one_of("entity_id", ids), size=1))
    if rows or total != 0:
        raise Malformed(f"{STORE}'s search does not say whether product {ids[0]} is there.")


def folded(sku: str) -> str:
    """Return a SKU or a name without case, accents and surrounding blanks."""
    bare = "".join(one for one in unicodedata.normalize("NFKD", sku) if not unicodedata.combining(one))
    return bare.casefold().strip()


def _compared(sku: str) -> str:
    """Return a SKU without case and surrounding blanks."""
    return sku.strip().lower()


def name_of(sku: str) -> str:
    """Return a SKU as part of a cache key."""
    return hashlib.sha256(_compared(sku).encode()).hexdigest()[:32]


def owners(wanted: Sequence[str], spelled: Iterable[str]) -> tuple[dict[str, str], set[str]]:
    """Return spelling → requested SKU, and the requested SKUs for which that is ambiguous.

    An exact spelling belongs to its SKU; any other belongs to the nearest one, if only one is left.
    """
    wanted, spellings = list(dict.fromkeys(wanted)), list(dict.fromkeys(spelled))
    found = {one: one for one in spellings if one in wanted}
    unclear: set[str] = set()
    for one in spellings:
        if one not in found and (hits := _nearest(one, wanted)):
            left = [hit for hit in hits if hit not in found] if len(hits) > 1 else hits
            if len(left) == 1:
                found[one] = left[0]
            else:
                unclear |= set(left)
    return found, unclear


class Spelled(Protocol):
    """A row that names a product by its SKU."""

    @property
    def sku(self) -> str:
        """Return the SKU as the row spells it."""


R = TypeVar("R", bound=Spelled)


def by_sku(
    wanted: Sequence[str], rows: Sequence[R], unread: Sequence[Unread]
) -> tuple[dict[str, list[R]], dict[str, str]]:
    """Return the rows of each requested SKU, and the reason for each SKU that could not be read.

    Rows with the exact spelling come first. `unread` are unreadable rows, named by their SKUs.
    """
    whose, unclear = owners(wanted, [*(row.sku for row in rows), *(one.store_parent_id for one in unread)])
    found: dict[str, list[R]] = {}
    for row in sorted(rows, key=lambda row: whose.get(row.sku) != row.sku):
        if row.sku in whose:
            found.setdefault(whose[row.sku], []).append(row)
    odd = {whose[one.store_parent_id]: one.words for one in unread if one.store_parent_id in whose}
    return found, {sku: _UNCLEAR.format(sku=sku) for sku in unclear} | odd


_UNCLEAR = (
    f"{STORE}'s stock spells a SKU so that it may be {{sku}} or another product's, so the stock stays as it was. Give "
    "one of the products another SKU."
)


def _nearest(spelling: str, wanted: Sequence[str]) -> list[str]:
    ways: tuple[Callable[[str], str], ...] = (_compared, folded)
    hits = ([one for one in wanted if way(one) == way(spelling)] for way in ways)
    return next((some for some in hits if some), [])
