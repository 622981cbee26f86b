"""Change Magento's stock by a difference, and mark products whose units are being lent to an order.

Only a source's absolute quantity can be written, so it is read right before and after the write. Fact (Magento 2.4.7 as
seen): posting a source item for an unknown SKU is answered 200 and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from reverbsync import clock
from shops.platforms import calls
from shops.platforms.errors import Busy, Moved, TransientStoreError, Unsupported
from shops.platforms.magento2 import sources, store_cache
from shops.platforms.magento2.rest import STORE, encoded
from shops.platforms.magento2.skus import name_of
from shops.platforms.magento2.stock_reading import StockReader
from shops.platforms.values import Count

#: Longest time that a change of a product's stock blocks another.
CLAIM_S = 120
#: Longest time that reads wait for an interrupted attempt to create an order.
LENT_S = 15 * 60
#: How long the index of salable quantities may lag after units were taken (Magento can build it later, by a queue).
TRAILS_S = 15 * 60


class Stock(StockReader):
    """Reads and changes the stock of one store."""

    # -- changing --------------------------------------------------------------------------------------------

    def adjust(self, sku: str, count: Count, *, by: int) -> Count:
        """Change the quantities in the sources by a difference; open reservations stay.

        Raise Moved if they no longer match `count`. Units that no source has are not taken (`Count.done`).
        """
        if count.units is None:
            raise Unsupported(f"{STORE} does not count this product.")
        with self.claimed(sku):
            change = self._adjust_alone if self._config.stock_sources() is None else self._adjust
            done = change(sku, count, by)
            if not done:
                return replace(count, done=0)
            with calls.written():
                after = self._after(sku, count, done)
            return replace(after, done=None if done == by else done)

    def _after(self, sku: str, count: Count, done: int) -> Count:
        """Return the count after a change of `done` units, limited to the expected number while the index lags."""
        after = self.count(sku)
        if (after.location, after.there) == (count.location, count.there):
            raise TransientStoreError(f"{STORE} does not show our change of stock.")
        expected = max(0, (count.units or 0) + done)
        if done > 0 or after.there != count.there + done or (after.units or 0) <= expected:
            return after
        store_cache.remember(f"{self._bounds}{name_of(sku)}", {"there": after.there, "units": expected}, TRAILS_S)
        return replace(after, units=expected)

    def _adjust(self, sku: str, count: Count, by: int) -> int:
        items = self.source_items(sku)
        if sources.named(items) != count.location:
            raise Moved("The stock in Magento has moved.")
        changed = sources.taken(items, -by) if by < 0 else sources.added(items, by)
        if not changed:
            return 0
        sources.write(self._rest, changed)
        before = {one.code: one.quantity for one in items}
        return round(sum(one.quantity - before[one.code] for one in changed))

    def _adjust_alone(self, sku: str, count: Count, by: int) -> int:
        item = self._items.item(sku)
        if (item.item_id, item.qty or 0) != (count.location, count.there):
            raise Moved("The stock in Magento has moved.")
        done = max(by, -max(0, count.there))
        if done:
            left = count.there + done
            in_stock = left > max(0, item.min_qty or 0) or bool(item.backorders)
            body = {"stockItem": {"qty": left, "is_in_stock": in_stock and (item.is_in_stock or count.there <= 0)}}
            self._rest.written("PUT", f"/products/{encoded(sku)}/stockItems/{count.location}", body)
        return done

    @contextmanager
    def claimed(self, sku: str) -> Iterator[None]:
        """Prevent concurrent changes of one product, since each sets the absolute number. Raise Busy while one runs."""
        claim = f"magento2:writing:{self._rest.address}:{name_of(sku)}"
        if not store_cache.claim(claim, CLAIM_S):
            raise Busy(f"Another change of this product's stock in {STORE} is under way.", retry_after=2.0)
        try:
            yield
        finally:
            store_cache.release(claim)

    # -- lending ---------------------------------------------------------------------------------------------

    def lending(self, sku: str) -> None:
        """Make reads ignore a product from now on: its units are being lent to an order."""
        store_cache.remember(f"{self._lent}{name_of(sku)}", {"ended": None}, LENT_S)

    def lent(self, sku: str) -> None:
        """End the loan: reads that start from now on count again."""
        store_cache.remember(f"{self._lent}{name_of(sku)}", {"ended": clock.now().timestamp()}, LENT_S)
