"""Which products go to Reverb: all, or those of selected groups; the seller's choice for one product overrides both."""

from __future__ import annotations

from collections.abc import Iterable

from listings.mapping.product_groups import Groups, groups_of
from listings.models import Product
from shops.models import SelectionRule, Shop
from shops.models.settings import Selection
from shops.snapshots import StoreProduct


def is_chosen(product: StoreProduct, choice: str, wanted: Groups | None) -> bool:
    """Return whether a product goes to Reverb. `wanted` None: all groups do."""
    if choice:
        return choice == "on"
    return wanted is None or not wanted.isdisjoint(groups_of(product))


def wanted_groups(shop: Shop) -> Groups | None:
    """Return the groups that the seller selected, None if all products go."""
    if shop.sync_settings.selection == Selection.ALL:
        return None
    rows = SelectionRule.objects.filter(shop=shop).values_list("by", "value")
    return frozenset((by, value.strip().lower()) for by, value in rows)


def chosen(shop: Shop, products: Iterable[Product]) -> list[Product]:
    """Return the products that go to Reverb, and those that are sold out or gone.

    The latter ignore the rules: a listing of theirs must end, or the same guitar is sold twice.
    """
    wanted = wanted_groups(shop)
    return [
        one
        for one in products
        if one.gone_at is not None or one.seen.sellable == 0 or is_chosen(one.seen, one.choice, wanted)
    ]
