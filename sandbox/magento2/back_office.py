"""Back office actions of a merchant on an order: open, invoice, ship, refund and cancel it.

Facts: Magento 2.4.7 as seen: an order without shipping address or store cannot be opened in the admin, and shipping it
gets 400. magento/inventory: a shipment deducts its units from one source, the default one unless the call names it or
the stock draws on a single one, and fails if that has too few. A refund returns shipped units to their source, and
frees those that were not shipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify
from sandbox.magento2 import inventory
from sandbox.magento2.auth import refused
from sandbox.magento2.msi import DEFAULT, Msi
from sandbox.magento2.shapes import Entry

NO_ORDER = "The entity that was requested doesn't exist. Verify the entity and try again."
NO_SHIPMENT = "Could not save a shipment, see error log for details"
GUEST = {"firstname": "Gale", "lastname": "Guest", "street": ["1 Main St"], "city": "Austin", "country_id": "US"}
Pair = tuple[Entry, Doc]


def address_of(doc: Doc) -> Doc | None:
    """Return an order's shipping address: a guest's has one, a created order has what it names."""
    if "billing_address" not in doc:
        return doc.get("address") or GUEST
    assigned = (doc.get("extension_attributes") or {}).get("shipping_assignments") or [{}]
    found: Doc | None = (assigned[0].get("shipping") or {}).get("address")
    return found


def opens(doc: Doc) -> bool:
    """Return whether the admin can show an order."""
    return address_of(doc) is not None and doc.get("store_id", 1) is not None


def keep_reserved(stores: Stores, doc: Doc) -> None:
    """Keep an order's reservations if it leaves its state without Magento's own cancelling."""
    if doc["status"] == "open" and doc.get("takes_stock", True) and inventory.has_msi():
        for line in doc["lines"]:
            pair = _pair(stores, line)
            if pair is not None:
                Msi(stores).append(pair[1], -_waiting(line))


def _pair(stores: Stores, line: Doc) -> Pair | None:
    return next((one for one in inventory.sold_ones(stores) if one[0].id == line.get("entity")), None)


def _waiting(line: Doc) -> int:
    return int(line["quantity"]) - int(line["refunded"]) - int(line.get("shipped", 0))


@dataclass(frozen=True)
class BackOffice:
    """Dependencies of these actions: the stores, a look-up of the called store's orders, and the notification."""

    stores: Stores
    own: Callable[[int], Doc | None]
    notify: Notify

    @property
    def msi(self) -> Msi:
        """The inventory."""
        return Msi(self.stores)

    def settle(self, doc: Doc, **changes: Any) -> None:
        """Save an order."""
        doc.update(changes, updated_at=self.stores.clock.now())
        self.stores.keep.put("order", doc["id"], doc)

    def pairs(self, doc: Doc) -> list[tuple[Doc, Pair | None]]:
        """Return the lines with their products; their sources are reconciled before anything changes."""
        found = [(line, _pair(self.stores, line)) for line in doc["lines"]]
        for _, pair in found:
            if pair is not None and inventory.has_msi():
                self.msi.rows(pair[1])
        return found


def routes(app: Flask, root: str, office: BackOffice) -> None:
    """Add the back office actions over REST, and the admin's page of an order."""

    @app.get("/admin/sales/order/view/order_id/<number>")
    def page_of_order(number: str) -> Any:
        with office.stores.keep.lock:
            doc = office.stores.keep.get("order", number)
        if doc is None or not opens(doc):
            return "<h1>An error has happened during application run.</h1>", 500
        return f"<h1>#{doc['number']}</h1>"

    for word, action in {"invoice": _invoice, "ship": _ship, "refund": _refund}.items():
        app.add_url_rule(f"{root}/order/<int:number>/{word}", word, _action(office, action), methods=["POST"])
    app.add_url_rule(f"{root}/orders/<int:number>/cancel", "cancel", _action(office, _cancel), methods=["POST"])


def _action(office: BackOffice, action: Callable[[BackOffice, Doc, Doc], Any]) -> Callable[..., Any]:
    def call(number: int) -> Any:
        doc = office.own(number)
        return refused(404, NO_ORDER) if doc is None else action(office, doc, request.get_json(silent=True) or {})

    return call


