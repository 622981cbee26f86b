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
    """A picture that cannot be kept; the words are for the seller."""


def fit(pictures: Iterable[StoreProduct]) -> tuple[list[StoreProduct], list[Unread]]:
    """Return the pictures that can be kept, one for each id, and those that cannot be.

    Where two rows have one id, the one with fewer units counts: what is not there must not be sold.
    """
    found: dict[str, StoreProduct] = {}
    unread = []
    for picture in pictures:
        try:
            one = _fitted(picture)
        except Unfit as error:
            unread.append(Unread(picture.store_parent_id, str(error)))
        except Exception:  # noqa: BLE001 -- a value of another type than it should be: only this row is left out
            unread.append(Unread(str(picture.store_parent_id), "What the store says of it could not be read."))
        else:
            twin = found.get(one.store_product_id)
            if twin is None or one.sellable < twin.sellable:
                found[one.store_product_id] = one
    return list(found.values()), unread


def _fitted(picture: StoreProduct) -> StoreProduct:
    """Return the picture as it can be kept. Raises Unfit."""
    for one in (picture.store_product_id, picture.store_parent_id, picture.store_stock_id):
        if len(one) > LONGEST_ID:
            raise Unfit(f"An id is longer than {LONGEST_ID} characters: {storable(one[:20])}…")
        if storable(one) != one:
            raise Unfit("An id has characters that cannot be kept.")
    if not picture.store_product_id or not picture.store_parent_id:
        raise Unfit("It has no id.")
    if not all(isinstance(one, str) for one in (picture.sku, picture.title)):
        raise Unfit("Its SKU or title is no text.")
    if not picture.price.is_finite() or abs(picture.price) >= MOST_MONEY:
        raise Unfit("Its price is no price.")
    kept = picture.kept()
    clean = storable(kept)
    fitted = picture if clean == kept else StoreProduct.taken(clean)
    units = units_of(fitted.stock)
    return fitted if units == fitted.stock else replace(fitted, stock=units)
