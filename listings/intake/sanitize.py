"""Make a store's data fit the database: truncated texts, clean characters, one row per id. Pure functions.

A row that does not fit is left out and named; the other rows of its page are saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shops.platforms.values import Unread
from shops.schema_text import storable
from shops.schemas import MOST_MONEY, units_of
from shops.snapshots import StoreProduct

LONGEST_ID = 64


class Unfit(ValueError):
    """A snapshot that cannot be saved; the message is for the seller."""


def sanitized(snapshots: Iterable[StoreProduct]) -> tuple[list[StoreProduct], list[Unread]]:
    """Return the snapshots that can be saved, one per id, and those that cannot.

    If two rows have one id, the one with fewer units counts: units that do not exist must not be sold.
    """
    found: dict[str, StoreProduct] = {}
    unread = []
    for snapshot in snapshots:
        try:
            one = _fitted(snapshot)
        except Unfit as error:
            unread.append(Unread(snapshot.store_parent_id, str(error)))
        except Exception:  # noqa: BLE001 -- a value of an unexpected type: only this row is left out
            unread.append(Unread(str(snapshot.store_parent_id), "What the store says of it could not be read."))
        else:
            duplicate = found.get(one.store_product_id)
            if duplicate is None or one.sellable < duplicate.sellable:
                found[one.store_product_id] = one
    return list(found.values()), unread


def _fitted(snapshot: StoreProduct) -> StoreProduct:
    """Return the snapshot as it can be saved. Raises Unfit."""
    for one in (snapshot.store_product_id, snapshot.store_parent_id, snapshot.store_stock_id):
        if len(one) > LONGEST_ID:
            raise Unfit(f"An id is longer than {LONGEST_ID} characters: {storable(one[:20])}…")
        if storable(one) != one:
            raise Unfit("An id has characters that cannot be kept.")
    if not snapshot.store_product_id or not snapshot.store_parent_id:
        raise Unfit("It has no id.")
    if not all(isinstance(one, str) for one in (snapshot.sku, snapshot.title)):
        raise Unfit("Its SKU or title is no text.")
    if not snapshot.price.is_finite() or abs(snapshot.price) >= MOST_MONEY:
        raise Unfit("Its price is no price.")
    kept = snapshot.to_json()
    clean = storable(kept)
    fitted = snapshot if clean == kept else StoreProduct.from_json(clean)
    units = units_of(fitted.stock)
    return fitted if units == fitted.stock else replace(fitted, stock=units)
