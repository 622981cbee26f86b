"""Build the input of a decision about one product from the shop's settings, rules and Reverb's lists."""

from __future__ import annotations

from dataclasses import dataclass, replace

from listings.mapping import rules, selection
from listings.mapping.product_groups import Groups
from listings.mapping.value_types import Defaults
from listings.models import Listing, Product
from listings.stock.agreed import FOLLOWS_WITHIN
from listings.sync.decision import WRITTEN, Case, Switches
from listings.sync.payload import Wanted, wanted
from reverbsync import clock
from shops.models import Shop, SyncSettings
from shops.reverb.lists import Lists
from shops.snapshots import ReverbListing


@dataclass(frozen=True)
class ShopRules:
    """What is the same for all products of a shop."""

    settings: SyncSettings
    defaults: Defaults
    groups: Groups | None
    lists: Lists

    @classmethod
    def of(cls, shop: Shop) -> ShopRules:
        """Return the rules of a shop, without Reverb's lists yet."""
        return cls(shop.sync_settings, rules.defaults_of(shop), selection.wanted_groups(shop), Lists())

    def with_lists(self, lists: Lists) -> ShopRules:
        """Return the same rules with Reverb's lists."""
        return replace(self, lists=lists)

    def is_chosen(self, product: Product) -> bool:
        """Return whether a product goes to Reverb; one that is gone from the store must still end there."""
        return product.gone_at is not None or selection.is_chosen(product.seen, product.choice, self.groups)

    def stock_case(
        self, product: Product, row: Listing, listing: ReverbListing | None, *, units: int | None, number: int | None
    ) -> Case:
        """Return the case of a product's stock alone, which depends on no other field of the store."""
        fields = frozenset({"stock"} if self.settings.sync_stock else ())
        switches = Switches(create=False, publish=self.settings.auto_publish, fields=fields)
        for_sale = product.seen.for_sale and product.gone_at is None
        return Case("", Wanted(), units, for_sale, listing, row.agreed, switches, number=number)

    def case(
        self,
        product: Product,
        row: Listing,
        listing: ReverbListing | None,
        *,
        units: int | None,
        number: int | None,
        sku_unclear: bool = False,
    ) -> Case:
        """Return the case of a product. `units` and `number`: see Case.

        `sku_unclear`: another product has its SKU, so its listing keeps its own.
        """
        gone = product.gone_at is not None
        return Case(
            sku="" if sku_unclear else product.sku,
            wanted=Wanted() if gone else wanted(product.seen, self.defaults, self.lists, product.overrides),
            units=units,
            number=number,
            for_sale=product.seen.for_sale and not gone,
            listing=listing,
            agreed=row.agreed,
            switches=Switches(self.settings.create_listings, self.settings.auto_publish, self.settings.fields_on),
            names=self.lists.names,
            written_lately=clock.now().timestamp()
            < row.agreed.get(WRITTEN, {}).get("sent", 0.0) + FOLLOWS_WITHIN.total_seconds(),
        )


def counted(product: Product) -> int | None:
    """Return the store's own number for a new listing, if stock does not sync."""
    if product.gone_at is not None or not product.seen.for_sale:
        return 0
    return None if product.seen.stock is None else product.seen.sellable
