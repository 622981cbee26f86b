"""Products, inventory and orders as BigCommerce shows them (formats of the documentation's samples)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sandbox.bigcommerce import locations
from sandbox.common.keep import Doc
from sandbox.common.store import Stores, modified

STATUS_IDS = {"open": 11, "shipped": 2, "cancelled": 5, "refunded": 4}
NAMES = {11: "Awaiting Fulfillment", 2: "Shipped", 5: "Cancelled", 4: "Refunded"}


def iso(at: float) -> str:
    """Return a time as v3 writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def mail(at: float) -> str:
    """Return a time as v2 writes it: RFC 2822."""
    return format_datetime(datetime.fromtimestamp(at, UTC))


def number_of(name: str) -> int:
    """Return the id of a brand or category; the same for the same name."""
    return sum((n + 1) * ord(letter) for n, letter in enumerate(name)) + 1000 if name else 0


def categories(doc: Doc) -> list[str]:
    """Return the names of a product's categories."""
    return [name for name in [doc["product_type"], *doc["collections"]] if name]


def product(doc: Doc, include: set[str]) -> Doc:
    """Return a product with the requested includes."""
    made: Doc = {
        "id": doc["id"],
        "name": doc["title"],
        "type": "physical",
        "sku": "" if len(doc["variants"]) > 1 else doc["variants"][0]["sku"],
        "description": doc["description_html"],
        "price": float(doc["variants"][0]["price"]),
        "sale_price": 0,
        "calculated_price": float(doc["variants"][0]["price"]),
        "categories": [number_of(name) for name in categories(doc)],
        "brand_id": number_of(doc["vendor"]),
        "inventory_level": sum(level(row) for row in doc["variants"]),
        "inventory_tracking": tracking(doc),
        "is_visible": doc["status"] == "ACTIVE",
        "availability": "available",
        "upc": "",
        "gtin": "",
        "condition": doc["condition"] or "New",
        "is_condition_shown": bool(doc["condition"]),
        "search_keywords": ",".join(doc["tags"]),
        "date_created": iso(doc["created_at"]),
        "date_modified": iso(modified(doc)),
        "base_variant_id": doc["variants"][0]["id"] if len(doc["variants"]) == 1 else None,
    }
    if "variants" in include:
        made["variants"] = [variant(doc, row) for row in doc["variants"]]
    if "images" in include:
        made["images"] = [
            {"id": n, "url_zoom": link, "url_standard": link, "is_thumbnail": n == 0, "sort_order": n}
            for n, link in enumerate(doc["images"])
        ]
    if "custom_fields" in include:
        made["custom_fields"] = [
            {"id": n, "name": name, "value": str(value)} for n, (name, value) in enumerate(doc["attributes"].items(), 1)
        ]
    return made


def variant(doc: Doc, row: Doc) -> Doc:
    """Return a variant; the variant of a product without options has no price of its own."""
    options = [
        {"id": n, "label": value, "option_id": n, "option_display_name": name}
        for n, (name, value) in enumerate(row["options"].items(), 1)
    ]
    return {
        "id": row["id"],
        "product_id": doc["id"],
        "sku": row["sku"],
        "sku_id": row["id"] + 5 if options else None,
        "price": float(row["price"]) if options else None,
        "calculated_price": float(row["price"]),
        "sale_price": None,
        "upc": row["barcode"],
        "gtin": "",
        "inventory_level": level(row),
        "image_url": "",
        "purchasing_disabled": False,
        "option_values": options,
    }


def tracking(doc: Doc) -> str:
    """Return how stock is tracked: a simple product as a whole, one with options by variant."""
    if not doc["variants"][0]["tracked"]:
        return "none"
    return "variant" if doc["variants"][0]["options"] else "product"


def level(row: Doc) -> int:
    """Return a variant's stock in the catalogue: that of the default location minus its safety stock."""
    return locations.on_hand(row, locations.DEFAULT) - locations.safety_stock(row, locations.DEFAULT)


def order(doc: Doc) -> Doc:
    """Return an order."""
    status = (doc["status"] == "open" and doc.get("status_id")) or STATUS_IDS[doc["status"]]
    return {
        "id": doc["id"],
        "customer_id": 0,
        "date_created": mail(doc["created_at"]),
        "date_modified": mail(doc["updated_at"]),
        "status_id": status,
        "status": NAMES.get(status, "Pending"),
        "currency_code": "USD",
        "external_source": doc.get("external_source"),
        "external_order_id": doc.get("external_order_id", ""),
        "staff_notes": doc.get("note", ""),
        "is_deleted": False,
    }


def line(stores: Stores, order_doc: Doc, row: Doc) -> Doc:
    """Return a line of an order; a custom line has product 0."""
    return {
        "id": row["id"],
        "order_id": order_doc["id"],
        "product_id": row.get("product") or 0,
        "variant_id": row.get("variant") or 0,
        "order_address_id": 1,
        "name": row["title"],
        "sku": row["sku"],
        "quantity": row["quantity"],
        "quantity_refunded": row["refunded"],
        "quantity_shipped": 0,
        "price_ex_tax": f"{float(row.get('price') or 0):.4f}",
        "price_inc_tax": f"{float(row.get('price') or 0):.4f}",
    }


def shipment(order_doc: Doc, row: Doc) -> Doc:
    """Return a parcel."""
    return {
        "id": row["id"],
        "order_id": order_doc["id"],
        "date_created": mail(row["created_at"]),
        "tracking_number": row.get("tracking_number", ""),
        "shipping_provider": str(row.get("carrier", "")).lower(),
        "shipping_provider_display_name": row.get("carrier", ""),
        "tracking_carrier": "",
        "tracking_link": row.get("tracking_url", ""),
        "items": [],
    }


def page(rows: list[Any], total: int, size: int, number: int) -> Doc:
    """Return v3's envelope."""
    pages = max(1, -(-total // size))
    pagination = {"total": total, "count": len(rows), "per_page": size, "current_page": number, "total_pages": pages}
    return {"data": rows, "meta": {"pagination": pagination}}
