"""Make what a store says of its products fit for the database: cut texts, clean letters, one row an id. Pure functions.

What does not fit is left out by itself and named; the other rows of its page are taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shops.platforms.values import Unread
from shops.schemas import MOST_MONEY, storable, units_of
from shops.snapshots import StoreProduct

LONGEST_ID = 64


class Unfit(ValueError):
    """A snapshot that cannot be kept; the words are for the seller."""


def fit(snapshots: Iterable[StoreProduct]) -> tuple[list[StoreProduct], list[Unread]]:
    """Return the snapshots that can be kept, one for each id, and those that cannot be.

    Where two rows have one id, the one with fewer units counts: what is not there must not be sold.
    """
    found: dict[str, StoreProduct] = {}
    unread = []
    for snapshot in snapshots:
        try:
            one = _fitted(snapshot)
        except Unfit as error:
            unread.append(Unread(snapshot.store_parent_id, str(error)))
        except Exception:  # noqa: BLE001 -- a value of another type than it should be: only this row is left out
            unread.append(Unread(str(snapshot.store_parent_id), "What the store says of it could not be read."))
        else:
            duplicate = found.get(one.store_product_id)
            if duplicate is None or one.sellable < duplicate.sellable:
                found[one.store_product_id] = one
    return list(found.values()), unread


def _fitted(snapshot: StoreProduct) -> StoreProduct:
    """Return the snapshot as it can be kept. Raises Unfit."""
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
