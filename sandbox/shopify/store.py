"""What the stand-in stores hold: shops, products with variants, orders; and what changes when somebody edits them."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc, Keep

PRODUCT_FIELDS = ("title", "description_html", "vendor", "product_type", "tags", "status", "images")
VARIANT_FIELDS = ("price", "sku", "barcode", "inventory_quantity", "tracked", "options")
ONLY = "Default Title"


class Stores:
    """All stores. Callers hold `keep.lock`. Each change returns the webhooks that it causes: topic and payload."""

    def __init__(self, keep: Keep, clock: Clock) -> None:
        """Ids go on where a restart left off."""
        self.keep = keep
        self.clock = clock

    # -- shops -------------------------------------------------------------------------------------------------

    def make_shop(self, wish: Doc) -> Doc:
        """Make a store, or change the one of this domain."""
        shop: Doc = self.keep.get("shop", wish["domain"]) or {
            "id": self.keep.number("shop", 61_000_000_001),
            "currency": "USD",
            "name": "Demo Guitars",
            "webhooks": [],
        }
        return self.keep.put("shop", wish["domain"], {**shop, **wish})

    def shop_with_token(self, token: str) -> Doc | None:
        """Return the store that a token belongs to."""
        return next((s for s in self.keep.all("shop").values() if token and s["token"] == token), None)

    def products(self, domain: str) -> list[Doc]:
        """Return a store's products, oldest first."""
        return [doc for doc in self.keep.all("product").values() if doc["domain"] == domain]

    def product(self, product_id: object) -> Doc | None:
        """Return a product by its number."""
        return self.keep.get("product", product_id)

    def with_variant(self, variant_id: object) -> tuple[Doc, Doc] | None:
        """Return a product and its variant by the variant's number."""
        return self._find("id", variant_id)

    def with_item(self, item_id: object) -> tuple[Doc, Doc] | None:
        """Return a product and its variant by the number of the inventory item."""
        return self._find("inventory_item_id", item_id)

    def _find(self, name: str, value: object) -> tuple[Doc, Doc] | None:
        for product in self.keep.all("product").values():
            for variant in product["variants"]:
                if str(variant[name]) == str(value):
                    return product, variant
        return None

    # -- edits -------------------------------------------------------------------------------------------------

    def create(self, domain: str, wish: Doc) -> tuple[Doc, list[Doc]]:
        """Make a product."""
        now = self.clock.now()
        product: Doc = {
            "id": self.keep.number("product", 8_400_000_000_101),
            "domain": domain,
            **{name: wish.get(name, "") for name in PRODUCT_FIELDS},
            "tags": list(wish.get("tags", [])),
            "images": list(wish.get("images", [])),
            "status": wish.get("status", "ACTIVE"),
            "created_at": now,
            "updated_at": now,
        }
        product["variants"] = [self._variant(row, n) for n, row in enumerate(wish.get("variants") or [{}], 1)]
        self.keep.put("product", product["id"], product)
        return product, [_event("products/create", payload(self.clock, product))]

    def edit_product(self, product: Doc, wish: Doc) -> list[Doc]:
        """Change fields of a product."""
        changes = {name: wish[name] for name in PRODUCT_FIELDS if name in wish and wish[name] != product[name]}
        if not changes:
            return []
        product.update(changes, updated_at=self.clock.now())
        self.keep.put("product", product["id"], product)
        return [_event("products/update", payload(self.clock, product))]

    def edit_variant(self, product: Doc, variant: Doc, wish: Doc) -> list[Doc]:
        """Change a variant. A new count does not bump the product's date and has a topic of its own."""
        changes = {name: wish[name] for name in VARIANT_FIELDS if name in wish and wish[name] != variant[name]}
        variant.update(changes)
        events = []
        if "inventory_quantity" in changes:
            variant["counted_at"] = self.clock.now()
            events.append(_event("inventory_levels/update", level(self.clock, variant)))
        if set(changes) - {"inventory_quantity"}:
            variant["updated_at"] = product["updated_at"] = self.clock.now()
            events.append(_event("products/update", payload(self.clock, product)))
        self.keep.put("product", product["id"], product)
        return events

    def delete(self, product: Doc) -> list[Doc]:
        """Delete a product."""
        self.keep.drop("product", product["id"])
        return [_event("products/delete", {"id": product["id"]})]

    def order(self, product: Doc, variant: Doc, units: int) -> tuple[Doc, list[Doc]]:
        """Sell units of a variant."""
        number = self.keep.number("order", 5_900_000_000_001)
        order = {"id": number, "domain": product["domain"], "product": product["id"], "variant": variant["id"]}
        self.keep.put("order", number, {**order, "quantity": units, "cancelled": False})
        sold = _event("orders/create", self._order_payload(number, product, variant, units))
        left = self.edit_variant(product, variant, {"inventory_quantity": variant["inventory_quantity"] - units})
        return {"id": number}, [sold, *left]

    def undo(self, order: Doc, *, refund: bool) -> list[Doc]:
        """Cancel or refund an order and put its units back."""
        found = self.with_variant(order["variant"])
        if found is None or order["cancelled"]:
            return []
        product, variant = found
        self.keep.put("order", order["id"], {**order, "cancelled": True})
        units = order["quantity"]
        line = {"product_id": product["id"], "variant_id": variant["id"], "sku": variant["sku"]}
        if refund:
            lines = [{"id": 1, "quantity": units, "restock_type": "return", "line_item": line}]
            body = {"id": order["id"] + 1, "order_id": order["id"], "refund_line_items": lines}
            told = _event("refunds/create", body)
        else:
            told = _event("orders/cancelled", self._order_payload(order["id"], product, variant, units))
        back = self.edit_variant(product, variant, {"inventory_quantity": variant["inventory_quantity"] + units})
        return [told, *back]

    def _variant(self, wish: Doc, position: int) -> Doc:
        now = self.clock.now()
        return {
            "id": self.keep.number("variant", 45_200_000_000_201),
            "inventory_item_id": self.keep.number("item", 47_300_000_000_301),
            "position": position,
            "price": "0.00",
            "sku": "",
            "barcode": "",
            "inventory_quantity": 0,
            "tracked": True,
            "options": {},
            **{name: value for name, value in wish.items() if name in VARIANT_FIELDS},
            "created_at": now,
            "updated_at": now,
            "counted_at": now,
        }

    def _order_payload(self, number: int, product: Doc, variant: Doc, units: int) -> Doc:
        return {
            "id": number,
            "admin_graphql_api_id": f"gid://shopify/Order/{number}",
            "name": f"#{number % 10_000}",
            "created_at": self.clock.stamp(),
            "updated_at": self.clock.stamp(),
            "financial_status": "paid",
            "line_items": [
                {
                    "id": number + 7,
                    "product_id": product["id"],
                    "variant_id": variant["id"],
                    "sku": variant["sku"],
                    "title": product["title"],
                    "quantity": units,
                    "price": variant["price"],
                }
            ],
        }


