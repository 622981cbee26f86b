"""Control addresses for a merchant's actions in Magento's admin: sources, and settings of a product's stock."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, request

from sandbox.common.store import Stores
from sandbox.magento2 import shapes
from sandbox.magento2.msi import Msi


def routes(app: Flask, stores: Stores) -> None:
    """Add the addresses."""
    msi = Msi(stores)

    def find(sku: str) -> shapes.Entry:
        every = (one for doc in stores.keep.all("product").values() for one in shapes.of(doc))
        return next((one for one in every if one.sku == sku), None) or abort(404)

    @app.put("/_control/entities/<path:sku>")
    def entity(sku: str) -> Any:
        """Change Magento's own settings of a product; `sources` sets its source items, null removes one.

        `dated: false` keeps its date, as mass actions do.
        """
        wish = request.get_json()
        with stores.keep.lock:
            one = find(sku)
            parent = one.row if one.row is not None else one.doc
            own = parent.setdefault("magento", {})
            rows = wish.pop("sources", {})
            if wish.pop("dated", True) and wish:
                own["changed_at"] = stores.clock.now()
            before = own.get("min_qty", 0)
            own.update(wish)
            if one.row is not None:
                one.row["inventory_quantity"] -= own.get("min_qty", 0) - before
                for code in [code for code, units in rows.items() if units is None]:
                    msi.unassign(one.doc, one.row, code)
                msi.write(one.doc, one.row, {c: {"quantity": u} for c, u in rows.items() if u is not None})
            stores.keep.put("product", one.doc["id"], one.doc)
            return {**own, "can_be_sold": one.row["inventory_quantity"] if one.row is not None else None}

    @app.get("/_control/entities/<path:sku>")
    def look(sku: str) -> Any:
        """Return a product's source items, its reservations, and the salable quantity."""
        with stores.keep.lock:
            one = find(sku)
            row = one.row or {}
            rows = {code: item["quantity"] for code, item in msi.rows(row).items()}
            return {"sources": rows, "reserved": msi.reserved(row), "can_be_sold": row["inventory_quantity"]}

    @app.post("/_control/inventory")
    def inventory_of() -> Any:
        """Give the website its own stock that draws on `sources` in this order; `disabled` ones are off."""
        wish = request.get_json()
        with stores.keep.lock:
            number = stores.keep.number("stock", 2)
            stores.keep.put("stock", number, {"stock_id": number, "name": "Main", "websites": ["base"]})
            for n, code in enumerate(wish["sources"], 1):
                enabled = code not in wish.get("disabled", [])
                made = {"source_code": code, "name": code.title(), "enabled": enabled, "country_id": "US"}
                stores.keep.put("source", code, made)
                link = {"stock_id": number, "source_code": code, "priority": n}
                stores.keep.put("link", f"{number} {code}", link)
            return {"stock_id": number}
