"""The groups of a product: by tag, collection, product type and vendor. Pure."""

from __future__ import annotations

from shops.snapshots import StoreProduct

#: Pairs of the kind of group and the store's term in lower case (shops.models.rules.Group).
Groups = frozenset[tuple[str, str]]


def groups_of(product: StoreProduct) -> Groups:
    """Return all groups that a product belongs to."""
    rows = [("tag", tag) for tag in product.tags] + [("collection", name) for name in product.collections]
    rows += [("product_type", product.product_type), ("vendor", product.vendor)]
    return frozenset((by, word.strip().lower()) for by, word in rows if word.strip())