def variant_title(variant: Doc) -> str:
    """Return what Shopify calls a variant: its options, or a fixed text where there is no choice."""
    return " / ".join(variant["options"].values()) or ONLY


def payload(clock: Clock, product: Doc) -> Doc:
    """Return a product as webhooks carry it: REST-shaped (samples of real deliveries)."""
    return {
        "id": product["id"],
        "admin_graphql_api_id": f"gid://shopify/Product/{product['id']}",
        "title": product["title"],
        "body_html": product["description_html"],
        "vendor": product["vendor"],
        "product_type": product["product_type"],
        "handle": hashlib.sha256(str(product["id"]).encode()).hexdigest()[:12],
        "created_at": clock.stamp(product["created_at"]),
        "updated_at": clock.stamp(product["updated_at"]),
        "status": product["status"].lower(),
        "tags": ", ".join(product["tags"]),
        "variants": [_rest_variant(clock, product, variant) for variant in product["variants"]],
        "images": [{"id": n, "src": link, "position": n} for n, link in enumerate(product["images"], 1)],
    }


def _rest_variant(clock: Clock, product: Doc, variant: Doc) -> Doc:
    return {
        "id": variant["id"],
        "admin_graphql_api_id": f"gid://shopify/ProductVariant/{variant['id']}",
        "product_id": product["id"],
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
    item, location = variant["inventory_item_id"], 75_500_000_001
    return {
        "inventory_item_id": item,
        "location_id": location,
        "available": variant["inventory_quantity"],
        "updated_at": clock.stamp(variant["counted_at"]),
        "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{location}?inventory_item_id={item}",
    }


def _event(topic: str, body: Any) -> Doc:
    return {"topic": topic, "body": body}
