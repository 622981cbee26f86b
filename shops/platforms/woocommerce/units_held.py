"""How many units WooCommerce's orders hold of a product."""

from __future__ import annotations

from dataclasses import dataclass

from shops.platforms.woocommerce.orders import Line, Order
from shops.snapshots import StoreProduct


@dataclass(frozen=True)
class Newest:
    """The newest orders of a store at one moment, at most `many`; `whole`: there are no others."""

    orders: tuple[Order, ...]
    many: int
    whole: bool

    @property
    def oldest(self) -> int:
        """Return the lowest id, 0 if there are no orders."""
        return min((int(one.id) for one in self.orders), default=0)

    def sold_until(self, later: Newest, stock: Stock) -> int:
        """Return the units that orders took from a stock since this moment; negative if they gave units back.

        A line's `_reduced_stock` is what it holds, regardless of the order's status; it disappears when the units
        return. Only if no order shows one, because a plug-in hides it, are status and quantity used.
        """
        marked = any(line.took is not None for one in self.orders + later.orders for line in one.line_items)
        before = {one.id: taken(one, stock, by_mark=marked) for one in self.orders}
        # An order that moved up because others were deleted is not new.
        oldest = 0 if self.whole else self.oldest
        now = {one.id: taken(one, stock, by_mark=marked) for one in later.orders}
        return sum(
            units - before.get(number, 0) for number, units in now.items() if number in before or int(number) > oldest
        )


@dataclass(frozen=True)
class Stock:
    """A stock from which order lines take units: a product's own, or its parent's.

    `pooled`: variations share their parent's stock, except those in `apart`, which have their own.
    """

    product: StoreProduct
    pooled: bool = False
    apart: frozenset[str] = frozenset()

    def gives(self, line: Line) -> bool:
        """Return whether a line takes its units from this stock.

        A product's translations are separate products with its SKU, whose stock the plug-in synchronizes.
        """
        product = self.product
        if line.variation_id == product.store_product_id:
            return True
        if line.product_id == product.store_parent_id:
            is_pool = self.pooled and line.variation_id not in self.apart
            return is_pool or product.store_product_id == product.store_parent_id
        return bool(line.sku) and line.sku.strip() == product.sku


def taken(order: Order, stock: Stock, *, by_mark: bool) -> int:
    """Return the units that an order holds from a stock."""
    lines = [line for line in order.line_items if stock.gives(line)]
    if by_mark or order.reverb_number:  # an order of ours may have been created to take nothing
        return sum(line.took or 0 for line in lines)
    return sum(line.units for line in lines) if order.holds_units else 0
