"""Shopify's webhooks: the topics of each event, their REST-shaped bodies, signatures and retries.

Facts: samples of real deliveries; shopify.dev "Verify webhook deliveries"; after eight tries the subscription is
removed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc
from sandbox.common.sender import Manners
from sandbox.common.store import Stores, variant_title

RETRY_S = [1, 2, 4, 8, 16, 32, 64, 128]
LOCATION = 75_500_000_001


def manners(stores: Stores) -> Manners:
    """Return how Shopify delivers."""

    def settled(shop: Doc, hook: Doc, arrived: bool) -> None:  # noqa: FBT001 -- the sender's interface
        if not arrived:
            left = [row for row in shop["webhooks"] if row["topic"] != hook["topic"] or row["uri"] != hook["uri"]]
            stores.keep.put("shop", shop["domain"], {**shop, "webhooks": left})

    return Manners(headers=_headers, retry_s=[float(s) for s in RETRY_S], settled=settled, answer_s=5.0)


def _headers(shop: Doc, hook: Doc, delivery: Doc) -> dict[str, str]:
    digest = hmac.new(str(shop.get("secret", "")).encode(), delivery["body"].encode(), hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "Shopify-Captain-Hook",
        "X-Shopify-Topic": delivery["topic"],
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": delivery["domain"],
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": delivery["id"],
        "X-Shopify-Event-Id": delivery["event_id"],
        "X-Shopify-Triggered-At": delivery["triggered_at"],
    }


def topics(clock: Clock, happened: Doc) -> list[tuple[str, Any]]:
    """Return topic and body of the webhooks that an event causes."""
    match happened["what"]:
        case "product_created":
            return [("products/create", product(clock, happened["product"]))]
        case "product_updated":
            return [("products/update", product(clock, happened["product"]))]
        case "product_deleted":
            return [("products/delete", {"id": happened["product"]["id"]})]
        case "stock":  # a stock change does not update the product's date, and has its own topic
            return [("inventory_levels/update", level(clock, happened["variant"]))]
        case "order_created":
            return [("orders/create", order(clock, happened["order"]))]
        case "order_cancelled":
            return [("orders/cancelled", order(clock, happened["order"]))]
        case "refunded":
            return [("refunds/create", refund(happened["order"]))]
        case "shipped":
            parcel = {"id": happened["shipment"]["id"], "order_id": happened["order"]["id"]}
            return [("fulfillments/create", {**parcel, "tracking_number": happened["shipment"].get("tracking_number")})]
    return []


def product(clock: Clock, doc: Doc) -> Doc:
    """Return a product as webhooks carry it."""
    return {
        "id": doc["id"],
        "admin_graphql_api_id": f"gid://shopify/Product/{doc['id']}",
        "title": doc["title"],
        "body_html": doc["description_html"],
        "vendor": doc["vendor"],
        "product_type": doc["product_type"],
        "handle": hashlib.sha256(str(doc["id"]).encode()).hexdigest()[:12],
        "created_at": clock.stamp(doc["created_at"]),
        "updated_at": clock.stamp(doc["updated_at"]),
        "status": doc["status"].lower(),
        "tags": ", ".join(doc["tags"]),
        "variants": [_variant(clock, doc, variant) for variant in doc["variants"]],
        "images": [{"id": n, "src": link, "position": n} for n, link in enumerate(doc["images"], 1)],
    }


def _variant(clock: Clock, doc: Doc, variant: Doc) -> Doc:
    return {
        "id": variant["id"],
        "admin_graphql_api_id": f"gid://shopify/ProductVariant/{variant['id']}",
        "product_id": doc["id"],
        "title": variant_title(variant),
        "position": variant["position"],
        "price": variant["price"],
        "sku": variant["sku"],
        "barcode": variant["barcode"] or None,
        "inventory_item_id": variant["inventory_item_id"],
        "inventory_quantity": variant["inventory_quantity"],
        "updated_at": clock.stamp(variant["updated_at"]),
    }


def level(clock: Clock, variant: Doc) -> Doc:
    """Return the body of inventory_levels/update: no SKU, no variant, no product."""
    item = variant["inventory_item_id"]
    return {
        "inventory_item_id": item,
        "location_id": LOCATION,
        "available": variant["inventory_quantity"],
        "updated_at": clock.stamp(variant["counted_at"]),
        "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{LOCATION}?inventory_item_id={item}",
    }


def order(clock: Clock, doc: Doc) -> Doc:
    """Return an order as webhooks carry it."""
    return {
        "id": doc["id"],
        "admin_graphql_api_id": f"gid://shopify/Order/{doc['id']}",
        "name": f"#{doc['number']}",
        "created_at": clock.stamp(doc["created_at"]),
        "updated_at": clock.stamp(doc["updated_at"]),
        "financial_status": "paid" if doc["paid"] else "pending",
        "line_items": [_line(row) for row in doc["lines"]],
    }


def refund(doc: Doc) -> Doc:
    """Return the refund of a whole order as webhooks carry it."""
    lines = [
        {"id": row["id"], "quantity": row["quantity"], "restock_type": "return", "line_item": _line(row)}
        for row in doc["lines"]
    ]
    return {"id": doc["id"] + 1, "order_id": doc["id"], "refund_line_items": lines}


def _line(row: Doc) -> Doc:
    return {
        "id": row["id"],
        "product_id": row.get("product"),
        "variant_id": row.get("variant"),
        "sku": row["sku"],
        "title": row["title"],
        "quantity": row["quantity"],
        "price": str(row.get("price", "0.00")),
    }
