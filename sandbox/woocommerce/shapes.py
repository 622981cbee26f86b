"""Products, variations and orders as wc/v3 shows them (formats of WooCommerce 11)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.common.keep import Doc
from sandbox.common.store import Stores, modified

STATUSES = {"open": "processing", "shipped": "completed", "cancelled": "cancelled", "refunded": "refunded"}
#: Statuses of paid orders.
PAID = {"processing", "completed", "refunded"}


def gmt(at: float) -> str:
    """Return a time the way WooCommerce writes it: GMT without a zone."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def is_variable(doc: Doc) -> bool:
    """Return whether a product has variations."""
    return len(doc["variants"]) > 1 or bool(doc["variants"][0]["options"])


def product(stores: Stores, doc: Doc, url: str) -> Doc:
    """Return a product, with the overrides of plug-ins (`says`)."""
    variable, first = is_variable(doc), doc["variants"][0]
    names = list(dict.fromkeys(name for row in doc["variants"] for name in row["options"]))
    attributes = [
        {"id": 0, "name": name, "variation": True, "visible": True, "options": _options(doc, name)} for name in names
    ]
    attributes += [
        {"id": 0, "name": name, "variation": False, "visible": True, "options": [str(value)]}
        for name, value in doc["attributes"].items()
    ]
    rows = doc["variants"]
    if not variable or doc.get("pool"):
        stock = _stock(stores, doc, first)
    else:  # without its own number it depends on its variations
        sold_out = all(_stock(stores, doc, row)["stock_status"] == "outofstock" for row in rows)
        stock = {"manage_stock": False, "stock_quantity": None, "stock_status": "outofstock" if sold_out else "instock"}
    made = {
        "id": doc["id"],
        "name": doc["title"],
        "slug": str(doc["id"]),
        "permalink": f"{url}/product/{doc['id']}/",
        "date_created_gmt": gmt(doc["created_at"]),
        "date_modified": gmt(modified(doc)),
        "date_modified_gmt": gmt(modified(doc)),
        "type": "variable" if variable else "simple",
        "status": {"ACTIVE": "publish", "DRAFT": "draft"}.get(doc["status"], "private"),
        "catalog_visibility": "visible",
        "description": doc["description_html"],
        "short_description": "",
        "sku": "" if variable else first["sku"],
        "global_unique_id": "" if variable else first["barcode"],
        **_prices(stores, first),
        "post_password": "",
        "backorders": "no",
        **stock,
        "parent_id": 0,
        "brands": [{"id": 1, "name": doc["vendor"], "slug": doc["vendor"].lower()}] if doc["vendor"] else [],
        "categories": [{"id": n, "name": name} for n, name in enumerate(_categories(doc), 1)],
        "tags": [{"id": n, "name": tag} for n, tag in enumerate(doc["tags"], 1)],
        "images": [{"id": n, "src": link, "name": "", "alt": ""} for n, link in enumerate(doc["images"], 1)],
        "attributes": attributes,
        "variations": [row["id"] for row in rows] if variable else [],
        "meta_data": [],
        "_links": {"self": [{"href": f"{url}/wp-json/wc/v3/products/{doc['id']}"}]},
    }
    return {**made, **doc.get("says", {})}


def variation(stores: Stores, doc: Doc, row: Doc, url: str) -> Doc:
    """Return a variation; its webhooks carry this too, with type and parent."""
    made = {
        "id": row["id"],
        "type": "variation",
        "parent_id": doc["id"],
        "name": ", ".join(row["options"].values()),
        "permalink": f"{url}/product/{doc['id']}/",
        "date_modified_gmt": gmt(max(row["updated_at"], row["counted_at"])),
        "description": "",
        "sku": row["sku"],
        "global_unique_id": row["barcode"],
        **_prices(stores, row),
        "status": "publish",
        **_stock(stores, doc, row),
        **({"manage_stock": "parent"} if doc.get("pool") else {}),
        "image": None,
        "attributes": [{"id": 0, "name": name, "option": value} for name, value in row["options"].items()],
        "meta_data": [],
    }
    return {**made, **row.get("says", {})}


