"""The GraphQL Admin API: the published schema, strict as the real one, with the cost of each query."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from sandbox.common.keep import Doc
from sandbox.shopify.store import Stores, variant_title

SCHEMA: GraphQLSchema = build_schema(Path(__file__).with_name("schema.graphqls").read_text())
#: Largest page, largest cost of one query (docs: limits; widely stated).
MOST = 250
MAX_COST = 1000


def answer(stores: Stores, shop: Doc, query: str, variables: Doc) -> tuple[Doc, int, int]:
    """Return the answer to a query without its cost, the cost that was asked for, and the cost that it had."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return {"errors": [error.formatted]}, 0, 0
    if wrong := validate(SCHEMA, document):
        return {"errors": [error.formatted for error in wrong]}, 0, 0
    asked = cost(document, variables)
    if asked > MAX_COST:
        words = f"Query cost is {asked}, which exceeds the single query max cost limit ({MAX_COST})."
        return {"errors": [{"message": words, "extensions": {"code": "MAX_COST_EXCEEDED"}}]}, asked, 0
    result = execute_sync(SCHEMA, document, root_value=_Root(stores, shop).fields(), variable_values=variables)
    found: Doc = {"data": result.data}
    if result.errors:
        found["errors"] = [error.formatted for error in result.errors]
    return found, asked, _objects(result.data)


def cost(document: DocumentNode, variables: Doc) -> int:
    """Return what a query may cost: an object is 1, a connection as many as it asks for (docs: rate limits)."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    return sum(_cost(one.selection_set, fragments, variables) for one in operations)


def _cost(selection: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode], variables: Doc) -> int:
    total = 0
    for node in selection.selections if selection else ():
        if isinstance(node, FieldNode) and node.selection_set:
            inner = _cost(node.selection_set, fragments, variables)
            size = _size(node, variables)
            total += (size * max(1, inner) if size else 1 + inner) if node.name.value not in _FREE else inner
        elif isinstance(node, InlineFragmentNode):
            total += _cost(node.selection_set, fragments, variables)
        elif isinstance(node, FragmentSpreadNode):
            total += _cost(fragments[node.name.value].selection_set, fragments, variables)
    return total


_FREE = ("nodes", "edges", "pageInfo")


def _size(node: FieldNode, variables: Doc) -> int:
    for argument in node.arguments or ():
        if argument.name.value in ("first", "last"):
            value = argument.value
            if isinstance(value, IntValueNode):
                return int(value.value)
            if isinstance(value, VariableNode):
                return int(variables.get(value.name.value) or 0)
    return 0


def _objects(data: Any) -> int:
    if isinstance(data, list):
        return sum(_objects(item) for item in data)
    if isinstance(data, dict):
        return 1 + sum(_objects(value) for value in data.values())
    return 0


# -- answers -------------------------------------------------------------------------------------------------------


def _connection(rows: list[Doc]) -> Callable[..., Doc]:
    """Return a connection over rows; its cursor is the id of the row."""

    def page(_: Any, first: int | None = None, last: int | None = None, after: str | None = None, **more: Any) -> Doc:
        size = first if first is not None else last
        if size is None:
            raise GraphQLError("you must provide one of first or last")
        if size > MOST:
            raise GraphQLError(f"first cannot exceed {MOST}")
        ordered = rows[::-1] if more.get("reverse") else rows
        start = next((n + 1 for n, row in enumerate(ordered) if after and row["id"] == after), 0)
        shown = ordered[start : start + size]
        info = {
            "hasNextPage": start + size < len(ordered),
            "hasPreviousPage": start > 0,
            "startCursor": shown[0]["id"] if shown else None,
            "endCursor": shown[-1]["id"] if shown else None,
        }
        edges = [{"cursor": row["id"], "node": row} for row in shown]
        return {"nodes": shown, "edges": edges, "pageInfo": info}

    return page


class _Root:
    """Answers of one store."""

    def __init__(self, stores: Stores, shop: Doc) -> None:
        self.stores = stores
        self.shop = shop

    def fields(self) -> Doc:
        products = [self.product(doc) for doc in self.stores.products(self.shop["domain"])]
        variants = [variant for doc in products for variant in doc["_variants"]]
        return {
            "shop": self._shop(),
            "product": lambda _, id: self.node(id, "Product"),  # noqa: A006 -- Shopify's name
            "productVariant": lambda _, id: self.node(id, "ProductVariant"),  # noqa: A006
            "inventoryItem": lambda _, id: self.node(id, "InventoryItem"),  # noqa: A006
            "node": lambda _, id: self.node(id),  # noqa: A006
            "nodes": lambda _, ids: [self.node(one) for one in ids],
            "products": _connection(products),
            "productVariants": _connection(variants),
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

    def node(self, gid: str, kind: str | None = None) -> Doc | None:
        """Return a thing by its global id; None for another store's, an unknown one, or one of another kind."""
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
        variants = [self.variant(doc, variant) for variant in doc["variants"]]
        names = list(dict.fromkeys(name for variant in doc["variants"] for name in variant["options"])) or ["Title"]
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
            "updatedAt": stamp(doc["updated_at"]),
            "totalInventory": sum(variant["inventory_quantity"] for variant in doc["variants"]),
            "hasOnlyDefaultVariant": len(doc["variants"]) == 1 and not doc["variants"][0]["options"],
            "media": _connection(media),
            "options": [{"id": f"gid://shopify/ProductOption/{n}", "name": name} for n, name in enumerate(names, 1)],
            "variants": _connection(variants),
            "_variants": variants,
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
            "inventoryQuantity": doc["inventory_quantity"],
            "sellableOnlineQuantity": doc["inventory_quantity"],
            "inventoryPolicy": "DENY",
            "position": doc["position"],
            "selectedOptions": [{"name": name, "value": value} for name, value in options.items()],
            "media": _connection([]),
            "product": lambda _: self.product(product),
            "createdAt": stamp(doc["created_at"]),
            "updatedAt": stamp(doc["updated_at"]),
        }
        made["inventoryItem"] = {
            "__typename": "InventoryItem",
            "id": f"gid://shopify/InventoryItem/{doc['inventory_item_id']}",
            "legacyResourceId": str(doc["inventory_item_id"]),
            "sku": doc["sku"] or None,
            "tracked": doc["tracked"],
            "variants": _connection([made]),
            "createdAt": stamp(doc["created_at"]),
            "updatedAt": stamp(doc["updated_at"]),
            "duplicateSkuCount": 0,
        }
        return made
