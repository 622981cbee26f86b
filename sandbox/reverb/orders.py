"""Orders: creating them, changing their status, and the effect on the listing's stock. Callers hold the keep's lock.

Facts: statuses, fields and one listing per order (Reverb docs, "Retrieve orders"); "Reverb will increment and decrement
automatically" (docs, `inventory`); a used item that sold is locked (sync guide; seen live); `refunded` is transient and
becomes `cancelled` (seen live). [guess]: the statuses that allow each step, and the shape of the fees.
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sandbox.common.keep import Doc
from sandbox.reverb import rules
from sandbox.reverb.market import Market, as_of
from sandbox.reverb.rules import Refusal

UNPAID = ("unpaid", "payment_pending", "pending_review")
PAID = ("paid", "shipped", "picked_up", "received")
RELEASED = ("cancelled", "refunded", "blocked")
#: Statuses in which an order may be created by a test.
FIRST = ("paid", *UNPAID, "blocked")
#: Step → the statuses that allow it, and the resulting status.
STEPS: dict[str, tuple[tuple[str, ...], str]] = {
    "pay": (UNPAID, "paid"),
    "ship": (("paid", "shipped"), "shipped"),
    "pick_up": (("paid",), "picked_up"),
    "receive": (("shipped", "picked_up"), "received"),
    "cancel": ((*UNPAID, *PAID, "refunded", "blocked"), "cancelled"),
    "refund": (PAID, "refunded"),
    "block": ((*UNPAID, "paid"), "blocked"),
    "reopen": (("cancelled", "refunded", "blocked"), "paid"),
}
BUYER: Doc = {
    "id": 4001,
    "first_name": "Bob",
    "last_name": "Buyer",
    "address": {
        "street_address": "1 Main Street",
        "extended_address": "Floor 2",
        "locality": "Chicago",
        "region": "IL",
        "postal_code": "60657",
        "country_code": "US",
        "phone": "(312) 555-0101",
    },
}
#: Reverb's fees: selling fee, payment processing and its fixed part [guess].
SELLING_FEE, CHECKOUT_FEE, CHECKOUT_FIXED = Decimal("0.05"), Decimal("0.0319"), Decimal("0.49")


class Orders:
    """All orders of all accounts."""

    def __init__(self, market: Market) -> None:
        """Orders deduct from and restock the market's listings."""
        self._market = market
        self._keep = market.keep

    def get(self, number: str) -> Doc | None:
        """Return an order as it is now."""
        return self._keep.get("order", number)

    def mine(self, account: Doc, *, at: float) -> list[Doc]:
        """Return the account's orders as the lists showed them at a time, newest first."""
        found = [doc for doc in self._keep.all("order").values() if doc["account"] == account["token"]]
        return [seen for doc in reversed(found) if (seen := as_of(doc, at)) is not None]

    def create(self, listing: Doc, wish: Doc) -> Doc:
        """Sell units to a buyer. Raises Refusal (409) if the listing is not on sale, or has too few units."""
        units, status = int(wish.get("quantity", 1)), str(wish.get("status", "paid"))
        if status not in FIRST or units < 1:
            raise Refusal(400, {}, f"An order begins as one of {', '.join(FIRST)}, with one unit or more")
        _refuse_unless_on_sale(listing, units)
        now, local = self._market.clock.now(), bool(wish.get("local_pickup"))
        number = self._keep.number("order", 90_001)
        order: Doc = {
            "order_number": str(number),
            "order_bundle_id": str(wish.get("bundle", number + 400_000)),
            "uuid": str(uuid.uuid4()),
            "account": listing["account"],
            "listing": listing["id"],
            "sku": listing["sku"],
            "title": listing["title"],
            "photos": listing["photos"][:1],
            "quantity": units,
            "taken": 0,
            "status": status,
            "order_type": "offer" if wish.get("price") else "instant",
            "buyer": {**BUYER, **(wish.get("buyer") or {})},
            "local_pickup": local,
            "money": _money(listing, units, wish, local=local),
            "provider": "",
            "tracking_number": "",
            "created_at": now,
            "paid_at": now if status in PAID else None,
            "shipped_at": None,
            "seen": [],
        }
        if status in PAID or (status in UNPAID and self._market.settings["unpaid_takes_stock"]):
            self._take(order, listing)
        return self._save(order)

    def step(self, order: Doc, word: str, **more: Any) -> Doc:
        """Apply a step to an order. Raises Refusal: 404 for an unknown step, 409 if its status does not allow it."""
        if word not in STEPS:
            raise Refusal(404, {}, f"An order can {', '.join(STEPS)}")
        possible, status = STEPS[word]
        if order["status"] not in possible:
            raise Refusal(409, {}, f"An order that is {order['status']} can't do that")
        now = self._market.clock.now()
        if word in ("pay", "reopen"):
            listing = self._market.listing(order["listing"])
            kept = word == "reopen" and not self._market.settings["restores_on_cancel"]
            if not order["taken"] and not kept and listing is not None:
                _refuse_unless_on_sale(listing, order["quantity"])
                self._take(order, listing)
            order["paid_at"] = now
        if word in ("ship", "pick_up"):
            order.update(shipped_at=now, **more)
        order["status"] = status
        if status in RELEASED:
            self._give_back(order)
        return self._save(order)

    def _take(self, order: Doc, listing: Doc) -> None:
        """Deduct an order's units; a used item that sold is locked for good."""
        counted = rules.several(listing) and listing["has_inventory"]
        listing["inventory"] = listing["inventory"] - order["quantity"] if counted else 0
        if not listing["inventory"]:
            listing["state"] = "sold" if rules.several(listing) else "ordered"
        order["taken"] = order["quantity"]
        self._market.save(listing)

    def _give_back(self, order: Doc) -> None:
        """Restock the units in an inventory listing, once, if this Reverb does that. A used listing stays locked."""
        units, order["taken"] = order["taken"], 0
        listing = self._market.listing(order["listing"])
        if not units or listing is None or not self._market.settings["restores_on_cancel"]:
            return
        if rules.several(listing) and listing["has_inventory"]:
            listing["inventory"] += units
            listing["state"] = "live" if listing["state"] == "sold" else listing["state"]
            self._market.save(listing)

    def _save(self, order: Doc) -> Doc:
        before = self._market.remember(order)
        self._keep.put("order", order["order_number"], order)
        self._market.on_change("order", before, order)
        return order


