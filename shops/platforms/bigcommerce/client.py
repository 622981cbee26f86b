"""Call one BigCommerce store: v3 catalogue and inventory, v2 orders."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms import calls, hooks
from shops.platforms.bigcommerce import orders as forms
from shops.platforms.bigcommerce import products as reading
from shops.platforms.bigcommerce.inventory import AS_WHOLE, Inventory, Stock
from shops.platforms.bigcommerce.names import BRANDS, CATEGORIES, names
from shops.platforms.bigcommerce.rest import MOST_PAGES, PAGE, Rest
from shops.platforms.bigcommerce.webhooks import OUR_HEADER, TOPICS, our_key
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.hooks import Hook
from shops.platforms.reading import each
from shops.platforms.values import (
    Count,
    Hooks,
    Malformed,
    Missing,
    Page,
    StoreAuthError,
    StoreInfo,
    TransientStoreError,
    Unread,
    Unsupported,
)
from shops.schemas import number_in
from shops.snapshots import StoreProduct

logger = logging.getLogger(__name__)

STORE = "BigCommerce"
#: Orders per page; each costs a call for its lines.
ORDERS = 50
OVERLAP = timedelta(minutes=5)


class BigCommerceClient:
    """Calls one store."""

    page_size = PAGE

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._rest = Rest(connection)
        self._inventory = Inventory(self._rest)
        self._admin = f"https://store-{connection.address}.mybigcommerce.com"
        self._secret = connection.secret
        self._store: dict[str, Any] | None = None
        self._brands: dict[int, str] = {}
        self._categories: dict[int, str] = {}

    def check(self) -> StoreInfo:
        """Return the store's name and currency, which every token of ours may read."""
        try:
            said = self._info()
        except Unsupported as refused:
            raise StoreAuthError(str(refused)) from None
        return StoreInfo(str(said.get("name") or ""), said["currency"])

    def _info(self) -> dict[str, Any]:
        if self._store is None:
            said = self._rest.json("GET", "/v2/store")
            if not isinstance(said, dict) or not isinstance(said.get("currency"), str) or not said["currency"]:
                raise TransientStoreError("BigCommerce's store could not be read.")
            self._store = said
        return self._store

    # -- products --------------------------------------------------------------------------------------------

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page of products whose ids are above the last page's, so that edits shift no page."""
        most = size or PAGE
        rows, left = self._listed(cursor, since, limit=most, include=reading.INCLUDED)
        products, unread = each(rows, reading.read)
        self._learn(products)
        stock = self._inventory.of(one.id for one in products if one.is_counted)
        found: list[StoreProduct] = []
        for product in products:
            units, odd = self._units(product, stock)
            found += units
            unread += odd
        more = left > len(rows) if left is not None and left >= len(rows) else len(rows) >= most
        following = _following(rows, cursor) if more else None
        return Page(tuple(found), following, left if not cursor else None, tuple(unread))

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Skip the next product."""
        rows, _ = self._listed(cursor, since, limit=1, include_fields="id")
        after = _following(rows, cursor)
        return Page((), after, unread=(Unread(after, "BigCommerce could not show it."),) if after else ())

    def _listed(self, cursor: str, since: datetime | None, *, limit: int, **query: str) -> tuple[list[Any], int | None]:
        wish: dict[str, str | int] = {**query, "limit": limit, "sort": "id", "direction": "asc"}
        if cursor:
            wish["id:greater"] = cursor
        if since is not None:
            wish["date_modified:min"] = (since - OVERLAP).isoformat()
        return self._rest.page(f"/v3/catalog/products?{urlencode(wish)}")

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all variants of a product, none if it is gone."""
        path = f"/v3/catalog/products/{store_parent_id}?include={reading.INCLUDED}"
        try:
            product = reading.read(self._rest.data("GET", path))
        except Missing as missing:
            self._rest.confirm_gone(missing, f"/v3/catalog/products?id:in={store_parent_id}&limit=1")
            return []
        self._learn([product])
        units, odd = self._units(product, self._inventory.of([product.id] if product.is_counted else []))
        if odd:
            error = Malformed(odd[0].words)
            error.readable = tuple(units)
            raise error
        return units

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the product of a variant, or the product whose stock is counted as a whole."""
        if store_stock_id.startswith(AS_WHOLE):
            return store_stock_id.removeprefix(AS_WHOLE)
        rows = self._rest.rows(f"/v3/catalog/variants?id:in={store_stock_id}&limit=1")
        if not rows:
            return None
        return reading.owner(rows[0])

    def _units(self, product: reading.Product, stock: Stock) -> tuple[list[StoreProduct], list[Unread]]:
        return reading.units(
            product,
            currency=self._info()["currency"],
            brands=self._brands,
            categories=self._categories,
            admin=self._admin,
            stock=stock.units,
        )

    def _learn(self, products: Iterable[reading.Product]) -> None:
        """Read the names of a page's uncached brands and categories, all at once."""
        self._brands = names(self._rest, BRANDS, {one.brand_id for one in products if one.brand_id})
        self._categories = names(self._rest, CATEGORIES, {number for one in products for number in one.categories})

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return the units that can be sold at all locations that the store sells from."""
        return Count(None) if product.stock is None else self._inventory.count(product)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock by a difference, at the locations that have the units.

        There is no idempotency key: after a lost answer, the stock must be counted before a retry.
        """
        if count.units is None:
            raise Unsupported("BigCommerce does not count this product.")
        return self._inventory.adjust(product, count, by=by, reason=reference)

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Register each scope once, with our own header; reactivate disabled hooks."""
        there = [
            Hook(str(row["id"]), str(row.get("scope")), bool(row.get("is_active"))) for row in self._hooks(address)
        ]
        return hooks.keep(
            tuple(TOPICS),
            there,
            add=lambda scope: self._rest.json("POST", "/v3/hooks", self._hook(scope, address)),
            wake=lambda number: self._rest.json("PUT", f"/v3/hooks/{number}", {"is_active": True}),
            remove=self._drop_hook,
        )

    def remove_webhooks(self, address: str) -> None:
        """Delete our hooks."""
        for row in self._hooks(address):
            self._drop_hook(str(row["id"]))

    def _drop_hook(self, number: str) -> None:
        with contextlib.suppress(Missing):
            self._rest.json("DELETE", f"/v3/hooks/{number}")

    def _hook(self, scope: str, address: str) -> dict[str, Any]:
        own = {OUR_HEADER: our_key(self._secret.get_secret_value())}
        return {"scope": scope, "destination": address, "is_active": True, "headers": own}

    def _hooks(self, address: str) -> list[dict[str, Any]]:
        rows = self._rest.all_rows("/v3/hooks?").rows
        return [row for row in rows if isinstance(row, dict) and row.get("destination") == address and "id" in row]

    # -- orders ----------------------------------------------------------------------------------------------

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Create an order, unless one has this Reverb number as `external_order_id`."""
        query = {"external_order_id": order.reverb_number}
        for row in self._rest.rows(f"/v2/orders?{urlencode(query)}"):
            if forms.is_for(row, order.reverb_number):
                return self._whole(forms.read_order(row))
        parents = {
            line.store_product_id: self.parent_of_stock(line.store_product_id) or ""
            for line in order.lines
            if line.store_product_id and order.takes_stock
        }
        made = self._rest.json("POST", "/v2/orders", forms.body(order, parents))
        with calls.written():
            return self._whole(forms.read_order(made))

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order, None if it is gone."""
        try:
            row = self._rest.json("GET", f"/v2/orders/{order_id}")
        except Missing as missing:
            self._confirm_gone(missing, order_id)
            return None
        return self._whole(forms.read_order(row))

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Set the status to Cancelled; catalogue lines give their units back, custom lines have none."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is not None and found.status not in OFF:
            self._rest.json("PUT", f"/v2/orders/{order_id}", {"status_id": forms.CANCELLED, "staff_notes": note})

    def order_products(self, order_id: str) -> list[str]:
        """Return the product ids of an order; custom lines have none."""
        return [str(one) for one in dict.fromkeys(line.product_id for line in self._lines(order_id)) if one]

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, each with its lines, without unfinished checkouts."""
        page = int(cursor or 1)
        query = {
            "min_date_modified": (since - OVERLAP).isoformat(),
            "sort": "date_modified:asc",
            "limit": ORDERS,
            "page": page,
        }
        rows = self._rest.rows(f"/v2/orders?{urlencode(query)}")
        read, odd = each(rows, forms.read_order)
        found, odder = each((one for one in read if one.status_id != forms.INCOMPLETE), self._whole)
        if odd or odder:
            logger.warning("Could not read BigCommerce orders: %s", [*odd, *odder])
        return found, str(page + 1) if len(rows) >= ORDERS and page < MOST_PAGES else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's parcels."""
        return forms.shipments(self._of_order(order_id, "shipments"))

    def _whole(self, order: forms.Order) -> StoreOrder:
        return forms.store_order(order, self._lines(order.id), admin=self._admin)

    def _lines(self, order_id: str) -> list[forms.Line]:
        return each(self._of_order(order_id, f"products?limit={PAGE}"), forms.read_line)[0]

    def _of_order(self, order_id: str, path: str) -> list[Any]:
        """Return a list that belongs to an order, an empty one if the order is gone."""
        try:
            return self._rest.rows(f"/v2/orders/{order_id}/{path}")
        except Missing as missing:
            self._confirm_gone(missing, order_id)
            return []

    def _confirm_gone(self, missing: Missing, order_id: str) -> None:
        self._rest.confirm_gone(missing, f"/v2/orders?min_id={order_id}&max_id={order_id}")


def _following(rows: list[Any], cursor: str) -> str | None:
    """Return the cursor after a page: its highest id. Raise TransientStoreError if it does not advance."""
    ids = [found for row in rows if isinstance(row, dict) and (found := number_in(row.get("id"))) is not None]
    if rows and max(ids, default=0) <= int(cursor or 0):
        raise TransientStoreError("BigCommerce's pages of products do not lead on.")
    return str(max(ids)) if ids else None
