"""Call a WooCommerce store about stock: read it, and change it by a difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from reverbsync.dispatch.locks import try_lock
from shops.platforms import calls
from shops.platforms.errors import Busy, Malformed, Missing, Moved, TransientStoreError, Unsupported
from shops.platforms.reading import each
from shops.platforms.values import Count, Stocktake, Unread
from shops.platforms.woocommerce import product_units
from shops.platforms.woocommerce import products as reading
from shops.platforms.woocommerce.order_calls import CACHED, PAGE, OrderCalls
from shops.platforms.woocommerce.products import Counted, Item
from shops.platforms.woocommerce.rest import header_number, name_of
from shops.platforms.woocommerce.units_held import Newest, Stock
from shops.snapshots import StoreProduct

MAX_CORRECTIONS = 5
#: Number of reads after a write, since the first answer may be stale.
READINGS = 3
#: Fields that `take_stock` requests.
BRIEF = (
    "id,parent_id,type,status,sku,price,purchasable,post_password,catalog_visibility,manage_stock,stock_quantity,"
    "stock_status,variations"
)


class StockCalls(OrderCalls):
    """Stock of one store. Its newest orders show what was sold while a number was overwritten."""

    def take_stock(self, products: Sequence[StoreProduct]) -> Stocktake:
        """Return what can be sold of products now; those that are gone, renamed, or newly on or off sale are reread.

        Variations are listed per product, which would take too many calls. For them, only their existence and shared
        stock are checked.
        """
        here, odd = self._brief(dict.fromkeys(one.store_parent_id for one in products))
        units: dict[str, int | None] = {}
        again: dict[str, None] = {}
        unread = {one.store_parent_id: one for one in odd}
        for product in products:
            parent_id = product.store_parent_id
            if parent_id in unread:
                continue
            item = here.get(parent_id)
            try:
                if item is None or not product_units.is_as_known(product, item):
                    again[parent_id] = None
                elif product.store_stock_id == parent_id:
                    units[product.store_product_id] = product_units.stock_of(product, item)
            except Malformed as error:
                unread[parent_id] = Unread(parent_id, str(error))
        return Stocktake(units, tuple(again), tuple(unread.values()))

    def _brief(self, ids: Iterable[str]) -> tuple[dict[str, Item], list[Unread]]:
        """Return the existing products by id, with the fields that determine stock, and the unreadable ones.

        A store may reduce the page size: the rest of a page is then requested again.
        """
        found: dict[str, Item] = {}
        unread: list[Unread] = []
        left, size = list(ids), PAGE
        while left:
            wanted, rest = left[:size], left[size:]
            query = {"include": ",".join(wanted), "per_page": size, "orderby": "id", "order": "asc", "_fields": BRIEF}
            rows, answer = self.list_at(f"/products?{urlencode(query)}")
            items, odd = each(rows, reading.read_item)
            read = {item.id: item for item in items}
            here = {name_of(row) for row in rows} & set(wanted)
            if rows and not here:
                raise TransientStoreError(f"WooCommerce answered with other products than were asked for. {CACHED}")
            found |= {number: read[number] for number in here if number in read}
            unread += odd
            if (header_number(answer, "X-WP-Total") or 0) > len(rows) > 0:
                size = len(rows)
                left = [one for one in wanted if one not in here] + rest
            else:
                left = rest
        return found, unread

    def count(self, product: StoreProduct) -> Count:
        """Read the stock where it is counted: at the product, the variation, or the variation's parent."""
        path = f"/products/{product.store_parent_id}"
        own = f"{path}/variations/{product.store_product_id}"
        try:
            if product.store_product_id != product.store_parent_id:
                one = reading.read_item(self.record("GET", own, number=product.store_product_id))
                if one.counted != Counted.AT_PARENT:
                    return _count(one.units, own)
            owner = reading.read_item(self.record("GET", path, number=product.store_parent_id))
        except Missing:
            return Count(None)
        is_alone = product.store_product_id == product.store_parent_id
        return _count(owner.units if is_alone else owner.pool, path)

    def _shares(self, product: StoreProduct, variation: str) -> bool:
        """Return whether `variation` shares its parent's stock with `product`."""
        try:
            path = f"/products/{product.store_parent_id}/variations/{variation}"
            return reading.read_item(self.record("GET", path, number=variation)).counted == Counted.AT_PARENT
        except Missing:
            return True

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock: read, set, read again, and correct, because WooCommerce can only set absolute numbers.

        An order placed between the read and the write took its units from a number that was then overwritten. Comparing
        the newest orders before and after reveals these units. If the store fails to list its orders, the stock is set
        nevertheless: one broken order must not keep a unit on sale that sold on Reverb.
        """
        # Several workers write the stock of variations that share it.
        with try_lock(f"woocommerce:{count.location}", self.shop_id) as alone:
            if not alone:
                raise Busy("Another change of this stock is under way.", retry_after=1.0)
            before = self._before()
            now = self.count(product)
            if now.units is None:
                raise Unsupported("WooCommerce does not count this product.")
            if (now.there, now.location) != (count.there, count.location):
                raise Moved("The stock in WooCommerce has moved.")
            self._set(now.location, now.there + by)
            with calls.written():
                return self._put_right(product, now, now.there + by, before)

    def _put_right(self, product: StoreProduct, was: Count, wanted: int, before: Newest | None) -> Count:
        """Return the count after setting `wanted`; subtract again what was sold of a number that was overwritten.

        If units came back after a raise and nothing else moved, they are added again. After a reduction, they count as
        taken by us (`Count.done`): they may be oversold, and the caller gives them back otherwise. Raise
        TransientStoreError if the store still shows the old number: it has not applied ours, or a cache answers.
        """
        known = 0
        for _ in range(MAX_CORRECTIONS):
            for _ in range(READINGS):
                after = self.count(product)
                if after.units is None:
                    return after
                unchanged = after.there == was.there > wanted
                if not unchanged:
                    break
            sold = 0 if before is None else self._sold_since(before, product, pooled=_is_pool(product, was.location))
            if not sold and unchanged:
                raise TransientStoreError("WooCommerce does not show our change of stock.", may_have_applied=True)
            # Units sold since our last write show as a smaller number; the others were overwritten.
            lost = sold - known - max(0, wanted - after.there)
            if before is None or lost == 0 or (lost < 0 and after.there != wanted):
                return after
            if lost < 0 and wanted < was.there:
                return replace(after, done=after.there - was.there + sold)
            wanted, known = after.there - lost, sold
            self._set(was.location, wanted)
        raise TransientStoreError("WooCommerce's stock moves faster than it can be set.", may_have_applied=True)

    def _sold_since(self, before: Newest, product: StoreProduct, *, pooled: bool) -> int:
        """Return the units that orders took from a product's stock meanwhile; `pooled`: from its parent's."""
        later = self.newer(before)
        sold = before.sold_until(later, Stock(product, pooled))
        if not pooled or not sold:
            return sold
        # Siblings with their own stock take nothing from the parent's.
        lines = [line for order in before.orders + later.orders for line in order.line_items]
        named = {line.variation_id for line in lines if line.product_id == product.store_parent_id}
        apart = {one for one in named - {"", product.store_product_id} if not self._shares(product, one)}
        return before.sold_until(later, Stock(product, pooled, frozenset(apart)))

    def _set(self, path: str, units: int) -> None:
        self.record("PUT", path, {"stock_quantity": units}, number=path.rpartition("/")[2])


def _count(units: int | None, location: str) -> Count:
    return Count(None) if units is None else Count(units, location, units)


def _is_pool(product: StoreProduct, location: str) -> bool:
    """Return whether a variation is counted at its parent."""
    parent = f"/products/{product.store_parent_id}"
    return location == parent and product.store_product_id != product.store_parent_id
