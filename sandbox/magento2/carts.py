"""A guest's checkout.

Facts: Magento 2.4.7 as seen, and magento/inventory (AppendReservationsAfterOrderPlacementPlugin): the quantities of a
cart are checked when they are added and when the order is placed; placing reserves them. An address in some countries
must name a region of Magento's list, by number or code; the error comes when the order is placed.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify
from sandbox.magento2 import inventory, shapes
from sandbox.magento2.auth import refused

PAYMENTS = [{"code": "checkmo", "title": "Check / Money order"}]
NEEDED = ("email", "firstname", "lastname", "street", "city", "postcode", "country_id", "telephone")
#: Countries whose addresses must have a region, with some of the regions: number, code, name.
REGIONS = {
    "US": [("1", "AL", "Alabama"), ("23", "IL", "Illinois"), ("57", "TX", "Texas")],
    "CA": [("74", "ON", "Ontario"), ("76", "QC", "Québec")],
    "SE": [("1063", "SE-K", "Blekinge län"), ("1080", "SE-AB", "Stockholms län")],
}
NO_ADDRESS = "Please check the shipping address information. %1"
REGION_MISSING = '"regionId" is required. Enter and try again.'
TOO_FEW = "The requested qty is not available"


def routes(app: Flask, stores: Stores, root: str, notify: Notify) -> None:
    """Add the steps of a checkout."""
    carts = f"{root}/guest-carts"

    def cart_of(mask: str) -> Doc:
        found = stores.keep.get("cart", mask)
        if found is None:
            raise KeyError("cartId")
        return found

    def ways_to(where: Doc) -> list[Doc]:
        only: list[str] = g.shop.get("ships_to") or []
        if only and where.get("country_id") not in only:
            return []
        return [{"carrier_code": "flatrate", "method_code": "flatrate", "amount": 5, "available": True}]

    @app.get(f"{root}/directory/countries")
    def countries() -> Any:
        rows = [{"id": code, "available_regions": [_region(*one) for one in REGIONS[code]]} for code in REGIONS]
        return jsonify([*rows, {"id": "JP", "full_name_english": "Japan"}])

    @app.post(carts)
    def make() -> Any:
        mask = secrets.token_hex(16)
        stores.keep.put("cart", mask, {"lines": [], "address": None})
        return jsonify(mask)

    @app.post(f"{carts}/<mask>/items")
    def add(mask: str) -> Any:
        cart, wish = cart_of(mask), (request.get_json(silent=True) or {}).get("cartItem") or {}
        pair = inventory.with_sku(stores, str(wish.get("sku", "")))
        if pair is None:
            return refused(404, inventory.NO_PRODUCT)
        one, row = pair
        if shapes.status(one) != 1 or not one.own.get("website_ids", [1]):
            return refused(400, "Product that you are trying to add is not available.")
        if not _is_there(one, row, int(wish["qty"])):
            return refused(400, TOO_FEW)
        cart["lines"].append({"variant": row["id"], "quantity": int(wish["qty"])})
        stores.keep.put("cart", mask, cart)
        return {"item_id": len(cart["lines"]), "sku": one.sku, "qty": wish["qty"]}

    @app.post(f"{carts}/<mask>/estimate-shipping-methods")
    def ways(mask: str) -> Any:
        wish = (request.get_json(silent=True) or {}).get("address") or {}
        return jsonify(ways_to(wish) if cart_of(mask)["lines"] else [])

    @app.post(f"{carts}/<mask>/shipping-information")
    def shipping(mask: str) -> Any:
        cart, wish = cart_of(mask), (request.get_json(silent=True) or {}).get("addressInformation") or {}
        where = wish.get("shipping_address") or {}
        if missing := [name for name in NEEDED if not where.get(name)]:
            return refused(400, '"%fieldName" is required. Enter and try again.', parameters={"fieldName": missing[0]})
        if not ways_to(where) or (wish.get("shipping_carrier_code"), wish.get("shipping_method_code")) != (
            "flatrate",
            "flatrate",
        ):
            return refused(404, "Carrier with such method not found: %1, %2", parameters=["", ""])
        cart["address"] = where
        stores.keep.put("cart", mask, cart)
        return {"payment_methods": PAYMENTS, "totals": {}}

    @app.get(f"{carts}/<mask>/payment-methods")
    def payments(mask: str) -> Any:
        cart_of(mask)
        return jsonify(PAYMENTS)

    @app.put(f"{carts}/<mask>/order")
    def create_order(mask: str) -> Any:
        cart = cart_of(mask)
        if not cart["address"]:
            return refused(400, "The shipping address is missing. Set the address and try again.")
        if not _has_region(cart["address"]):
            return refused(400, NO_ADDRESS, parameters=[REGION_MISSING])
        pairs = [(_entry(stores, line["variant"]), line["quantity"]) for line in cart["lines"]]
        if not all(pair and _is_there(*pair, wanted) for pair, wanted in pairs):
            return refused(400, "Some of the products are out of stock.")
        more = {"customer_email": cart["address"]["email"], "address": cart["address"], "invoiced": False}
        made, happened = stores.order(g.shop["domain"], cart["lines"], **more)
        stores.keep.drop("cart", mask)
        notify(g.shop["domain"], happened)
        return jsonify(str(made["id"]))


def _region(number: str, code: str, name: str) -> Doc:
    return {"id": number, "code": code, "name": name}


def _has_region(where: Doc) -> bool:
    """Return whether an address names its region by number or code, if its country requires one."""
    rows = REGIONS.get(where.get("country_id", ""), [])
    known = [(one[0], one[1]) for one in rows if str(where.get("region_id")) == one[0] or where.get("region") == one[1]]
    return not rows or bool(known)


def _is_there(one: shapes.Entry, row: Doc, wanted: int) -> bool:
    return not row["tracked"] or bool(one.own.get("backorders")) or row["inventory_quantity"] >= wanted


def _entry(stores: Stores, variant: object) -> tuple[shapes.Entry, Doc] | None:
    return next((pair for pair in inventory.sold_ones(stores) if pair[1]["id"] == variant), None)
