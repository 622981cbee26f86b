"""The rows of many products' places on Reverb at once: made where they are missing, and kept in one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from listings.models import Listing, Product
from listings.sync.find import row_of

#: What a plan notes in a row.
NOTED = ("reverb_id", "link", "state", "picture", "agreed", "read_at", "indexed_at")


def rows_of(products: Sequence[Product], *, going: Set[int]) -> dict[int, Listing]:
    """Return the row of each product that has one, by the product's key. Those that go (keys) get one made."""
    known: dict[int, Listing] = {one.pk: one.listing for one in products if hasattr(one, "listing")}
    wanting = [one for one in products if one.pk in going and _lacks_one(one, known.get(one.pk))]
    if not wanting:
        return known
    held = _held(wanting)
    simple = [one for one in wanting if one.pk not in known and one.sku not in held]
    known |= _made(simple)
    for product in wanting:
        # Another row has its SKU, or it has one of an earlier SKU under which nothing was found.
        row = known.get(product.pk)
        if row is None or _lacks_one(product, row):
            made = row_of(product)
            known.pop(product.pk, None)
            known |= {product.pk: made} if made is not None else {}
    return known


def keep(rows: Iterable[Listing]) -> None:
    """Save what was noted in rows."""
    Listing.objects.bulk_update(list(rows), NOTED)


def _lacks_one(product: Product, known: Listing | None) -> bool:
    if not product.sku or product.gone_at is not None:
        return False
    return known is None or not (known.reverb_id or known.sku == product.sku)


def _held(products: Sequence[Product]) -> set[str]:
    """Return the SKUs of the products that have a row already, of whatever product."""
    skus = [one.sku for one in products]
    return set(Listing.objects.filter(shop=products[0].shop_id, sku__in=skus).values_list("sku", flat=True))


def _made(products: Sequence[Product]) -> dict[int, Listing]:
    """Make rows. Where another worker or product was quicker with the SKU, none is made."""
    blank = [Listing(product=one, shop_id=one.shop_id, sku=one.sku) for one in products]
    Listing.objects.bulk_create(blank, ignore_conflicts=True)
    found = Listing.objects.filter(product__in=products).select_related("ledger")
    return {row.product_id: row for row in found}
