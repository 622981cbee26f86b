"""What a platform's client can do, and what only some of them can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from shops.hooks import Hooks
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms.values import Count, Page, Stocktake, StoreInfo
from shops.snapshots import StoreProduct


class StoreClient(Protocol):
    """Call one store's API.

    Every method raises TransientStoreError if a retry may succeed, StoreAuthError if the seller must reconnect, and
    Unsupported if the platform lacks the feature (docs/platforms.md lists them).
    """

    def check(self) -> StoreInfo:
        """Return the store's name and currency; a successful call proves that the keys work."""

    # -- products --------------------------------------------------------------------------------------------

    def crawl(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return one page of the catalogue: whole products with all their variants, unless `Page.whole` says otherwise.

        `cursor` is "" for the first page, else the previous page's `next`; it stays valid for days. With `since` (UTC),
        return the products that changed after that moment; a few more do no harm. Rows that cannot be read are left out
        and listed in `Page.unread` (shops.platforms.reading.each). Raise CursorLost if the cursor is no longer valid,
        TooLarge if the page exceeds the size limit of an answer (see Resizable).
        """

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all sellable units of a product; an empty list if the store no longer has it."""

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that owns a stock item, or None."""

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return how many units the store has now."""

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock by a difference, starting from `count`, and return the count afterwards.

        Units are removed from the locations that have them, in several rows of one call if necessary. If fewer units
        are available than requested, all of them are removed, and the returned count's `done` says how many (-2). If
        nothing can be changed, `done` is 0 and no call is made. The caller notifies the seller and retries the rest
        later. The change is derived from `count` alone, so a retry sends the same call.

        `reference` names the cause, such as the line of a Reverb order. If the platform supports idempotency keys, the
        same call (same product, count, `by` and reference) may be retried after a lost answer. Otherwise
        TransientStoreError sets `may_have_applied`, and the stock must be counted first. Raise Moved, without a change,
        if the store no longer has `count`.
        """

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Register `address` for every topic: add missing webhooks, reactivate disabled ones, remove duplicates."""

    def remove_webhooks(self, address: str) -> None:
        """Remove our webhooks that call `address`."""

    # -- orders ----------------------------------------------------------------------------------------------

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Create an order; return the existing one if the store already has one with this Reverb number."""

    def order(self, order_id: str) -> StoreOrder | None:
        """Return the current state of an order; None if the store no longer has it or has not pushed it."""

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel an order that `create_order` made, because the sale on Reverb is off. Idempotent.

        `gives_back` is the order's `takes_stock`: only if true, its units return to the stock. No mail is sent, and no
        money is refunded, since the buyer paid on Reverb. Raise Unsupported if the order cannot be cancelled, for
        example because it was shipped.
        """

    def order_products(self, order_id: str) -> list[str]:
        """Return the ids (`store_parent_id`) of the products in an order, for OrderChanged."""

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return one page of the orders that changed after `since`, and the cursor of the next page."""

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return the parcels of an order that have a tracking number."""


@runtime_checkable
class Resizable(StoreClient, Protocol):
    """A StoreClient that can request smaller pages, down to one product, and skip a product.

    A page may exceed the size limit (TooLarge), or need so many calls that one of them always fails. The crawl then
    requests fewer products, and more again once that succeeds. So a cursor must not depend on the page size: it is the
    last id that was read, or the number of products before it, never a page number.
    """

    #: Default number of products per page.
    page_size: int

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return one page as `StoreClient.crawl` does, with at most `size` products (at least 1)."""

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page that skips the next product, lists it in `unread`, and has the cursor after it.

        Only the product's id is requested: the product is too large, or the store fails at it each time.
        """


@runtime_checkable
class Stocktaker(Protocol):
    """A StoreClient of a store that does not report all stock changes, so its stock is polled."""

    def take_stock(self, products: Sequence[StoreProduct]) -> Stocktake:
        """Return how many units of these products can be sold now; `products` are as last read."""


@runtime_checkable
class Settler(Protocol):
    """A StoreClient whose `create_order` creates more in the store than the order itself (NewOrder.begun)."""

    def settle(self, begun: Mapping[str, Any], reverb_number: str) -> None:
        """Clean up what attempts to create an order left in the store, because its sale is off. Idempotent.

        Raise StoreError.
        """
