"""What one WooCommerce store is asked and told over wc/v3. The answers are read in the files beside.

A store is someone's WordPress: slow, behind firewalls, cached. Calls are patient and few, about two at a time: the
budget allows three a second for all our workers together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from reverbsync.alone import only_one
from shops.models import StoreConnection
from shops.pictures import StoreProduct
from shops.platforms import calls, hooks
from shops.platforms.hooks import Hook
from shops.platforms.reading import each
from shops.platforms.values import (
    Count,
    Hooks,
    Malformed,
    Missing,
    Moved,
    Page,
    StoreError,
    StoreInfo,
    StorePassing,
    TooLarge,
    Unread,
    Unsupported,
)
from shops.platforms.woocommerce import products as reading
from shops.platforms.woocommerce.order_calls import OVERLAP, PAGE, OrderCalls
from shops.platforms.woocommerce.orders import Newest
from shops.platforms.woocommerce.products import Counted, Item
from shops.platforms.woocommerce.webhooks import TOPICS

#: How many of the newest orders are compared around a change of stock, and how many where a list fails.
NEWEST, FEW_NEWEST = 20, 5
MAX_CORRECTIONS = 5
#: Pages of variations that a product may have; WooCommerce's own limit is far below.
MOST_PAGES = 100


@dataclass(frozen=True)
class _Family:
    """The units of a product that could be read, and what could not."""

    units: list[StoreProduct]
    unread: list[Unread]


class WooCommerceClient(OrderCalls):
    """Asks one store."""

    page_size = PAGE

    def __init__(self, connection: StoreConnection) -> None:
        """Nothing is asked yet."""
        super().__init__(connection)
        self.admin = f"{connection.address}/wp-admin"
        self._secret_of_hooks = connection.secret
        #: Our webhooks there were signed with the secret of before until they are checked once.
        self._is_new = not connection.hooks
        self._known_currency = connection.currency
        self._currency: str | None = None

    def check(self) -> StoreInfo:
        """Ask for products, which is what the keys are for, and for the currency."""
        self.list_at("/products?per_page=1")
        return StoreInfo(self._host, self._money())

    # -- products --------------------------------------------------------------------------------------------

    def walk(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page of products by id. wc/v3 knows no "ids after", so products are counted; they may shift.

        The cursor is the number of products before. A store that fails amid a page's variations ends the page there.
        """
        before, size = int(cursor or 0), size or PAGE
        rows, total = self._listed(before // size + 1, size, since)
        mine = rows[before % size :]
        found: list[StoreProduct] = []
        unread: list[Unread] = []
        for done, row in enumerate(mine):
            try:
                families, left_out = each([row], self._family)
            except StoreError:
                if not done:
                    raise
                return Page(tuple(found), str(before + done), total, tuple(unread))
            found += [unit for family in families for unit in family.units]
            unread += left_out + [one for family in families for one in family.unread]
        # A page may hold fewer than it counts: WooCommerce leaves out what the keys may not see.
        following = (before // size + 1) * size
        more = bool(rows) and (following < total if total is not None else len(rows) >= size)
        return Page(tuple(found), str(following) if more else None, total, tuple(unread))

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Leave the next product out: its id is asked for, which a store that fails at this product may not say."""
        before, named, total = int(cursor or 0), "", None
        try:
            rows, total = self._listed(before + 1, 1, since, _fields="id")
            if not rows:
                return Page((), None, total)
            named = _name_of(rows[0])
        except StorePassing:
            pass
        more = total is None or before + 1 < total
        return Page((), str(before + 1) if more else None, total, (Unread(named, ""),))

    def _listed(self, page: int, size: int, since: datetime | None, **more: str) -> tuple[list[Any], int | None]:
        """Return a page's rows, and how many products there are where the store says so."""
        asked: dict[str, Any] = {"per_page": size, "page": page, "orderby": "id", "order": "asc", **more}
        if since is not None:
            stamp = (since - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
            asked |= {"modified_after": stamp, "dates_are_gmt": "true"}
        rows, answer = self.list_at(f"/products?{urlencode(asked)}")
        total = answer.headers.get("X-WP-Total", "")
        return rows, int(total) if total.isascii() and total.isdigit() else None

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product with its variations, none when it is gone or in the bin."""
        try:
            found = self._family(self.record("GET", f"/products/{store_parent_id}", number=store_parent_id))
        except Missing:
            return []
        if found.unread:
            error = Malformed(found.unread[0].words)
            error.readable = tuple(found.units)
            raise error
        return found.units

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the product that a counted product or variation belongs to."""
        try:
            found = reading.read_item(self.record("GET", f"/products/{store_stock_id}", number=store_stock_id))
        except Missing:
            return None
        return found.parent_id or found.id

    def _family(self, row: Any) -> _Family:
        """Read a product with its variations. Raises Malformed where the product itself cannot be read."""
        product = reading.read_item(row)
        if not product.is_sold_alone:
            return _Family([], [])
        if not product.has_variations:
            return _Family([self._unit(product, product)], [])
        rows = self._variations(product.id)
        found, unread = each(rows, lambda one: self._unit(product, reading.read_item(one)))
        return _Family(found, [Unread(product.id, one.words) for one in unread])

    def _unit(self, product: Item, one: Item) -> StoreProduct:
        return reading.unit(product, one, currency=self._money(), admin=self.admin)

    def _variations(self, product_id: str) -> list[Any]:
        """Return all variations of a product, in smaller pages where one would be too large."""
        found: dict[str, Any] = {}
        size = PAGE
        for _ in range(MOST_PAGES):
            asked = {"per_page": size, "page": len(found) // size + 1, "orderby": "id", "order": "asc"}
            try:
                rows, _ = self.list_at(f"/products/{product_id}/variations?{urlencode(asked)}")
            except TooLarge:
                if size == 1:
                    raise
                size = max(1, size // 10)
                continue
            known = len(found)
            found |= {_name_of(row): row for row in rows}
            if len(rows) < size or len(found) == known:
                break
        return list(found.values())

    def _money(self) -> str:
        """Return the store's currency, the known one where the store does not answer, "" where it does not say."""
        if self._currency is None:
            try:
                self._currency = reading.read_currency(self.record("GET", "/data/currencies/current"))
            except StorePassing:
                if not self._known_currency:
                    raise
                self._currency = self._known_currency
            except StoreError:
                self._currency = self._known_currency
        return self._currency

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Read the stock where it is counted: at the product, the variation, or the variation's parent."""
        place = f"/products/{product.store_parent_id}"
        own = f"{place}/variations/{product.store_stock_id}"
        try:
            item = None
            if product.store_stock_id != product.store_parent_id:
                item = reading.read_item(self.record("GET", own, number=product.store_stock_id))
            if item is None or item.counted == Counted.AT_PARENT:
                item = reading.read_item(self.record("GET", place, number=product.store_parent_id))
            else:
                place = own
        except Missing:
            return Count(None)
        units = item.units if item.counted == Counted.HERE else None
        return Count(None) if units is None else Count(units, place, units)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock. WooCommerce only sets numbers, so it is read, set, read again, and put right.

        An order that came between reading and setting took its units from a number that we then overwrote. The newest
        orders, looked at before and after, say how many units that were. A store that fails to list its orders gets its
        stock set all the same: a unit that sold on Reverb must not stay on sale because of one broken order.
        """
        # Variations that share their parent's stock are written to by several workers.
        with only_one(f"woocommerce:{count.place}", self.shop_id) as alone:
            if not alone:
                raise StorePassing("Another change of this stock is under way.", retry_after=1.0)
            before = self._before()
            now = self.count(product)
            if now.units is None:
                raise Unsupported("WooCommerce does not count this product.")
            if (now.there, now.place) != (count.there, count.place):
                raise Moved("The stock in WooCommerce has moved.")
            self._set(now.place, now.there + by)
            with calls.written():
                if before is None:
                    return self.count(product)
                return self._put_right(product, now.place, now.there + by, before)

    def _before(self) -> Newest | None:
        """Return the newest orders; None where the store fails to list them, be it because of a single one."""
        for many in (NEWEST, FEW_NEWEST):
            try:
                return self.newest(many)
            except StorePassing as error:
                if error.retry_after is not None:
                    raise
        return None

    def _put_right(self, product: StoreProduct, place: str, wanted: int, before: Newest) -> Count:
        """Return what is there after setting `wanted`; take off again what was sold of a number that we overwrote.

        Units that came back to a number that we overwrote are put back where nothing else has moved.
        """
        known = 0
        for _ in range(MAX_CORRECTIONS):
            after = self.count(product)
            if after.units is None:
                return after
            sold = before.sold_until(self.newest(before.many), product)
            # What was sold since our last writing shows as a smaller number; the rest of it was overwritten.
            lost = sold - known - max(0, wanted - after.there)
            if lost == 0 or (lost < 0 and after.there != wanted):
                return after
            wanted, known = after.there - lost, sold
            self._set(place, wanted)
        raise StorePassing("WooCommerce's stock moves faster than it can be set.", maybe_done=True)

    def _set(self, place: str, units: int) -> None:
        self.record("PUT", place, {"stock_quantity": units}, number=place.rpartition("/")[2])

    # -- webhooks --------------------------------------------------------------------------------------------

    def keep_hooks(self, address: str) -> Hooks:
        """Register each topic once; wake what was switched off after failures (the seventh in a row does it).

        On a store that was connected anew the webhooks of before get the new secret: theirs would sign in vain.
        """
        there = [Hook(str(row["id"]), str(row["topic"]), row.get("status") == "active") for row in self._hooks(address)]
        topics = {hook.id: hook.topic for hook in there}
        if self._is_new:
            there = [replace(hook, active=hook.active and self._is_signed_anew(hook, address)) for hook in there]
        return hooks.keep(
            tuple(TOPICS),
            there,
            add=lambda topic: self._add_hook(topic, address),
            wake=lambda number: self._wake_hook(number, topics[number], address),
            remove=self._remove_hook,
        )

    def drop_hooks(self, address: str) -> None:
        """Delete our webhooks for good."""
        for hook in self._hooks(address):
            self._remove_hook(str(hook["id"]))

    def _add_hook(self, topic: str, address: str) -> None:
        secret = self._secret_of_hooks.get_secret_value()
        wish = {"name": f"ReverbSync {topic}", "topic": topic, "delivery_url": address, "status": "active"}
        self.record("POST", "/webhooks", {**wish, "secret": secret})

    def _wake_hook(self, number: str, topic: str, address: str) -> None:
        wish = {"status": "active", "secret": self._secret_of_hooks.get_secret_value()}
        try:
            made = self.record("PUT", f"/webhooks/{number}", wish, number=number)
        except Missing:
            self._add_hook(topic, address)
            return
        if made.get("status") != "active":
            raise Unsupported(f"WooCommerce keeps this webhook {made.get('status')}.")

    def _is_signed_anew(self, hook: Hook, address: str) -> bool:
        """Give an active webhook our new secret; return whether it is active with it."""
        try:
            self._wake_hook(hook.id, hook.topic, address)
        except Unsupported:
            return False
        return True

    def _remove_hook(self, number: str) -> None:
        try:
            self.json("DELETE", f"/webhooks/{number}?force=true")
        except Missing:
            return

    def _hooks(self, address: str) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for page in range(1, MOST_PAGES + 1):
            rows, _ = self.list_at(f"/webhooks?per_page={PAGE}&page={page}&orderby=id&order=asc")
            known = len(found)
            found |= {_name_of(row): row for row in rows if isinstance(row, dict)}
            if len(rows) < PAGE or len(found) == known:
                break
        ours = (row for row in found.values() if row.get("delivery_url") == address)
        return [row for row in ours if row.get("id") and row.get("topic")]


def _name_of(row: Any) -> str:
    """Return what tells a row apart from the others of its list."""
    return str(row.get("id")) if isinstance(row, dict) and row.get("id") else repr(row)
