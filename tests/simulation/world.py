"""Actions of people on both sides: buyers, and sellers by hand. Each is recorded in the book once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

from django.db.models import F, QuerySet

from listings.models import Job, Ledger, Product
from listings.models import Order as OrderHere
from sandbox.common.keep import Doc
from shops.models import ReverbConnection
from tests.simulation import locations
from tests.simulation.book import Book, Item, Order
from tests.simulation.outside import Outside, Refused
from tests.simulation.platforms import ODD, PLATFORMS, odd_shapes
from tests.simulation.story import Side, Step, Thing

#: Platforms on which two products may have the same SKU.
WITH_DUPLICATES = ("shopify", "bigcommerce", "custom")
#: Stores whose lists of orders are read from the database itself, and never lag.
AT_ONCE = ("woocommerce",)
#: A used listing that sold is locked for good.
LOCKED = ("ordered", "sold")
#: The seller edits Reverb's number only after nothing of ours moved it for this long, and lowers it only after no order
#: moved for the longer time: an order and an edit cannot be told apart (docs/simulation.md).
CALM_S, CALM_AFTER_ORDERS_S = 90.0, 660.0
#: How far Reverb's timestamps, in whole seconds, may be from the times of a story.
CLOCKS_APART_S = 2.0
#: Maximum seconds for which our number may be in flight to a store that responds quickly.
BEING_SET_S, RETRY_S = 40.0, 3.0
BRAND_NEW = "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"
VERY_GOOD = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"
CATEGORY = "Electric Guitars / Solid Body"


class World:
    """Both sides, and what happens there."""

    def __init__(self, outside: Outside, luck: Random, log: Callable[[str], None]) -> None:
        """`log` records the story's events."""
        self.outside, self._luck, self._log = outside, luck, log
        self._schedule = outside.post.schedule
        #: Number of pending updates by which a store learns of sales on Reverb by other means.
        self.waiting = 0
        #: The story is over: no more edits by hand.
        self.over = False
        self.items: list[list[Item]] = []
        #: Our ids of the shops, once they are connected.
        self.shop_ids: list[int] = []
        self._acts: dict[str, Callable[[Item, Step], None]] = {
            "sell": self._sell,
            "take back": self._take_back,
            "count": self._count,
            "price": self._price,
            "delete": self._delete,
            "make": self._make,
            "buy": lambda item, step: self._buy(item, step.n, "paid"),
            "buy unpaid": lambda item, step: self._buy(item, step.n, "unpaid"),
            "pay": lambda item, step: self._move(item, "pay"),
            "ship": lambda item, step: self._move(item, "ship"),
            "cancel": lambda item, step: self._move(item, "cancel"),
            "refund": lambda item, step: self._move(item, "refund"),
            "block": lambda item, step: self._move(item, "block"),
            "count on reverb": self._count_on_reverb,
            "ship in the store": self._ship_in_store,
            "duplicate": self._duplicate,
        }

    def knows(self, word: str) -> bool:
        """Return whether a word is about people."""
        return word in self._acts

    def act(self, step: Step) -> None:
        """Perform a person's action; an action that is not possible now is skipped."""
        items = self.items[step.shop]
        item = items[step.thing % len(items)]
        try:
            self._acts[step.word](item, step)
        except Refused as error:
            self._log(f"({step.word} {item.sku}: not possible now: {error})")

    # -- what is there ---------------------------------------------------------------------------------------

    def open_shop(
        self, side: Side, *, domain: str, token: str, orders_lag_s: float, odd: bool, scattered: bool
    ) -> None:
        """Fill a store, and its account on Reverb with the listings created by hand.

        `odd`: one product cannot be read. `scattered`: units are at several locations, if the platform has them.
        """
        number = len(self.items)
        shop = {**PLATFORMS[side.platform].shop(domain, token), "name": f"Store {number + 1}"}
        scattered = scattered and side.platform in locations.LOCATIONS
        if scattered:
            shop["locations"] = locations.LOCATIONS[side.platform]
        if side.platform not in AT_ONCE:
            shop["orders_lag_s"] = orders_lag_s
        self.outside.ask(side.platform, "POST", "/_control/shops", shop)
        account = {"token": token, "shop_name": f"Shop {number + 1}", "oauth": side.oauth}
        self.outside.ask("reverb", "POST", "/_control/accounts", account)
        found = []
        for thing in side.things:
            item = Item(number, thing.sku, thing.used, Book(thing.units), domain, token, side.platform)
            item.way = str(side.settings.get("stock_way", "both"))
            item.taken, item.scattered = bool(side.settings.get("take_orders")), scattered
            self._put_in_store(item, thing.units)
            if thing.listed is not None:
                self._list(item, thing)
            found.append(item)
        self.items.append(found)
        if odd:
            body = {"domain": domain, "title": "Odd", "variants": [{"sku": ODD, "price": "1.00"}]}
            made = self.outside.ask(side.platform, "POST", "/_control/products", body)
            for fault in odd_shapes(side.platform, made):
                self.outside.ask(side.platform, "POST", "/_control/faults", fault)

    def in_store(self, item: Item) -> int | None:
        """Return the store's number, None if the product is not there."""
        found = self._rows(item)
        return locations.for_sale(found[0]["variants"][0]) if found else None

    def price(self, item: Item) -> str | None:
        """Return the store's price, None if the product is not there."""
        found = self._rows(item)
        return str(found[0]["variants"][0]["price"]) if found else None

    def _rows(self, item: Item) -> list[Doc]:
        rows = self.outside.ask(item.kind, "GET", f"/_control/products?sku={item.sku}")
        return [row for row in rows if row["domain"] == item.domain and str(row["id"]) == item.product_id]

    def listings(self, item: Item) -> list[Doc]:
        """Return the listings with the item's SKU in its account."""
        rows = self.outside.ask("reverb", "GET", f"/_control/listings?sku={item.sku}")
        return [row for row in rows if row["account"] == item.token]

    def listing(self, item: Item) -> Doc | None:
        """Return its listing, None if there is none."""
        found = self.listings(item)
        return found[0] if found else None

    @staticmethod
    def shown(listing: Doc | None) -> int:
        """Return how many units Reverb has on sale."""
        if listing is None or listing["state"] != "live":
            return 0
        several = listing["condition"] == BRAND_NEW
        return int(listing["inventory"]) if several and listing["has_inventory"] else 1

    def _put_in_store(self, item: Item, units: int) -> None:
        row = {"sku": item.sku, "price": "500.00", "barcode": "885978110803", **_counted(item, units)}
        tags = ["condition: Very Good"] if item.used else []
        body = {
            "domain": item.domain,
            "title": f"Fender {item.sku} of shop {item.shop + 1}",
            "vendor": "Fender",
            "product_type": CATEGORY,
            "description_html": "<p>Nice</p>",
            "images": ["http://store.test/1.jpg"],
            "tags": tags,
            "variants": [row],
        }
        made = self.outside.ask(item.kind, "POST", "/_control/products", body)
        row = made["variants"][0]
        item.unit_id = PLATFORMS[item.kind].unit(made)
        item.product_id, item.variant_id, item.counted_id = (
            str(made["id"]),
            str(row["id"]),
            str(row["inventory_item_id"]),
        )

    def _list(self, item: Item, thing: Thing) -> None:
        body = {
            "sku": item.sku,
            "title": f"Fender {item.sku} by hand",
            "make": "Fender",
            "model": item.sku,
            "condition": {"uuid": VERY_GOOD if item.used else BRAND_NEW},
            "price": {"amount": "450.00", "currency": "USD"},
            "photos": ["http://store.test/1.jpg"],
            "upc_does_not_apply": True,
            "state": "live",
        }
        if not item.used:
            body |= {"has_inventory": True, "inventory": thing.listed}
        self.outside.ask("reverb", "POST", "/_control/listings", {"token": item.token, "listings": [body]})

    # -- in the store ----------------------------------------------------------------------------------------

    def _sell(self, item: Item, step: Step) -> None:
        units = min(step.n, self.in_store(item) or 0)
        if units <= 0:
            return self._log(f"({item.sku} is sold out in the store)")
        wish = {"variant_id": item.variant_id, "quantity": units}
        order = self.outside.ask(item.kind, "POST", "/_control/orders", wish)
        item.store_orders.append(Order(str(order["id"]), units))
        self._changed(item, -units, "store", f"sold in the store (order {order['number']})")
        return None

    def _take_back(self, item: Item, step: Step) -> None:
        order = next((one for one in reversed(item.store_orders) if one.out), None)
        if order is None or item.deleted:
            return
        word = "refund" if step.n % 2 else "cancel"
        self.outside.ask(item.kind, "POST", f"/_control/orders/{order.number}/{word}", {})
        order.out = False
        self._changed(item, order.units, "store", f"{word} in the store")

    def _count(self, item: Item, step: Step) -> None:
        before = self.in_store(item)
        if before is None or before == step.n:
            return
        if self._being_set(item):
            self._schedule.later(RETRY_S, lambda: self._count(item, step))
            return
        self.outside.ask(item.kind, "PUT", f"/_control/variants/{item.variant_id}", _counted(item, step.n))
        self._changed(item, step.n - before, "store", f"the seller counted {step.n} instead of {before}")

    def _price(self, item: Item, step: Step) -> None:
        if not item.deleted:
            wish = {"price": f"{500 + step.n}.00"}
            self.outside.ask(item.kind, "PUT", f"/_control/variants/{item.variant_id}", wish)
            self._log(f"{item.sku} costs {wish['price']} in the store")

    def _delete(self, item: Item, step: Step) -> None:
        if not item.deleted and not item.has_duplicate:  # a deleted product's listing may pass to its duplicate
            item.there = self.in_store(item) or 0
            self.outside.ask(item.kind, "DELETE", f"/_control/products/{item.product_id}")
            item.deleted = item.was_deleted = True
            item.store_orders.clear()
            self._log(f"{item.sku} is deleted in the store")

    def _make(self, item: Item, step: Step) -> None:
        if item.deleted:
            self._put_in_store(item, step.n)
            item.deleted = False
            # Units sold on Reverb that the old product never deducted must be deducted from the new one.
            self._changed(item, step.n - item.there, "store", f"made again in the store, with {step.n}")
            if (freed := item.book.units - step.n) > 0:
                item.book.unsure.append((freed, "freed on Reverb, and the old one never learnt of it"))

    def _duplicate(self, item: Item, step: Step) -> None:
        """Create another product with the same SKU, without units, if the platform allows that."""
        if item.kind in WITH_DUPLICATES and not item.was_deleted and self.linked(item):
            row = {"sku": item.sku, "price": "9.00", "inventory_quantity": 0}
            body = {"domain": item.domain, "title": f"Case for {item.sku}", "variants": [row]}
            self.outside.ask(item.kind, "POST", "/_control/products", body)
            item.has_duplicate = True
            self._log(f"another product in the store has the SKU {item.sku} too")

    def made_in_store(self, item: Item, order: Order) -> list[Doc]:
        """Return the orders that were created in the store for one on Reverb."""
        rows = self.outside.ask(item.kind, "GET", "/_control/orders")
        bears = PLATFORMS[item.kind].bears
        return [row for row in rows if row["domain"] == item.domain and bears(row, order.number)]

    def _ship_in_store(self, item: Item, step: Step) -> None:
        """Ship the newest open order from Reverb."""
        for order in reversed(item.reverb_orders):
            for made in self.made_in_store(item, order):
                if made["status"] == "open":
                    parcel = {"carrier": "UPS", "tracking_number": f"1Z{order.number}"}
                    self.outside.ask(item.kind, "POST", f"/_control/orders/{made['id']}/ship", parcel)
                    return self._log(f"order {order.number} of {item.sku} is shipped in the store")
        return None

    # -- on Reverb -------------------------------------------------------------------------------------------

    def _buy(self, item: Item, units: int, status: str) -> None:
        listing = self.listing(item)
        units = min(units, self.shown(listing))
        if listing is None or units <= 0 or self.edit_unseen(item):
            return self._log(f"({item.sku} is not on sale on Reverb)")
        wish = {"listing_id": listing["id"], "quantity": units, "status": status}
        order = self.outside.ask("reverb", "POST", "/_control/buy", wish)
        sold = Order(str(order["order_number"]), units, early=not self.linked(item), paid=status == "paid")
        item.ordered_at = self._schedule.now
        item.reverb_orders.append(sold)
        if sold.early:
            item.book.unsure.append((units, sold.number))
            return self._log(f"{item.sku}: {units} sold on Reverb before it was linked (order {sold.number})")
        self._changed(item, -units, "reverb", f"sold on Reverb, {status} (order {sold.number})")
        return self._by_other_means(item, -units)

    def _move(self, item: Item, word: str) -> None:
        """Apply a step to the newest order that allows it."""
        if self.edit_unseen(item):
            return
        for order in reversed(item.reverb_orders):
            try:
                self.outside.ask("reverb", "POST", f"/_control/orders/{order.number}/{word}", {})
            except Refused:
                continue
            item.ordered_at = self._schedule.now
            if word == "pay":
                order.paid, order.moved_late = True, not self._unpaid_take_stock()
            order.shipped_by_hand = order.shipped_by_hand or word == "ship"
            self._log(f"{word} order {order.number} of {item.sku} on Reverb")
            if word in ("cancel", "refund", "block") and order.out:
                order.out = False
                self._freed(item, order, word)
            return

    def _freed(self, item: Item, order: Order, word: str) -> None:
        if order.early:
            item.book.clear(self._schedule.now, order.number)
            return
        self._changed(item, order.units, "reverb", f"{word} of order {order.number} on Reverb")
        item.book.never_offered += order.units if order.moved_late else 0
        if item.raised and self._schedule.now - item.edited_at < CALM_AFTER_ORDERS_S:
            item.book.unsure.append((min(item.raised, order.units), "raised by hand, which an order may have done"))
            item.raised = 0
        self._by_other_means(item, order.units)

    def _by_other_means(self, item: Item, by: int) -> None:
        """If only the store leads, update it on sales on Reverb by other means, a moment later."""
        if item.way == "store":
            self.waiting += 1
            self._schedule.later(self._luck.uniform(1, 40), lambda: self._lower_in_store(item, by))

    def _lower_in_store(self, item: Item, by: int) -> None:
        self.waiting -= 1
        there = self.in_store(item)
        if there is None:
            return self._changed(item, -by, "store", "the store, which leads, has it no more, and never learns of it")
        self.outside.ask(item.kind, "PUT", f"/_control/variants/{item.variant_id}", _counted(item, there + by))
        return self._log(f"{item.sku}: the store learns of it by other means, and has {there + by}")

    def shop_of(self, item: Item) -> int:
        """Return our id of an item's shop."""
        return self.shop_ids[item.shop]

    def linked(self, item: Item) -> bool:
        """Return whether we ever read a listing of the item."""
        return self._ledger(item).exists()

    def _ledger(self, item: Item) -> QuerySet[Ledger]:
        return Ledger.objects.filter(listing__sku=item.sku, listing__shop=self.shop_of(item))

    def _count_on_reverb(self, item: Item, step: Step) -> None:
        if not item.used and item.way == "both":
            self._by_hand(item, step.n, tries=20)

    def _by_hand(self, item: Item, units: int, *, tries: int) -> None:
        """Set Reverb's number as soon as nothing else changes it."""
        listing = self.listing(item)
        if self.over or listing is None or listing["state"] not in ("live", "sold"):
            return
        if item.deleted or not self.linked(item):
            return
        before = self.shown(listing)
        if units == before:
            return
        if not self._calm(item, listing, lower=units < before):
            if tries:
                self._schedule.later(45.0, lambda: self._by_hand(item, units, tries=tries - 1))
            return
        old = bool(self._reverb_way("listing_lag_s"))
        if units < before and old:
            return  # a write of ours based on an older response may cross it
        row = self._ledger(item).first()
        as_before = old or (row is not None and units <= max(row.before, default=-1))
        wish = {"inventory": units, "has_inventory": True}
        self.outside.ask("reverb", "PUT", f"/api/listings/{listing['id']}", wish, token=item.token)
        item.edited_at, item.raised = self._schedule.now, max(0, units - before)
        self._changed(item, units - before, "reverb", f"the seller set {units} instead of {before} on Reverb")
        if units > before and self._schedule.now - item.ordered_at < CALM_AFTER_ORDERS_S:
            # Reverb may or may not restock a cancelled order itself: a raise at about that time may be just that.
            item.book.unsure.append((units - before, "raised by hand, which an order may have done"))
            item.raised = 0
        elif units > before and as_before:
            item.book.unsure.append((units - before, "raised by hand to what it was before, as an old answer shows it"))
            item.raised = 0

    def _unpaid_take_stock(self) -> bool:
        return bool(self._reverb_way("unpaid_takes_stock"))

    def _reverb_way(self, name: str) -> float:
        return float(self.outside.ask("reverb", "GET", "/_control/settings")[name])

    def _being_set(self, item: Item) -> bool:
        """Return whether our number is in flight to a store that accepts numbers, not differences.

        It would overwrite an edit between our reading and our write, without any trace.
        """
        row = self._ledger(item).first() if item.kind in ("magento2", "woocommerce") else None
        if row is None or row.pending_adjustment is None:
            return False
        return self._schedule.now < datetime.fromisoformat(row.pending_adjustment["at"]).timestamp() + BEING_SET_S

    def edit_unseen(self, item: Item) -> bool:
        """Return whether an edit by hand is not processed yet, or was processed just now.

        With an order on top, both would be one number, and its timestamp says only roughly whether it came after.
        """
        row = self._ledger(item).first()
        if row is None or not item.edited_at:
            return bool(item.edited_at)
        set_at = row.set_at.timestamp() if row.set_at else 0.0
        moved_at = max((at.timestamp() for at in (row.dropped_at, row.gained_at) if at), default=0.0)
        just_now = self.outside.reverb_clock.now() < moved_at + 2 * CLOCKS_APART_S
        return just_now or set_at + CLOCKS_APART_S < item.edited_at

    def orders_known(self, item: Item) -> bool:
        """Return whether Reverb's orders were read since the item's last order change was visible."""
        read = ReverbConnection.objects.filter(shop=self.shop_of(item), orders_read_at__isnull=False).first()
        lag_s = self._reverb_way("orders_lag_s")
        if read is None or read.orders_read_at is None:
            return False
        return read.orders_read_at.timestamp() >= item.ordered_at + lag_s + 5

    def _calm(self, item: Item, listing: Doc, *, lower: bool) -> bool:
        job = Job.objects.filter(product__sku=item.sku, shop=self.shop_of(item), blocked=False)
        if job.exists() or self.outside.reverb_clock.now() - float(listing["updated_at"]) < CALM_S:
            return False
        if not self.orders_known(item) or self._unreckoned(item):
            return False
        if not self.shown(listing) and self.in_store(item) != self._known_in_store(item):
            return False  # raised from zero on both sides at once: it is unknown whether that is one unit or two
        waits = any(order.out and not order.paid for order in item.reverb_orders)
        return not lower or (not waits and self._schedule.now - item.ordered_at > CALM_AFTER_ORDERS_S)

    def _known_in_store(self, item: Item) -> int | None:
        product = Product.objects.filter(sku=item.sku, shop=self.shop_of(item), gone_at__isnull=True).first()
        return product.seen.stock if product is not None else None

    def _unreckoned(self, item: Item) -> bool:
        """Return whether known orders were not reconciled: the listing was not read since."""
        known = OrderHere.objects.filter(product__sku=item.sku, shop=self.shop_of(item), counts=True)
        return known.exclude(reckoned=F("status")).exists()

    def _changed(self, item: Item, by: int, side: str, why: str) -> None:
        made = item.book.change(self._schedule.now, by, side, why)
        self._log(f"{item.sku}: {why}: {by:+d}, left {made.left}")


def _counted(item: Item, units: int) -> Doc:
    return locations.spread(units) if item.scattered else {"inventory_quantity": units}
