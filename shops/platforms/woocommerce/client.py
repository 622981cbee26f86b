"""Call one WooCommerce store over wc/v3. The modules beside this one parse the answers.

A store is a WordPress site: slow, behind firewalls, cached. Calls have long time-outs and are few, about two at a time:
the budget allows three a second for all workers together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from reverbsync.dispatch.locks import try_lock
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.reading import each
from shops.platforms.values import (
    Busy,
    Count,
    Malformed,
    Missing,
    Moved,
    Page,
    Stocktake,
    StoreError,
    StoreInfo,
    TooLarge,
    TransientStoreError,
    Unread,
    Unsupported,
)
from shops.platforms.woocommerce import product_units
from shops.platforms.woocommerce import products as reading
from shops.platforms.woocommerce.hook_calls import HookCalls
from shops.platforms.woocommerce.order_calls import CACHED, OVERLAP, PAGE, OrderCalls
from shops.platforms.woocommerce.products import Counted, Item
from shops.platforms.woocommerce.rest import header_number, name_of
from shops.platforms.woocommerce.units_held import Newest, Stock
from shops.schemas import number_in
from shops.snapshots import StoreProduct

MAX_CORRECTIONS = 5
#: Number of reads after a write, since the first answer may be stale.
READINGS = 3
#: Most pages of a product's variations; WooCommerce's own limit is far lower.
MOST_PAGES = 100
#: Most variations missing from the list that are requested one by one.
MOST_ALONE = 20
#: Fields that `take_stock` requests.
BRIEF = (
    "id,parent_id,type,status,sku,price,purchasable,post_password,catalog_visibility,manage_stock,stock_quantity,"
    "stock_status,variations"
)
AGAIN = f"WooCommerce answered with products that were on an earlier page. {CACHED}"


@dataclass(frozen=True)
class _Family:
    """The readable units of a product, and the unreadable ones."""

    units: list[StoreProduct]
    unread: list[Unread]


class WooCommerceClient(OrderCalls, HookCalls):
    """Calls one store."""

    page_size = PAGE

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        super().__init__(connection)
        self.admin = f"{connection.address}/wp-admin"
        self._known_currency = connection.currency
        self._currency: str | None = None

    def check(self) -> StoreInfo:
        """List a product, which the keys must allow, and read the currency."""
        self.list_at("/products?per_page=1")
        return StoreInfo(self._host, self._money())

    # -- products --------------------------------------------------------------------------------------------

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page of products by id. wc/v3 has no "ids after" filter, so the pages may shift.

        The cursor is the number of products before the page. If the store fails within a page's variations, the page
        ends there.
        """
        before, last = _at(cursor)
        rows, total, size = self._listed(before, size or PAGE, since)
        page = before // size
        following = (page + 1) * size
        # A page may hold fewer rows than it counts: WooCommerce hides what the keys may not read.
        is_counted = total is not None and total >= page * size + len(rows)
        more = bool(rows) and (following < (total or 0) if is_counted else len(rows) >= size)
        mine = rows[before % size :]
        ids = [number for row in mine if (number := number_in(name_of(row))) is not None]
        if last and ids and max(ids) <= last:
            return Page((), _cursor(following, last) if more and is_counted else None, total, (Unread("", AGAIN),))
        found: list[StoreProduct] = []
        unread: list[Unread] = []
        for done, row in enumerate(mine):
            try:
                families, left_out = each([row], self._family)
            except (Missing, Unsupported) as error:  # about this product, which may have been deleted meanwhile
                unread.append(Unread(name_of(row), str(error)))
                continue
            except StoreError:
                if not done:
                    raise
                return Page(tuple(found), _cursor(before + done, last), total, tuple(unread))
            found += [unit for family in families for unit in family.units]
            unread += left_out + [one for family in families for one in family.unread]
        last = max([last, *ids])
        return Page(tuple(found), _cursor(following, last) if more else None, total, tuple(unread))

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Skip the next product. Its id is requested, which a store that fails at it may not return."""
        (before, last), named, total = _at(cursor), "", None
        try:
            rows, total, _ = self._listed(before, 1, since, _fields="id")
            if not rows:
                return Page((), None, total)
            named = name_of(rows[0])
        except TransientStoreError:
            pass
        more = total is None or before + 1 < total
        if last and total is None and (number := number_in(named)) is not None and number <= last:
            return Page((), None, total, (Unread("", AGAIN),))
        return Page((), _cursor(before + 1, last) if more else None, total, (Unread(named, ""),))

    def _listed(self, before: int, size: int, since: datetime | None, **more: str) -> tuple[list[Any], int | None, int]:
        """Return the page with the product after `before` others, the total number of products, and the page size.

        A store may reduce the page size, which only its page count reveals.
        """
        query: dict[str, Any] = {"per_page": size, "page": before // size + 1, "orderby": "id", "order": "asc", **more}
        if since is not None:
            stamp = (since - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
            query |= {"modified_after": stamp, "dates_are_gmt": "true"}
        rows, answer = self.list_at(f"/products?{urlencode(query)}")
        total, pages = header_number(answer, "X-WP-Total"), header_number(answer, "X-WP-TotalPages")
        if rows and len(rows) < size and total and pages and (pages - 1) * size >= total:
            return self._listed(before, len(rows), since, **more)
        return rows, total, size

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product with its variations, none if gone or trashed; for a variation's id, its whole family."""
        try:
            row = self.record("GET", f"/products/{store_parent_id}", number=store_parent_id)
            if parent := reading.parent_of_variation(row):
                row = self.record("GET", f"/products/{parent}", number=parent)
        except Missing as missing:
            self.confirm_gone(missing, "/products", store_parent_id)
            return []
        try:
            found = self._family(row)
        except Missing as missing:  # the product exists, so this is about its variations
            raise Malformed(str(missing)) from None
        if found.unread:
            error = Malformed(found.unread[0].words)
            error.readable = tuple(found.units)
            raise error
        return found.units

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that owns a stock item: a product or a variation."""
        try:
            found = reading.read_item(self.record("GET", f"/products/{store_stock_id}", number=store_stock_id))
        except Missing:
            return None
        return found.parent_id or found.id

    def _family(self, row: Any) -> _Family:
        """Return a product with its variations. Raise Malformed if the product itself cannot be read."""
        product = reading.read_item(row)
        if not product.is_sold_alone or reading.parent_of_variation(row):
            return _Family([], [])
        if not product.has_variations:
            return _Family([self._unit(product, product)], [])
        rows = self._variations(product)
        found, unread = each(rows, lambda one: self._unit(product, reading.read_item(one)))
        return _Family(found, [Unread(product.id, one.words) for one in unread])

    def _unit(self, product: Item, one: Item) -> StoreProduct:
        return product_units.unit(product, one, currency=self._money(), admin=self.admin)

    def _variations(self, product: Item) -> list[Any]:
        """Return all variations of a product, in smaller pages if one is too large or the store reduces the size.

        Variations that the product names but no page shows are requested one by one: only a Missing proves that one is
        gone. Raise Malformed if there are too many.
        """
        found: dict[str, Any] = {}
        named = product.variation_ids
        size = PAGE
        for _ in range(MOST_PAGES):
            query = {"per_page": size, "page": len(found) // size + 1, "orderby": "id", "order": "asc"}
            try:
                rows, _ = self.list_at(f"/products/{product.id}/variations?{urlencode(query)}")
            except TooLarge:
                if size == 1:
                    raise
                size = max(1, size // 10)
                continue
            known = len(found)
            found |= {name_of(row): row for row in rows}
            if len(found) == known or (len(rows) < size and len(found) >= len(named)):
                break
            size = min(size, len(rows))
        left = [one for one in named if one not in found]
        if len(left) > MOST_ALONE:
            raise Malformed(
                f"{reading.WHAT} {product.id} has {len(named)} variations, but only {len(found)} are listed."
            )
        for one in left:
            with contextlib.suppress(Missing):
                found[one] = self.record("GET", f"/products/{product.id}/variations/{one}", number=one)
        return list(found.values())

    def _money(self) -> str:
        """Return the store's currency; the saved one if the store does not answer or say, else ""."""
        if self._currency is None:
            try:
                said = reading.read_currency(self.record("GET", "/data/currencies/current"))
                self._currency = said or self._known_currency
            except TransientStoreError:
                if not self._known_currency:
                    raise
                self._currency = self._known_currency
            except StoreError:
                self._currency = self._known_currency
        return self._currency

    # -- stock -----------------------------------------------------------------------------------------------

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


def _at(cursor: str) -> tuple[int, int]:
    """Return the number of products before a cursor, and their highest id (0 if unknown)."""
    before, _, last = cursor.partition(":")
    return int(before or 0), int(last or 0)


def _cursor(before: int, last: int) -> str:
    return f"{before}:{last}" if last else str(before)


def _count(units: int | None, location: str) -> Count:
    return Count(None) if units is None else Count(units, location, units)


def _is_pool(product: StoreProduct, location: str) -> bool:
    """Return whether a variation is counted at its parent."""
    parent = f"/products/{product.store_parent_id}"
    return location == parent and product.store_product_id != product.store_parent_id