def order(stores: Stores, doc: Doc) -> Doc:
    """Return an order, with the overrides of plug-ins (`says`)."""
    status = doc.get("wc_status") or STATUSES[doc["status"]]
    paid_at = doc.get("paid_at") or (doc["created_at"] if status in PAID else None)
    made = {
        "id": doc["id"],
        "parent_id": 0,
        "number": str(doc["id"]),
        "status": status,
        "currency": "USD",
        "date_created_gmt": gmt(doc["created_at"]),
        "date_paid_gmt": gmt(paid_at) if paid_at else None,
        "date_modified": gmt(doc["updated_at"]),
        "date_modified_gmt": gmt(doc["updated_at"]),
        "created_via": doc.get("created_via", "checkout"),
        "customer_note": doc.get("note", ""),
        "billing": doc.get("billing") or {},
        "shipping": doc.get("shipping") or {},
        "line_items": [_line(stores, row, took=doc.get("takes_stock", True)) for row in doc["lines"]],
        "shipping_lines": doc.get("shipping_lines") or [],
        "fee_lines": doc.get("fee_lines") or [],
        "refunds": [{"id": doc["id"] + 1, "total": "-1.00"}] if refunds(doc) else [],
        "payment_method": doc.get("payment_method", ""),
        "transaction_id": doc.get("transaction_id", ""),
        "meta_data": [*(doc.get("meta_data") or []), *_tracking(doc)],
    }
    return {**made, **doc.get("says", {})}


def refunds(doc: Doc) -> list[Doc]:
    """Return an order's refunds: negative quantities, each line naming the one that it refunds."""
    rows = [
        {
            "id": row["id"] + 500,
            "product_id": row.get("product") or 0,
            "quantity": -int(row["refunded"]),
            "meta_data": [{"id": 1, "key": "_refunded_item_id", "value": str(row["id"])}],
        }
        for row in doc["lines"]
        if row["refunded"]
    ]
    return [{"id": doc["id"] + 1, "reason": "", "line_items": rows}] if rows else []


def _line(stores: Stores, row: Doc, *, took: bool) -> Doc:
    found = stores.with_variant(row.get("variant"))
    variable = found is not None and is_variable(found[0])
    left = 0 if row.get("given_back") else int(row["quantity"]) - int(row["refunded"])
    counted = took and found is not None and counted_at(*found)["tracked"]
    return {
        "id": row["id"],
        "name": row["title"],
        "product_id": row.get("product") or 0,
        "variation_id": row["variant"] if variable else 0,
        "quantity": row["quantity"],
        "sku": row["sku"],
        "price": float(row.get("price") or 0) - 1e-11,  # a real one may read 7.989999999999999
        "total": str(row.get("price", "0.00")),
        "meta_data": [{"id": 1, "key": "_reduced_stock", "value": str(left)}] if counted and left else [],
    }


def _tracking(doc: Doc) -> list[Doc]:
    rows = [
        {
            "tracking_id": str(row["id"]),
            "tracking_provider": row.get("carrier", ""),
            "tracking_number": row["tracking_number"],
            "custom_tracking_link": row.get("tracking_url", ""),
        }
        for row in doc["shipments"]
    ]
    return [{"id": 9, "key": "_wc_shipment_tracking_items", "value": rows}] if rows else []


def _stock(stores: Stores, doc: Doc, row: Doc) -> Doc:
    """Return the stock fields. A product at or below the shop's threshold is out of stock."""
    counted = counted_at(doc, row)
    units: Any = counted["inventory_quantity"] if counted["tracked"] else None
    shop = stores.keep.get("shop", doc["domain"]) or {}
    sold_out = counted["tracked"] and units <= int(shop.get("no_stock_amount", 0))
    return {
        "manage_stock": counted["tracked"],
        "stock_quantity": units,
        "stock_status": "outofstock" if sold_out else "instock",
        "backorders_allowed": False,
    }


def _prices(stores: Stores, row: Doc) -> Doc:
    """Return the price fields. A sale starts and ends by its dates; the store's queue may be `late_s` behind."""
    sale = row.get("sale") or {}
    begins, ends = sale.get("from"), sale.get("to")
    at = stores.clock.now() - float(sale.get("late_s", 0))
    is_on = bool(sale) and (begins is None or begins <= at) and (ends is None or at <= ends)
    return {
        "price": sale["price"] if is_on else row["price"],
        "regular_price": row["price"],
        "sale_price": sale.get("price", ""),
        "date_on_sale_from_gmt": None if begins is None else gmt(begins),
        "date_on_sale_to_gmt": None if ends is None else gmt(ends),
        "on_sale": is_on,
        "purchasable": row["price"] != "",
    }


def counted_at(doc: Doc, row: Doc) -> Doc:
    """Return the row that has a variation's stock: its own, or the one that holds the parent's pool."""
    first: Doc = doc["variants"][0]
    return first if doc.get("pool") else row


def _options(doc: Doc, name: str) -> list[str]:
    return list(dict.fromkeys(row["options"][name] for row in doc["variants"] if name in row["options"]))


def _categories(doc: Doc) -> list[str]:
    return [name for name in [doc["product_type"], *doc["collections"]] if name]