def _invoice(office: BackOffice, doc: Doc, wish: Doc) -> Any:
    if not opens(doc) or doc["status"] in ("cancelled", "refunded") or doc.get("invoiced"):
        return refused(400, "Could not save an invoice, see error log for details")
    office.settle(doc, invoiced=True)
    return jsonify(str(doc["id"] + 3))


def _ship(office: BackOffice, doc: Doc, wish: Doc) -> Any:
    if not opens(doc) or doc["status"] != "open":
        return refused(400, NO_SHIPMENT)
    wanted = {int(one["order_item_id"]) // 2: int(one["qty"]) for one in wish.get("items") or []}
    parts = [(line, pair, wanted.get(line["id"], 0 if wanted else _waiting(line))) for line, pair in office.pairs(doc)]
    drawn = office.msi.drawn_on()
    code = _arguments(wish).get("source_code") or (drawn[0] if len(drawn) == 1 else DEFAULT)
    counted = [
        (pair[0].doc, pair[1], units) for _, pair, units in parts if pair and pair[1]["tracked"] and inventory.has_msi()
    ]
    if any(office.msi.rows(row).get(code, {}).get("quantity", 0) < units for _, row, units in counted):
        return refused(400, NO_SHIPMENT)
    for line, _, units in parts:
        line.update(shipped=int(line.get("shipped", 0)) + units, source=code)
    track: Doc = next(iter(wish.get("tracks") or []), {})
    parcel = {"carrier": track.get("title", ""), "tracking_number": track.get("track_number", "")}
    happened = office.stores.ship(doc, parcel)
    rest = any(_waiting(line) for line in doc["lines"])
    office.settle(doc, status="open" if rest else "shipped", invoiced=bool(doc.get("invoiced")))
    for product, row, units in counted:
        happened += office.msi.deduct(product, row, code, units, reserved=doc.get("takes_stock", True))
    office.notify(g.shop["domain"], happened)
    return jsonify(str(doc["shipments"][-1]["id"]))


def _refund(office: BackOffice, doc: Doc, wish: Doc) -> Any:
    if not doc.get("invoiced") or doc["status"] == "refunded":
        return refused(400, "The order does not allow a creditmemo to be created.")
    back = [int(one) for one in _arguments(wish).get("return_to_stock_items") or []]
    pairs = office.pairs(doc)
    waiting = {line["id"]: _waiting(line) for line in doc["lines"]}
    office.settle(doc, status="refunded")
    for line, pair in pairs:
        if pair is not None and inventory.has_msi():
            if line.get("shipped") and line["id"] * 2 in back:
                office.notify(
                    g.shop["domain"], office.msi.put_back(pair[0].doc, pair[1], line["source"], int(line["shipped"]))
                )
            # Units that waited for shipment are freed, whether or not they had been reserved.
            units = 0 if doc.get("takes_stock", True) else waiting[line["id"]]
            office.notify(g.shop["domain"], office.msi.free(pair[0].doc, pair[1], units))
        line["refunded"] = line["quantity"]
    return jsonify(str(doc["id"] + 4))


def _cancel(office: BackOffice, doc: Doc, wish: Doc) -> Any:
    """Cancel an order: it frees units, whether or not the order had reserved them."""
    if doc["status"] in ("shipped", "cancelled", "refunded") or any(line.get("shipped") for line in doc["lines"]):
        return jsonify(False)
    reserved = doc.get("takes_stock", True)
    pairs = office.pairs(doc)
    office.settle(doc, status="cancelled")
    for line, pair in pairs:
        if pair is not None and inventory.has_msi():
            office.notify(g.shop["domain"], office.msi.free(pair[0].doc, pair[1], 0 if reserved else _waiting(line)))
        elif pair is not None and reserved:
            units = {"inventory_quantity": pair[1]["inventory_quantity"] + _waiting(line)}
            office.notify(g.shop["domain"], office.stores.edit_variant(pair[0].doc, pair[1], units, why="order"))
    return jsonify(True)


def _arguments(wish: Doc) -> Doc:
    found: Doc = (wish.get("arguments") or {}).get("extension_attributes") or {}
    return found
