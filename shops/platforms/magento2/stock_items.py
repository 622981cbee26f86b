"""Read a product's stock item: whether its stock is managed, and the units in a store without sources."""

from __future__ import annotations

from typing import Any

from shops.platforms.errors import Malformed, Missing, TransientStoreError
from shops.platforms.magento2 import batches, store_cache
from shops.platforms.magento2.rest import STORE, Rest, encoded
from shops.platforms.magento2.skus import name_of
from shops.platforms.reading import valid
from shops.schemas import Part, Text, Units

#: How long it is cached whether a product's stock is managed.
MANAGED_S = 10 * 60
#: The same for products in no source of the stock: there may be many, each costing a call.
UNASSIGNED_S = 24 * 3600
_SLASH = (
    "The stock of {sku} cannot be asked for: the web server of the store refuses addresses with an encoded slash "
    "(Apache: AllowEncodedSlashes NoDecode). {words}"
)


class NoAddress(Malformed):
    """The SKU cannot be part of a URL: the web server refuses its slash."""


class StockItem(Part):
    """What Magento says of a product's stock without sources."""

    item_id: Text = ""
    qty: Units = None
    min_qty: Units = 0
    backorders: Units = 0
    manage_stock: bool
    is_in_stock: bool = True

    @property
    def units(self) -> int | None:
        """Return the sellable units in a store without sources; None if they are not counted. Raise Malformed."""
        if not self.manage_stock:
            return None
        if not self.is_in_stock:
            return 0
        if self.qty is None:
            raise Malformed(f"{STORE}'s stock item {self.item_id} does not say how many there are.")
        return max(0, self.qty - max(0, self.min_qty or 0))


class StockItems:
    """Reads the stock items of one store."""

    def __init__(self, rest: Rest) -> None:
        """Makes no call."""
        self._rest = rest

    def managed(self, sku: str, *, lies: bool = True) -> tuple[bool, int]:
        """Return whether a product's stock is managed, and the threshold at which the store stops selling it.

        If it is in no source (`lies` false), the answer is cached for longer, as long as that is so.
        """
        known = f"magento2:{'managed3' if lies else 'unassigned'}:{self._rest.address}:{name_of(sku)}"
        kept: tuple[bool, int] | None = store_cache.recall(known)
        if kept is None:
            item = self.item(sku)
            kept = (item.manage_stock, item.min_qty or 0)
            store_cache.remember(known, kept, MANAGED_S if lies else UNASSIGNED_S)
        return kept

    def item(self, sku: str) -> StockItem:
        """Return the stock item of an existing product. Raise Malformed if the store does not show it."""

        def ask() -> Any:
            try:
                return self._rest.get(f"/stockItems/{encoded(sku)}")
            except Missing as error:
                raise Malformed(str(error)) from None
            except TransientStoreError as error:
                if "/" in sku and error.retry_after is None and not isinstance(error, Malformed):
                    raise NoAddress(_SLASH.format(sku=sku, words=error)) from None
                raise

        return valid(StockItem, batches.about_one(self._rest, ask), "Magento's stock item")
