"""What people do on both sides: buyers, and sellers with their own hands. Each thing is written into the book once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.common.keep import Doc
from tests.simulation.book import Book, Item, Order
from tests.simulation.outside import Outside, Refused
from tests.simulation.story import Side, Step, Thing

#: A used listing that sold is locked for good.
LOCKED = ("ordered", "sold")
BRAND_NEW = "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"
VERY_GOOD = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"
CATEGORY = "Electric Guitars / Solid Body"


class World:
    """Both sides, and what happens there."""

    def __init__(self, outside: Outside, tell: Callable[[str], None]) -> None:
        """`tell` writes the story down."""
        self.outside, self._tell = outside, tell
        self.items: list[list[Item]] = []
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
        }

    def knows(self, word: str) -> bool:
        """Tell whether a word is about people."""
        return word in self._acts

    def act(self, step: Step) -> None:
        """Let people do something; what is not possible just now does not happen."""
        items = self.items[step.shop]
        item = items[step.thing % len(items)]
        try:
            self._acts[step.word](item, step)
        except Refused as error:
            self._tell(f"({step.word} {item.sku}: not possible now: {error})")

    # -- what is there ---------------------------------------------------------------------------------------

    def open_shop(self, side: Side, *, domain: str, token: str, secret: str) -> None:
        """Fill a store, and its account on Reverb with what was listed by hand."""
        number = len(self.items)
        shop = {"domain": domain, "token": token, "secret": secret, "webhooks": [], "name": f"Store {number + 1}"}
        self.outside.ask("store", "POST", "/_control/shops", shop)
        account = {"token": token, "shop_name": f"Shop {number + 1}", "oauth": side.oauth}
        self.outside.ask("reverb", "POST", "/_control/accounts", account)
        found = []
        for thing in side.things:
            item = Item(number, thing.sku, thing.used, Book(thing.units), domain, token)
            self._put_in_store(item, thing.units)
            if thing.listed is not None:
                self._list(item, thing)
            found.append(item)
        self.items.append(found)

    def in_store(self, item: Item) -> int | None:
        """Return the store's number, None when the product is not there."""
        rows = self.outside.ask("store", "GET", f"/_control/products?sku={item.sku}")
        found = [row for row in rows if row["domain"] == item.domain]
        return int(found[0]["variants"][0]["inventory_quantity"]) if found else None

    def listings(self, item: Item) -> list[Doc]:
        """Return the listings with the item's SKU in its account."""
        rows = self.outside.ask("reverb", "GET", f"/_control/listings?sku={item.sku}")
        return [row for row in rows if row["account"] == item.token]

    def listing(self, item: Item) -> Doc | None:
        """Return its listing, None when there is none."""
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
        row = {"sku": item.sku, "price": "500.00", "inventory_quantity": units, "barcode": "885978110803"}
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
        made = self.outside.ask("store", "POST", "/_control/products", body)
        item.product_id, item.variant_id = str(made["id"]), str(made["variants"][0]["id"])

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
            return self._tell(f"({item.sku} is sold out in the store)")
        wish = {"variant_id": item.variant_id, "quantity": units}
        order = self.outside.ask("store", "POST", "/_control/orders", wish)
        item.store_orders.append(Order(str(order["id"]), units))
        self._changed(item, -units, f"sold in the store (order {order['number']})")
        return None

    def _take_back(self, item: Item, step: Step) -> None:
        order = next((one for one in reversed(item.store_orders) if one.out), None)
        if order is None or item.deleted:
            return
        word = "refund" if step.n % 2 else "cancel"
        self.outside.ask("store", "POST", f"/_control/orders/{order.number}/{word}", {})
        order.out = False
        self._changed(item, order.units, f"{word} in the store")

    def _count(self, item: Item, step: Step) -> None:
        before = self.in_store(item)
        if before is None or before == step.n:
            return
        self.outside.ask("store", "PUT", f"/_control/variants/{item.variant_id}", {"inventory_quantity": step.n})
        self._changed(item, step.n - before, f"the seller counted {step.n} instead of {before} in the store")

    def _price(self, item: Item, step: Step) -> None:
        if not item.deleted:
            wish = {"price": f"{500 + step.n}.00"}
            self.outside.ask("store", "PUT", f"/_control/variants/{item.variant_id}", wish)
            self._tell(f"{item.sku} costs {wish['price']} in the store")

    def _delete(self, item: Item, step: Step) -> None:
        if not item.deleted:
            self.outside.ask("store", "DELETE", f"/_control/products/{item.product_id}")
            item.deleted = True
            item.store_orders.clear()
            self._tell(f"{item.sku} is deleted in the store")

    def _make(self, item: Item, step: Step) -> None:
        if item.deleted:
            self._put_in_store(item, step.n)
            item.deleted = False
            item.remade += 1
            item.book = Book(step.n)
            self._tell(f"{item.sku} is made anew in the store, with {step.n}")

    # -- on Reverb -------------------------------------------------------------------------------------------

    def _buy(self, item: Item, units: int, status: str) -> None:
        listing = self.listing(item)
        units = min(units, self.shown(listing))
        if listing is None or units <= 0:
            return self._tell(f"({item.sku} is not on sale on Reverb)")
        wish = {"listing_id": listing["id"], "quantity": units, "status": status}
        order = self.outside.ask("reverb", "POST", "/_control/buy", wish)
        item.reverb_orders.append(Order(str(order["order_number"]), units))
        self._changed(item, -units, f"sold on Reverb, {status} (order {order['order_number']})")
        return None

    def _move(self, item: Item, word: str) -> None:
        """Move an order on: the newest one that can."""
        for order in reversed(item.reverb_orders):
            try:
                self.outside.ask("reverb", "POST", f"/_control/orders/{order.number}/{word}", {})
            except Refused:
                continue
            self._tell(f"{word} order {order.number} of {item.sku} on Reverb")
            if word in ("cancel", "refund", "block") and order.out:
                order.out = False
                self._changed(item, order.units, f"{word} of order {order.number} on Reverb")
            return

    def _count_on_reverb(self, item: Item, step: Step) -> None:
        listing = self.listing(item)
        if listing is None or item.used or item.deleted or listing["state"] not in ("live", "sold"):
            return
        before = self.shown(listing)
        wish: dict[str, Any] = {"inventory": step.n, "has_inventory": True}
        self.outside.ask("reverb", "PUT", f"/api/listings/{listing['id']}", wish, token=item.token)
        self._changed(item, step.n - before, f"the seller set {step.n} instead of {before} on Reverb")

    def _changed(self, item: Item, by: int, why: str) -> None:
        item.book.change(by, why)
        self._tell(f"{item.sku}: {item.book.told[-1]}")