def _refuse_unless_on_sale(listing: Doc, units: int) -> None:
    left = listing["inventory"] if rules.several(listing) and listing["has_inventory"] else 1
    if listing["state"] != "live" or left < 1:
        raise Refusal(409, {}, "This listing is not on sale")
    if units > left:
        raise Refusal(409, {}, f"Only {left} of it {'is' if left == 1 else 'are'} left")


def _money(listing: Doc, units: int, wish: Doc, *, local: bool) -> Doc:
    """Return the amounts of an order as texts; the request may set `price`, `shipping` and `tax`."""
    price = listing["price"] or {"amount": "0.00", "currency": "USD"}
    goods = Decimal(str(wish.get("price") or price["amount"])) * units
    shipping = Decimal("0") if local else Decimal(str(wish.get("shipping", "30.00")))
    tax = Decimal(str(wish.get("tax", "0.00")))
    total = goods + shipping + tax
    selling, checkout = (goods + shipping) * SELLING_FEE, total * CHECKOUT_FEE + CHECKOUT_FIXED
    amounts = {
        "amount_product": goods / units,
        "amount_product_subtotal": goods,
        "shipping": shipping,
        "amount_tax": tax,
        "total": total,
        "selling_fee": selling,
        "direct_checkout_fee": checkout,
        "direct_checkout_payout": total - tax - selling - checkout,
    }
    return {"currency": price["currency"], **{name: f"{amount:.2f}" for name, amount in amounts.items()}}
