"""Mutations of the API: stock, webhooks, orders; and bulk operations.

Facts: the published schema 2026-10 (changeFromQuantity, @idempotent, orderCreate), shopify.dev "Bulk operations".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc
from sandbox.shopify import locations

if TYPE_CHECKING:
    from sandbox.shopify.answers import Root

TOPICS = [
    "products/create",
    "products/update",
    "products/delete",
    "inventory_levels/update",
    "orders/create",
    "orders/cancelled",
    "refunds/create",
    "app/uninstalled",
    "orders/updated",
    "fulfillments/create",
    "fulfillments/update",
]
#: How long an idempotency key is remembered (the docs name a time; a day is a guess).
KEYS_KEPT_S = 24 * 3600
NAMES = {topic.replace("/", "_").upper(): topic for topic in TOPICS}


def mutations(root: Root, keys: dict[str, str]) -> dict[str, Callable[..., Any]]:
    """Return the mutations of one store."""
    return {
        "inventoryAdjustQuantities": lambda _, input: _adjust(root, input, keys["inventoryAdjustQuantities"]),  # noqa: A006
        "webhookSubscriptionCreate": lambda _, topic, webhookSubscription: _hook_create(
            root, topic, webhookSubscription
        ),
        "webhookSubscriptionDelete": lambda _, id: _hook_delete(root, id),  # noqa: A006
        "orderCreate": lambda _, order, options=None: _order_create(root, order, options or {}),
        "orderCancel": lambda _, **wish: _order_cancel(root, wish),
        "bulkOperationRunQuery": lambda _, query, groupObjects=False: _bulk(root, query, group=groupObjects),
    }


# -- stock ---------------------------------------------------------------------------------------------------------


def _adjust(root: Root, wish: Doc, key: str) -> Doc:
    """Apply all changes or none. A repeated key changes nothing; with other changes it is refused."""
    keep, request_body = root.stores.keep, json.dumps(wish, sort_keys=True)
    before, now = keep.get("key", key), root.stores.clock.now()
    if before is not None and now > before.get("at", 0) + KEYS_KEPT_S:
        before = None
    if before is not None and before["request"] != request_body:
        return _refused("IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "The key was used with other parameters.")
    if before is not None:
        return dict(before["answer"])
    if wish["name"] != "available":
        return _refused("INVALID_QUANTITY_NAME", "The quantity name is invalid.")
    found = []
    for change in wish["changes"]:
        if "changeFromQuantity" not in change:
            return _refused("INVALID_CHANGE", "InventoryChangeInput must include: changeFromQuantity.")
        pair = root.stores.with_item(change["inventoryItemId"].rpartition("/")[2])
        if pair is None or pair[0]["domain"] != root.shop["domain"]:
            return _refused("INVALID_INVENTORY_ITEM", "The specified inventory item could not be found.")
        if pair[0].get("bundle"):
            return _refused("NON_MUTABLE_INVENTORY_ITEM", "The specified inventory item is not allowed to be adjusted.")
        location = next((row for row in locations.of(root.shop) if row["id"] == change["locationId"]), None)
        if location is None or not location["isActive"]:
            return _refused("INVALID_LOCATION", "The specified location could not be found.")
        number = locations.number_of(location)
        if not locations.is_stocked(pair[1], number):
            return _refused("ITEM_NOT_STOCKED_AT_LOCATION", "The inventory item is not stocked at the location.")
        if change["changeFromQuantity"] not in (None, locations.at(pair[1], number)):
            return _refused("CHANGE_FROM_QUANTITY_STALE", "The changeFromQuantity no longer matches.")
        found.append((*pair, number, int(change["delta"])))
    for product, variant, number, by in found:
        changes = locations.moved(variant, number, by)
        root.notify(root.shop["domain"], root.stores.edit_variant(product, variant, changes, why="api"))
    answer: Doc = {"userErrors": []}
    keep.put("key", key, {"request": request_body, "answer": answer, "at": now})
    return answer


def _refused(code: str, words: str) -> Doc:
    return {"userErrors": [{"code": code, "field": ["input"], "message": words}]}


# -- webhooks ------------------------------------------------------------------------------------------------------


def hook(row: Doc, clock: Clock) -> Doc:
    """Return a subscription as the schema shows it."""
    return {
        "id": f"gid://shopify/WebhookSubscription/{row.get('id', 0)}",
        "topic": row["topic"].replace("/", "_").upper(),
        "uri": row["uri"],
        "format": "JSON",
        "createdAt": clock.stamp(),
    }


def _hook_create(root: Root, topic: str, wish: Doc) -> Doc:
    uri = str(wish.get("uri") or "")
    hooks = root.shop["webhooks"]
    words = ""
    if not uri.startswith(("https://", "http://127.0.0.1")):  # the real one accepts only https
        words = "Address protocol http:// is not supported"
    if any(row["uri"] == uri and row["topic"] == NAMES.get(topic) for row in hooks):
        words = "Address for this topic has already been taken"
    if topic not in NAMES:
        words = "Invalid topic specified."
    if words:
        return {"webhookSubscription": None, "userErrors": [{"field": ["webhookSubscription"], "message": words}]}
    row = {"id": root.stores.keep.number("hook", 1_400_000_000_001), "topic": NAMES[topic], "uri": uri}
    root.stores.keep.put("shop", root.shop["domain"], {**root.shop, "webhooks": [*hooks, row]})
    return {"webhookSubscription": hook(row, root.stores.clock), "userErrors": []}


def _hook_delete(root: Root, gid: str) -> Doc:
    hooks = root.shop["webhooks"]
    left = [row for row in hooks if hook(row, root.stores.clock)["id"] != gid]
    if len(left) == len(hooks):
        missing = {"field": ["id"], "message": "Webhook subscription does not exist"}
        return {"deletedWebhookSubscriptionId": None, "userErrors": [missing]}
    root.stores.keep.put("shop", root.shop["domain"], {**root.shop, "webhooks": left})
    return {"deletedWebhookSubscriptionId": gid, "userErrors": []}


# -- orders --------------------------------------------------------------------------------------------------------


def _order_create(root: Root, wish: Doc, options: Doc) -> Doc:
    lines = []
    for row in wish.get("lineItems") or []:
        variant = str(row.get("variantId") or "").rpartition("/")[2]
        if variant and root.stores.with_variant(variant) is None:
            words = {"code": "INVALID", "field": ["order", "lineItems"], "message": "Variant does not exist"}
            return {"order": None, "userErrors": [words]}
        line: Doc = {"quantity": row["quantity"], "variant": int(variant) if variant else None}
        line.update({name: row[name] for name in ("title", "sku") if row.get(name)})
        if row.get("priceSet"):
            line["price"] = str(row["priceSet"]["shopMoney"]["amount"])
        lines.append(line)
    if not lines:
        words = {"code": "INVALID", "field": ["order"], "message": "Line items must have at least one line item"}
        return {"order": None, "userErrors": [words]}
    order, happened = root.stores.order(
        root.shop["domain"],
        lines,
        takes_stock=options.get("inventoryBehaviour", "BYPASS") != "BYPASS",
        paid=wish.get("financialStatus") == "PAID",
        source_identifier=wish.get("sourceIdentifier"),
        note=wish.get("note", ""),
        address=wish.get("shippingAddress"),
    )
    root.notify(root.shop["domain"], happened)
    return {"order": root.order(order), "userErrors": []}


def _order_cancel(root: Root, wish: Doc) -> Doc:
    """Cancel an order; this cannot be undone, and a shipped order cannot be cancelled."""
    number = wish["orderId"].rpartition("/")[2]
    found = root.stores.keep.get("order", number)
    words = ""
    if found is None or found["domain"] != root.shop["domain"]:
        code, words = "NOT_FOUND", "Order does not exist"
    elif found["status"] == "shipped":
        code, words = "INVALID", "Cannot cancel a fulfilled order"
    elif found["status"] in ("cancelled", "refunded"):
        code, words = "INVALID", "Order has already been cancelled"
    elif len(wish.get("staffNote") or "") > 255:
        code, words = "INVALID", "Staff note is too long (maximum is 255 characters)"
    if found is None or words:
        return {"job": None, "orderCancelUserErrors": [{"code": code, "field": ["orderId"], "message": words}]}
    found["cancelled_note"] = wish.get("staffNote")
    found["mailed"] = bool(wish.get("notifyCustomer"))
    root.notify(root.shop["domain"], root.stores.undo(found, refund=False, restock=wish["restock"]))
    return {"job": {"id": f"gid://shopify/Job/{number}", "done": False}, "orderCancelUserErrors": []}


# -- bulk operations -----------------------------------------------------------------------------------------------


def _bulk(root: Root, query: str, *, group: bool) -> Doc:
    """Write all products to a file. The operation completes at the second poll, as if it took a while."""
    if "products" not in query:
        words = {"code": None, "field": ["query"], "message": "Bulk queries must contain at least one connection."}
        return {"bulkOperation": None, "userErrors": [words]}
    number = root.stores.keep.number("bulk", 1_001)
    products = root.stores.products(root.shop["domain"])
    levels = dict(re.findall(r'(at\d+): inventoryLevel\(locationId: "([^"]+)"\)', query))
    rows = [row for doc in products for row in _lines(root, doc, levels)]
    if not group or root.shop.get("bulk_ungrouped"):
        rows.sort(key=lambda row: "__parentId" in row)
    # Slashes are escaped as in the documentation's samples, letters are not.
    lines = [json.dumps(row, ensure_ascii=False).replace("/", "\\/") for row in rows]
    root.stores.keep.put("bulk", number, {"lines": lines, "looks": 0, "products": len(products)})
    return {"bulkOperation": bulk_state(root, f"gid://shopify/BulkOperation/{number}"), "userErrors": []}


def bulk_state(root: Root, gid: str) -> Doc | None:
    """Return the state of a bulk operation."""
    number = gid.rpartition("/")[2]
    found = root.stores.keep.get("bulk", number)
    if found is None:
        return None
    found["looks"] += 1
    done = found["looks"] > 2
    return {
        "id": gid,
        "status": "COMPLETED" if done else "RUNNING",
        "errorCode": None,
        "url": f"{root.url}/_bulk/{number}.jsonl" if done and found["lines"] else None,
        "fileSize": str(sum(len(line.encode()) + 1 for line in found["lines"])) if done and found["lines"] else None,
        "rootObjectCount": str(found["products"]),
        "objectCount": str(len(found["lines"])),
        "query": "",
        "createdAt": root.stores.clock.stamp(),
    }


def _lines(root: Root, doc: Doc, levels: dict[str, str]) -> list[Doc]:
    """Return a product's lines, followed by its children."""
    shown = root.product(doc)
    names = ("id", "legacyResourceId", "title", "descriptionHtml", "vendor", "productType", "tags", "status")
    rows: list[Doc] = [{**{name: shown[name] for name in names}, "variantsCount": {"count": len(doc["variants"])}}]
    for kind in ("collections", "metafields", "media"):
        for row in shown[kind](None, first=250)["nodes"]:
            values = {name: value for name, value in row.items() if not name.startswith("__")}
            rows += [{**values, "__parentId": shown["id"]}]
    for variant in (root.variant(doc, row) for row in doc["variants"]):
        item = {name: variant["inventoryItem"][name] for name in ("legacyResourceId", "tracked")}
        for alias, gid in levels.items():
            level = variant["inventoryItem"]["inventoryLevel"](None, gid)
            item[alias] = level and {
                "quantities": [{"quantity": level["quantities"](None, ["available"])[0]["quantity"]}]
            }
        parts = (
            "id",
            "legacyResourceId",
            "title",
            "sku",
            "barcode",
            "price",
            "requiresComponents",
            "inventoryQuantity",
            "selectedOptions",
            "image",
        )
        values = {name: variant[name] for name in parts}
        rows.append({**values, "inventoryItem": item, "__parentId": shown["id"]})
    return rows
