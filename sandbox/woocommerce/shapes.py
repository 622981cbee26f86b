"""Products, variations and orders as wc/v3 shows them (shapes of WooCommerce 11)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.common.keep import Doc
from sandbox.common.store import Stores

STATUSES = {"open": "processing", "shipped": "completed", "cancelled": "cancelled", "refunded": "refunded"}


def gmt(at: float) -> str:
    """Return a moment the way WooCommerce writes it: GMT without a zone."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def is_variable(doc: Doc) -> bool:
    """Tell whether a product has variations."""
    return len(doc["variants"]) > 1 or bool(doc["variants"][0]["options"])


def modified(doc: Doc) -> float:
    """Return when a product last changed; a change of stock dates it too."""
    return float(max([doc["updated_at"], *(row["counted_at"] for row in doc["variants"])]))


def product(doc: Doc, url: str) -> Doc:
    """Return a product."""
    variable, first = is_variable(doc), doc["variants"][0]
    names = list(dict.fromkeys(name for row in doc["variants"] for name in row["options"]))
    attributes = [
        {"id": 0, "name": name, "variation": True, "visible": True, "options": _options(doc, name)} for name in names
    ]
    attributes += [
        {"id": 0, "name": name, "variation": False, "visible": True, "options": [str(value)]}
        for name, value in doc["attributes"].items()
    ]
    stock = (
        _stock(first) if not variable else {"manage_stock": False, "stock_quantity": None, "stock_status": "instock"}
    )
    return {
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
        "price": first["price"],
        "regular_price": first["price"],
        "sale_price": "",
        "on_sale": False,
        "backorders": "no",
        **stock,
        "parent_id": 0,
        "brands": [{"id": 1, "name": doc["vendor"], "slug": doc["vendor"].lower()}] if doc["vendor"] else [],
        "categories": [{"id": n, "name": name} for n, name in enumerate(_categories(doc), 1)],
        "tags": [{"id": n, "name": tag} for n, tag in enumerate(doc["tags"], 1)],
        "images": [{"id": n, "src": link, "name": "", "alt": ""} for n, link in enumerate(doc["images"], 1)],
        "attributes": attributes,
        "variations": [row["id"] for row in doc["variants"]] if variable else [],
        "meta_data": [],
    }


def variation(doc: Doc, row: Doc, url: str) -> Doc:
    """Return a variation; its webhooks carry this too, with type and parent."""
    return {
        "id": row["id"],
        "type": "variation",
        "parent_id": doc["id"],
        "name": ", ".join(row["options"].values()),
        "permalink": f"{url}/product/{doc['id']}/",
        "date_modified_gmt": gmt(max(row["updated_at"], row["counted_at"])),
        "description": "",
        "sku": row["sku"],
        "global_unique_id": row["barcode"],
        "price": row["price"],
        "regular_price": row["price"],
        "sale_price": "",
        "status": "publish",
        **_stock(row),
        "image": None,
        "attributes": [{"id": 0, "name": name, "option": value} for name, value in row["options"].items()],
        "meta_data": [],
    }


def order(stores: Stores, doc: Doc) -> Doc:
    """Return an order."""
    return {
        "id": doc["id"],
        "parent_id": 0,
        "number": str(doc["id"]),
        "status": doc.get("wc_status") or STATUSES[doc["status"]],
        "currency": "USD",
        "date_created_gmt": gmt(doc["created_at"]),
        "date_modified": gmt(doc["updated_at"]),
        "date_modified_gmt": gmt(doc["updated_at"]),
        "created_via": doc.get("created_via", "checkout"),
        "customer_note": doc.get("note", ""),
        "billing": doc.get("billing") or {},
        "shipping": doc.get("shipping") or {},
        "line_items": [_line(stores, row, took=doc.get("takes_stock", True)) for row in doc["lines"]],
        "shipping_lines": doc.get("shipping_lines") or [],
        "fee_lines": doc.get("fee_lines") or [],
        "refunds": [{"id": doc["id"] + 1, "total": "-1.00"}] if doc["status"] == "refunded" else [],
        "meta_data": [*(doc.get("meta_data") or []), *_tracking(doc)],
    }


def refunds(doc: Doc) -> list[Doc]:
    """Return an order's refunds: quantities below zero, each line naming the one that it refunds."""
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
    counted = took and found is not None and found[1]["tracked"]
    return {
        "id": row["id"],
        "name": row["title"],
        "product_id": row.get("product") or 0,
        "variation_id": row["variant"] if variable else 0,
        "quantity": row["quantity"],
        "sku": row["sku"],
        "price": float(row.get("price") or 0) - 1e-11,  # a real one may read 7.989999999999999
        "total": str(row.get("price", "0.00")),
        "meta_data": [{"id": 1, "key": "_reduced_stock", "value": str(row["quantity"])}] if counted else [],
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


def _stock(row: Doc) -> Doc:
    units: Any = row["inventory_quantity"] if row["tracked"] else None
    return {
        "manage_stock": row["tracked"],
        "stock_quantity": units,
        "stock_status": "outofstock" if row["tracked"] and units <= 0 else "instock",
        "backorders_allowed": False,
    }


def _options(doc: Doc, name: str) -> list[str]:
    return list(dict.fromkeys(row["options"][name] for row in doc["variants"] if name in row["options"]))


def _categories(doc: Doc) -> list[str]:
    return [name for name in [doc["product_type"], *doc["collections"]] if name]
