"""Resolvers for the fields of the schema: products, stock, webhooks and orders in Shopify's format."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from graphql import GraphQLError

from sandbox.common.keep import Doc
from sandbox.common.store import Stores, modified, variant_title
from sandbox.common.store_app import Notify
from sandbox.shopify import locations, writes

#: Largest page (docs: limits).
MOST = 250
#: Last row that paging reaches (docs: limits); a count returns one more.
MOST_PAGED = 25_000


def connection(rows: list[Any], make: Callable[[Any], Doc], key: Callable[[Any], str]) -> Callable[..., Doc]:
    """Return a connection over rows; `make` converts a row to a node, `key` returns its cursor."""

    def page(_: Any, first: int | None = None, last: int | None = None, after: str | None = None, **more: Any) -> Doc:
        size = first if first is not None else last
        if size is None:
            raise GraphQLError("you must provide one of first or last")
        if size > MOST:
            raise GraphQLError(f"first cannot exceed {MOST}")
        ordered = rows[::-1] if more.get("reverse") else rows
        start = next((n + 1 for n, row in enumerate(ordered) if key(row) == after), 0) if after else 0
        shown = ordered[start : start + size]
        stop = min(len(ordered), MOST_PAGED)
        info = {
            "hasNextPage": start + size < stop,
            "hasPreviousPage": start > 0,
            "startCursor": key(shown[0]) if shown else None,
            "endCursor": key(shown[-1]) if shown else None,
        }
        nodes = [make(row) for row in shown]
        edges = [{"cursor": key(row), "node": node} for row, node in zip(shown, nodes, strict=True)]
        return {"nodes": nodes, "edges": edges, "pageInfo": info}

    return page


def _plain(rows: list[Doc]) -> Callable[..., Doc]:
    return connection(rows, lambda row: row, lambda row: str(row["id"]))


class Root:
    """Resolvers of one store."""

    def __init__(self, stores: Stores, shop: Doc, notify: Notify, url: str) -> None:
        self.stores = stores
        self.shop = shop
        self.notify = notify
        self.url = url

    def fields(self, keys: dict[str, str]) -> Doc:
        """Return the fields of query and mutation; `keys` are the idempotency keys."""
        return {
            "shop": self._shop(),
            "product": lambda _, id: self.node(id, "Product"),  # noqa: A006 -- Shopify's name
            "productVariant": lambda _, id: self.node(id, "ProductVariant"),  # noqa: A006
            "inventoryItem": lambda _, id: self.node(id, "InventoryItem"),  # noqa: A006
            "node": lambda _, id: self.node(id),  # noqa: A006
            "nodes": lambda _, ids: [self.node(one) for one in ids],
            "products": self._products,
            "locations": self._locations,
            "productsCount": self._count,
            "productVariants": self._variants,
            "webhookSubscriptions": self._hooks,
            "orders": self._orders,
            "order": lambda _, id: self._order_by(id),  # noqa: A006
            "bulkOperation": lambda _, id: writes.bulk_state(self, id),  # noqa: A006
            **writes.mutations(self, keys),
        }

    def _shop(self) -> Doc:
        domain = self.shop["domain"]
        return {
            "id": f"gid://shopify/Shop/{self.shop['id']}",
            "name": self.shop["name"],
            "myshopifyDomain": domain,
            "currencyCode": self.shop["currency"],
            "email": "store@example.com",
            "url": f"https://{domain}",
        }

    def _locations(self, info: Any, includeInactive: bool = False, **page: Any) -> Doc:  # noqa: FBT001, FBT002
        rows = [row for row in locations.of(self.shop) if includeInactive or row["isActive"]]
        return _plain(rows)(info, **page)

    # -- products --------------------------------------------------------------------------------------------

    def _found(self, query: str | None) -> list[Doc]:
        since = _since(query)
        rows = self.stores.products(self.shop["domain"])
        return [doc for doc in rows if since is None or doc["updated_at"] >= since]

    def _products(self, info: Any, query: str | None = None, **page: Any) -> Doc:
        return connection(self._found(query), self.product, lambda doc: str(doc["id"]))(info, **page)

    def _count(self, _: Any, query: str | None = None, limit: int | None = 10_000, **__: Any) -> Doc:
        found = len(self._found(query))
        most = limit if limit is not None else MOST_PAGED + 1
        return {"count": min(found, most), "precision": "EXACT" if found <= most else "AT_LEAST"}

    def _variants(self, info: Any, query: str | None = None, **page: Any) -> Doc:
        rows = [(doc, variant) for doc in self._found(query) for variant in doc["variants"]]
        return connection(rows, lambda row: self.variant(*row), lambda row: str(row[1]["id"]))(info, **page)

    def node(self, gid: str, kind: str | None = None) -> Doc | None:
        """Return a node by its global id; None for another store's, an unknown one, or one of another type."""
        head, _, number = gid.rpartition("/")
        found = head.removeprefix("gid://shopify/")
        if not head.startswith("gid://shopify/") or not number.isdigit():
            raise GraphQLError(f"Invalid global id '{gid}'")
        if kind not in (None, found):
            return None
        if found == "Product":
            doc = self.stores.product(number)
            return self.product(doc) if doc and doc["domain"] == self.shop["domain"] else None
        pair = self.stores.with_variant(number) if found == "ProductVariant" else self.stores.with_item(number)
        if pair is None or pair[0]["domain"] != self.shop["domain"] or found not in ("ProductVariant", "InventoryItem"):
            return None
        variant = self.variant(*pair)
        return variant if found == "ProductVariant" else variant["inventoryItem"]

    def product(self, doc: Doc) -> Doc:
        """Return a product with its connections."""
        media = [
            {
                "__typename": "MediaImage",
                "id": f"gid://shopify/MediaImage/{doc['id']}{n}",
                "status": "READY",
                "image": {"id": f"gid://shopify/ImageSource/{doc['id']}{n}", "url": link},
            }
            for n, link in enumerate(doc["images"])
        ]
        names = list(dict.fromkeys(name for variant in doc["variants"] for name in variant["options"])) or ["Title"]
        collections = [
            {"id": f"gid://shopify/Collection/{n}", "title": name} for n, name in _numbered(doc["collections"])
        ]
        metafields = [
            {"id": f"gid://shopify/Metafield/{doc['id']}{n}", "namespace": "custom", "key": name, "value": str(value)}
            for n, (name, value) in enumerate(doc["attributes"].items())
        ]
        stamp = self.stores.clock.stamp
        return {
            "__typename": "Product",
            "id": f"gid://shopify/Product/{doc['id']}",
            "legacyResourceId": str(doc["id"]),
            "title": doc["title"],
            "descriptionHtml": doc["description_html"],
            "description": doc["description_html"],
            "vendor": doc["vendor"],
            "productType": doc["product_type"],
            "tags": doc["tags"],
            "status": doc["status"],
            "handle": str(doc["id"]),
            "createdAt": stamp(doc["created_at"]),
            "updatedAt": stamp(modified(doc)),
            "totalInventory": sum(locations.total(self.shop, variant) for variant in doc["variants"]),
            "variantsCount": {"count": len(doc["variants"]), "precision": "EXACT"},
            "hasOnlyDefaultVariant": len(doc["variants"]) == 1 and not doc["variants"][0]["options"],
            "media": _plain(media),
            "collections": _plain(collections),
            "metafields": _plain(metafields),
            "options": [{"id": f"gid://shopify/ProductOption/{n}", "name": name} for n, name in enumerate(names, 1)],
            "variants": connection(doc["variants"], lambda row: self.variant(doc, row), lambda row: str(row["id"])),
        }

    def variant(self, product: Doc, doc: Doc) -> Doc:
        """Return a variant with its inventory item."""
        stamp = self.stores.clock.stamp
        options = doc["options"] or {"Title": "Default Title"}
        made: Doc = {
            "__typename": "ProductVariant",
            "id": f"gid://shopify/ProductVariant/{doc['id']}",
            "legacyResourceId": str(doc["id"]),
            "sku": doc["sku"] or None,
            "barcode": doc["barcode"] or None,
            "title": variant_title(doc),
            "displayName": f"{product['title']} - {variant_title(doc)}",
            "price": doc["price"],
            "inventoryQuantity": locations.total(self.shop, doc),
            "requiresComponents": bool(product.get("bundle")),
            "sellableOnlineQuantity": 0,  # lags by hours (community.shopify.dev/t/32191)
            "inventoryPolicy": "DENY",
            "position": doc["position"],
            "selectedOptions": [{"name": name, "value": value} for name, value in options.items()],
            "image": None,
            "media": _plain([]),
            "product": lambda _: self.product(product),
            "createdAt": stamp(doc["created_at"]),
            "updatedAt": stamp(doc["updated_at"]),
        }
        made["inventoryItem"] = self._item(made, doc)
        return made

    def _item(self, variant: Doc, doc: Doc) -> Doc:
        stamp = self.stores.clock.stamp
        levels = [
            self._level(doc, row)
            for row in locations.of(self.shop)
            if row["isActive"] and locations.is_stocked(doc, locations.number_of(row))
        ]
        return {
            "__typename": "InventoryItem",
            "id": f"gid://shopify/InventoryItem/{doc['inventory_item_id']}",
            "legacyResourceId": str(doc["inventory_item_id"]),
            "sku": doc["sku"] or None,
            "tracked": doc["tracked"],
            "variants": _plain([variant]),
            "createdAt": stamp(doc["created_at"]),
            "updatedAt": stamp(doc["updated_at"]),
            "duplicateSkuCount": 0,
            "inventoryLevels": _plain(levels),
            "inventoryLevel": lambda _, locationId, **__: next(
                (level for level in levels if level["location"]["id"] == locationId), None
            ),
        }

    def _level(self, doc: Doc, location: Doc) -> Doc:
        units, item = locations.at(doc, locations.number_of(location)), doc["inventory_item_id"]
        return {
            "id": f"gid://shopify/InventoryLevel/{locations.number_of(location)}?inventory_item_id={item}",
            "location": location,
            "isActive": True,
            "updatedAt": self.stores.clock.stamp(doc["counted_at"]),
            "quantities": lambda _, names: [
                {"id": f"{item}-{name}", "name": name, "quantity": units} for name in names
            ],
        }

    # -- webhooks and orders -----------------------------------------------------------------------------------

    def _hooks(self, info: Any, uri: str | None = None, topics: list[str] | None = None, **page: Any) -> Doc:
        rows = [writes.hook(row, self.stores.clock) for row in self.shop["webhooks"]]
        rows = [row for row in rows if uri in (None, row["uri"]) and (not topics or row["topic"] in topics)]
        return _plain(rows)(info, **page)

    def _orders(self, info: Any, query: str | None = None, **page: Any) -> Doc:
        rows, since = self.stores.orders(self.shop["domain"]), _since(query)
        number = re.search(r"source_identifier:'([^']*)'", query or "")
        rows = [row for row in rows if since is None or row["updated_at"] >= since]
        if number:
            rows = [row for row in rows if row.get("source_identifier") == number[1]]
        rows.sort(key=lambda row: float(row["updated_at"]))
        return connection(rows, self.order, lambda row: str(row["id"]))(info, **page)

    def _order_by(self, gid: str) -> Doc | None:
        found = self.stores.keep.get("order", gid.rpartition("/")[2])
        return self.order(found) if found and found["domain"] == self.shop["domain"] else None

    def order(self, doc: Doc) -> Doc:
        """Return an order with its lines and fulfillments."""
        stamp = self.stores.clock.stamp
        money = "REFUNDED" if doc["status"] == "refunded" else "PAID" if doc["paid"] else "PENDING"
        return {
            "id": f"gid://shopify/Order/{doc['id']}",
            "legacyResourceId": str(doc["id"]),
            "name": f"#{doc['number']}",
            "createdAt": stamp(doc["created_at"]),
            "updatedAt": stamp(doc["updated_at"]),
            "cancelledAt": stamp(doc["updated_at"]) if doc["status"] == "cancelled" else None,
            "displayFinancialStatus": money,
            "displayFulfillmentStatus": "FULFILLED" if doc["status"] == "shipped" else "UNFULFILLED",
            "sourceIdentifier": doc.get("source_identifier"),
            "lineItems": _plain([self._line(row) for row in doc["lines"]]),
            "fulfillments": lambda _, first=None, **__: [_parcel(row) for row in doc["shipments"]][:first],
        }

    def _line(self, row: Doc) -> Doc:
        pair = self.stores.with_variant(row.get("variant"))
        price = {"amount": str(row.get("price", "0.00")), "currencyCode": self.shop["currency"]}
        return {
            "id": f"gid://shopify/LineItem/{row['id']}",
            "title": row["title"],
            "sku": row["sku"] or None,
            "quantity": row["quantity"],
            "currentQuantity": row["quantity"] - row["refunded"],
            "originalUnitPriceSet": {"shopMoney": price},
            "variant": self.variant(*pair) if pair else None,
            "product": self.product(pair[0]) if pair else None,
        }


def _parcel(row: Doc) -> Doc:
    tracking = {"company": row.get("carrier"), "number": row.get("tracking_number"), "url": row.get("tracking_url")}
    return {
        "id": f"gid://shopify/Fulfillment/{row['id']}",
        "legacyResourceId": str(row["id"]),
        "status": "SUCCESS",
        "trackingInfo": lambda _, first=None: [tracking][:first],
    }


def _since(query: str | None) -> float | None:
    found = re.search(r"updated_at:>='([^']+)'", query or "")
    return datetime.fromisoformat(found[1]).timestamp() if found else None


def _numbered(names: list[str]) -> list[tuple[int, str]]:
    return [(abs(hash(name)) % 10**9, name) for name in names]
