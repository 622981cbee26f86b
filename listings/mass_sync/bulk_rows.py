"""Rows of many products' listings at once: created where they are missing, and saved in one statement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from listings.models import Listing, Product
from listings.sync.listing_row import row_of

# A row that was read meanwhile is not overwritten; its job reads it again.
_KEEP = """
UPDATE listings_listing AS kept
SET reverb_id = noted.reverb_id, link = noted.link, state = noted.state, snapshot = noted.snapshot,
    agreed = noted.agreed, read_at = noted.read_at, indexed_at = noted.indexed_at
FROM jsonb_to_recordset(%s::jsonb) AS noted (
    id bigint, was_read_at timestamptz, reverb_id text, link text, state text, snapshot jsonb, agreed jsonb,
    read_at timestamptz, indexed_at timestamptz
)
WHERE kept.id = noted.id AND kept.read_at IS NOT DISTINCT FROM noted.was_read_at
"""
#: Fields of a row that are saved.
_SAVED = ("reverb_id", "link", "state", "snapshot", "agreed", "read_at", "indexed_at")


@dataclass(frozen=True)
class Noted:
    """A row with what is to be saved, and when its listing had been read before."""

    row: Listing
    was_read_at: datetime | None


def known(products: Sequence[Product]) -> dict[int, Listing]:
    """Return the row of each product that has one, by the product's key.

    In its own query: joined with the products, the planner searched all rows of all shops.
    """
    found = Listing.objects.filter(product__in=[one.pk for one in products]).select_related("ledger")
    return {row.product_id: row for row in found}


def completed(known: Mapping[int, Listing], going: Sequence[Product]) -> dict[int, Listing]:
    """Return the known rows, plus new ones for products that lacked one."""
    lacking = [one for one in going if _lacks_one(one, known.get(one.pk))]
    if not lacking:
        return dict(known)
    taken = _taken_skus(lacking)
    made = _made([one for one in lacking if one.pk not in known and one.sku not in taken])
    for product in lacking:
        # Another row has its SKU, or its own row has an earlier SKU under which nothing was found.
        if product.pk not in made and (row := row_of(product)) is not None:
            made[product.pk] = row
    kept = known.keys() - {one.pk for one in lacking}
    return {**{key: known[key] for key in kept}, **made}


def keep(noted: Iterable[Noted]) -> None:
    """Save the noted rows in one statement."""
    if values := [_values(one) for one in noted]:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [json.dumps(values, default=datetime.isoformat)])


def _values(noted: Noted) -> dict[str, object]:
    saved = {name: getattr(noted.row, name) for name in _SAVED}
    return {"id": noted.row.pk, "was_read_at": noted.was_read_at, **saved}


def _lacks_one(product: Product, known: Listing | None) -> bool:
    if not product.sku or product.gone_at is not None:
        return False
    return known is None or not (known.reverb_id or known.sku == product.sku)


def _taken_skus(products: Sequence[Product]) -> set[str]:
    """Return the SKUs of these products that already have a row."""
    skus = [one.sku for one in products]
    return set(Listing.objects.filter(shop=products[0].shop_id, sku__in=skus).values_list("sku", flat=True))


def _made(products: Sequence[Product]) -> dict[int, Listing]:
    """Create rows, except for SKUs that another worker or product has meanwhile."""
    blank = [Listing(product=one, shop_id=one.shop_id, sku=one.sku) for one in products]
    Listing.objects.bulk_create(blank, ignore_conflicts=True)
    return known(products)
