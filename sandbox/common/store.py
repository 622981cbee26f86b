"""Stores with products, variants, stock and orders: what every stand-in store saves, in its own format.

Each change returns events, which the platform turns into its webhooks.
"""

from __future__ import annotations

from typing import Any

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc, Keep

PRODUCT_FIELDS = (
    "title",
    "description_html",
    "vendor",
    "product_type",
    "tags",
    "collections",
    "attributes",
    "status",
    "images",
    "condition",  # "" if the store does not state it
    "bundle",  # true: made of other products, whose stock is its own
)
VARIANT_FIELDS = ("price", "sku", "barcode", "inventory_quantity", "tracked", "options", "elsewhere", "safety_stock")
#: `inventory_quantity` is at a store's first location, `elsewhere` at others by their id; `safety_stock` is the part
#: that a location does not sell.
STOCK_FIELDS = frozenset({"inventory_quantity", "elsewhere", "safety_stock"})
ONLY = "Default Title"


class Stores:
    """All stores of one stand-in. Callers hold `keep.lock`."""

    def __init__(self, keep: Keep, clock: Clock, *, first_id: int = 100) -> None:
        """Ids continue after a restart."""
        self.keep = keep
        self.clock = clock
        self._first_id = first_id
        #: API responses since they became stale (`reads_lag_s`).
        self.reads = 0
        self._owner: dict[str, str] = {}  # id of a variant or inventory item → product

    # -- shops -------------------------------------------------------------------------------------------------

    def make_shop(self, wish: Doc) -> Doc:
        """Create a store, or update the one of this domain."""
        shop: Doc = self.keep.get("shop", wish["domain"]) or {
            "id": self.keep.number("shop", 61_000_000_001),
            "currency": "USD",
            "name": "Demo Guitars",
            "webhooks": [],
        }
        return self.keep.put("shop", wish["domain"], {**shop, **wish})

    def shops(self) -> list[Doc]:
        """Return all stores."""
        return list(self.keep.all("shop").values())

    def shop_with(self, name: str, value: str) -> Doc | None:
        """Return the store whose field `name` is `value`."""
        return next((shop for shop in self.shops() if value and shop.get(name) == value), None)

    def products(self, domain: str) -> list[Doc]:
        """Return a store's products, oldest first."""
        return [doc for doc in self.keep.all("product").values() if doc["domain"] == domain]

    def product(self, product_id: object) -> Doc | None:
        """Return a product by its id."""
        return self.keep.get("product", product_id)

    def with_variant(self, variant_id: object) -> tuple[Doc, Doc] | None:
        """Return a product and its variant by the variant's id."""
        return self._find("id", variant_id)

    def with_item(self, item_id: object) -> tuple[Doc, Doc] | None:
        """Return a product and its variant by the inventory item's id."""
        return self._find("inventory_item_id", item_id)

    def with_sku(self, domain: str, sku: str) -> tuple[Doc, Doc] | None:
        """Return a product and its variant by its SKU."""
        for product in self.products(domain):
            for variant in product["variants"]:
                if sku and variant["sku"] == sku:
                    return product, variant
        return None

    def _find(self, name: str, value: object) -> tuple[Doc, Doc] | None:
        """Look a variant up in the index; if it is missing, rebuild the index once."""
        return self._indexed(name, value) or (self._index() and self._indexed(name, value)) or None

    def _indexed(self, name: str, value: object) -> tuple[Doc, Doc] | None:
        owner = self._owner.get(f"{name}:{value}")
        product = self.product(owner) if owner else None
        rows = product["variants"] if product else ()
        return next(((product, row) for row in rows if product and str(row[name]) == str(value)), None)

    def _index(self) -> bool:
        self._owner = {
            f"{key}:{variant[key]}": str(product["id"])
            for product in self.keep.all("product").values()
            for variant in product["variants"]
            for key in ("id", "inventory_item_id")
        }
        return True

    # -- edits -------------------------------------------------------------------------------------------------

    def create(self, domain: str, wish: Doc) -> tuple[Doc, list[Doc]]:
        """Create a product."""
        now = self.clock.now()
        product: Doc = {
            "id": self.keep.number("product", self._first_id + 1),
            "domain": domain,
            **{name: wish.get(name, "") for name in PRODUCT_FIELDS},
            "tags": list(wish.get("tags", [])),
            "collections": list(wish.get("collections", [])),
            "attributes": dict(wish.get("attributes", {})),
            "images": list(wish.get("images", [])),
            "status": wish.get("status", "ACTIVE"),
            "created_at": now,
            "updated_at": now,
            "edited_at": now,  # the product itself, without its variants
        }
        product["variants"] = [self._variant(row, n) for n, row in enumerate(wish.get("variants") or [{}], 1)]
        self.keep.put("product", product["id"], product)
        return product, [{"what": "product_created", "product": product}]

    def edit_product(self, product: Doc, wish: Doc) -> list[Doc]:
        """Change fields of a product."""
        changes = {name: wish[name] for name in PRODUCT_FIELDS if name in wish and wish[name] != product[name]}
        if not changes:
            return []
        product.update(changes, updated_at=self.clock.now(), edited_at=self.clock.now())
        self.keep.put("product", product["id"], product)
        return [{"what": "product_updated", "product": product}]

    def edit_variant(self, product: Doc, variant: Doc, wish: Doc, *, why: str = "edit") -> list[Doc]:
        """Change a variant. A new quantity is a separate event, since platforms handle it differently.

        `why` is edit, api or order: some platforms distinguish them.
        """
        changes = {name: wish[name] for name in VARIANT_FIELDS if name in wish and wish[name] != variant.get(name)}
        before = units_of(variant)
        variant.update(changes)
        by = units_of(variant) - before
        what = []
        if STOCK_FIELDS & set(changes):
            variant["counted_at"] = self.clock.now()
            what.append({"what": "stock", "product": product, "variant": variant, "by": by, "why": why})
        if set(changes) - STOCK_FIELDS:
            variant["updated_at"] = product["updated_at"] = self.clock.now()
            what.append({"what": "product_updated", "product": product, "variant": variant})
        self.keep.put("product", product["id"], product)
        return what

    def drop_variant(self, product: Doc, variant: Doc) -> list[Doc]:
        """Delete one of several variants."""
        product["variants"].remove(variant)
        product["updated_at"] = product["edited_at"] = self.clock.now()
        self.keep.put("product", product["id"], product)
        return [{"what": "product_updated", "product": product}]

    def delete(self, product: Doc) -> list[Doc]:
        """Delete a product."""
        self.keep.drop("product", product["id"])
        return [{"what": "product_deleted", "product": product}]

    # -- orders ------------------------------------------------------------------------------------------------

    def order(self, domain: str, lines: list[Doc], **more: Any) -> tuple[Doc, list[Doc]]:
        """Create an order; `lines` are {"variant", "quantity"} with optional further fields. It deducts the units."""
        number = self.keep.number("order", self._first_id * 7 + 1)
        rows, left = [], []
        for n, wish in enumerate(lines, 1):
            found = self.with_variant(wish["variant"])
            row: Doc = {"id": number * 10 + n, "quantity": 1, "refunded": 0, "sku": "", "title": "", **wish}
            if found is not None:
                product, variant = found
                row.update(product=product["id"], sku=variant["sku"], title=product["title"])
                row.setdefault("price", variant["price"])
                if more.get("takes_stock", True):
                    left += self._count(product, variant, -int(row["quantity"]))
            rows.append(row)
        order: Doc = {"status": "open", "paid": True, "shipments": [], **more}
        order.update(id=number, number=str(number % 100_000), domain=domain, lines=rows)
        order["created_at"] = order["updated_at"] = self.clock.now()
        self.keep.put("order", number, order)
        return order, [{"what": "order_created", "order": order}, *left]

    def take_units(self, order: Doc) -> list[Doc]:
        """Deduct the units of an order that has deducted none so far, such as one that is paid now."""
        left = []
        for row in () if order.get("takes_stock", True) else order["lines"]:
            found = self.with_variant(row.get("variant"))
            left += self._count(*found, -int(row["quantity"])) if found is not None else []
        order["takes_stock"] = True
        return left

    def undo(self, order: Doc, *, refund: bool, restock: bool = True) -> list[Doc]:
        """Cancel or refund an order and restock the units that it deducted."""
        if order["status"] in ("cancelled", "refunded"):
            return []
        back = []
        for row in order["lines"]:
            found = self.with_variant(row.get("variant"))
            if found is not None and restock and order.get("takes_stock", True):
                back += self._count(*found, int(row["quantity"]) - int(row["refunded"]))
                row["given_back"] = True
            row["refunded"] = row["quantity"] if refund else row["refunded"]
        order.update(status="refunded" if refund else "cancelled", updated_at=self.clock.now())
        self.keep.put("order", order["id"], order)
        return [{"what": "refunded" if refund else "order_cancelled", "order": order}, *back]

    def ship(self, order: Doc, shipment: Doc) -> list[Doc]:
        """Add a parcel to an order."""
        number = self.keep.number("shipment", self._first_id * 9 + 1)
        order["shipments"].append({"id": number, "created_at": self.clock.now(), **shipment})
        order.update(status="shipped", updated_at=self.clock.now())
        self.keep.put("order", order["id"], order)
        return [{"what": "shipped", "order": order, "shipment": order["shipments"][-1]}]

    def orders(self, domain: str) -> list[Doc]:
        """Return a store's orders as its lists show them, oldest first; stale if the store's `orders_lag_s` says so."""
        lag_s = float((self.keep.get("shop", domain) or {}).get("orders_lag_s", 0.0))
        shown_until = self.clock.now() - lag_s
        mine = [doc for doc in self.keep.all("order").values() if doc["domain"] == domain]
        return [doc for doc in mine if doc["created_at"] <= shown_until]

    def _count(self, product: Doc, variant: Doc, by: int) -> list[Doc]:
        variant = product["variants"][0] if product.get("pool") else variant  # they share one stock
        """Deduct units, from the first location first, or restock them there."""
        here = int(variant["inventory_quantity"])
        elsewhere: dict[str, int] = dict(variant.get("elsewhere") or {})
        missing = -by - max(0, here) if by < 0 else 0
        for location, units in elsewhere.items():
            taken = max(0, min(missing, units))
            elsewhere[location] -= taken
            missing -= taken
            by += taken
        wish = {"inventory_quantity": here + by, "elsewhere": elsewhere}
        return self.edit_variant(product, variant, wish, why="order")

    def _variant(self, wish: Doc, position: int) -> Doc:
        now = self.clock.now()
        return {
            "id": self.keep.number("variant", self._first_id * 2 + 1),
            "inventory_item_id": self.keep.number("item", self._first_id * 3 + 1),
            "position": position,
            "price": "0.00",
            "sku": "",
            "barcode": "",
            "inventory_quantity": 0,
            "tracked": True,
            "options": {},
            "elsewhere": {},
            "safety_stock": {},
            **{name: value for name, value in wish.items() if name in VARIANT_FIELDS},
            "created_at": now,
            "updated_at": now,
            "counted_at": now,
        }


def units_of(variant: Doc) -> int:
    """Return the units of a variant at all locations."""
    elsewhere: dict[str, int] = variant.get("elsewhere") or {}
    return int(variant["inventory_quantity"]) + sum(elsewhere.values())


def modified(doc: Doc) -> float:
    """Return when a product last changed; a stock change counts too."""
    return float(max([doc["updated_at"], *(row["counted_at"] for row in doc["variants"])]))


def variant_title(variant: Doc) -> str:
    """Return the options of a variant as one text, or a fixed one if there are none."""
    return " / ".join(variant["options"].values()) or ONLY
