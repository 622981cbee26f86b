"""The face of a platform: what each folder beside this file fills in. `docs/adding-a-platform.md` explains it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

from shops.events import Event, Urgency
from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms.handshake import Handshake
from shops.platforms.values import (
    BadSignature,
    Count,
    Envelope,
    Field,
    Hooks,
    Keys,
    Moved,
    Page,
    Stocktake,
    StoreAuthError,
    StoreError,
    StoreInfo,
    TransientStoreError,
    Unreadable,
    Unsupported,
)
from shops.snapshots import StoreProduct


class StoreClient(Protocol):
    """Asks one store.

    Every call raises TransientStoreError when it may succeed later, StoreAuthError when the seller must connect again,
    and Unsupported where the platform cannot do it (docs/platforms.md says which).
    """

    def check(self) -> StoreInfo:
        """Return the store's name and currency, which proves that the keys work."""

    # -- products --------------------------------------------------------------------------------------------

    def crawl(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return one page of the catalogue: whole products with all their variants, or what `Page.whole` says.

        `cursor` is "" for the first page, else what the page before named as next; it can be kept and used after days.
        With `since`, only what changed after that moment (UTC); a little more is no harm. Rows that cannot be read are
        left out and named in `Page.unread` (shops.platforms.reading.each). Raises CursorLost when the
        cursor is no longer valid, TooLarge when the page is larger than what is read of an answer (see Resizable).
        """

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all sellable units of a product, none when the store no longer has it."""

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that a counted thing belongs to, None when there is none."""

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return how many units the store has now."""

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock by a difference, starting from `count`, and return the count afterwards.

        Units are taken from the locations that have them, in several rows of one call if need be. Where they have fewer
        than asked for, as many as they have are taken, and `done` in the returned count says how many (-2); 0, and no
        call, where nothing can be changed. The caller notifies the seller, and asks again later for the rest. What is
        changed follows from `count` alone, so that a repeated call is the same one.

        `reference` names the cause, such as a Reverb order's line. The same call (same product, count, `by` and
        reference) may be repeated after a lost answer where the platform knows keys against repeats; elsewhere the
        TransientStoreError says `may_have_applied`, and the stock must be counted first. Raises Moved, and changes
        nothing, when the store no longer has `count`.
        """

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Make the store call `address` for every topic: add what is missing, wake what sleeps, remove doubles."""

    def remove_webhooks(self, address: str) -> None:
        """Remove our webhooks that call `address`."""

    # -- orders ----------------------------------------------------------------------------------------------

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Make an order. When one with this Reverb number is there already, return that one."""

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order as it is now, None when the store no longer has it, or has not pushed it."""

    def release(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel an order that `create_order` made: the sale on Reverb is off. Mails nobody, and may be repeated.

        `gives_back` says what the order's `takes_stock` was: only then its units go back to the stock. No money is
        moved; it was paid on Reverb. Raises Unsupported where the order cannot be cancelled, such as a shipped one.
        """

    def order_products(self, order_id: str) -> list[str]:
        """Return the ids (`store_parent_id`) of the products in an order, for OrderChanged."""

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return one page of the orders that changed after `since`, and the cursor of the next page."""

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return the parcels of an order that have a tracking number."""


@runtime_checkable
class Resizable(StoreClient, Protocol):
    """A StoreClient that can be asked for smaller pages, down to one product, and to leave one out.

    A page may be too large to be read (TooLarge), or take so many calls that one of them always fails. The crawl then
    asks for fewer products, and for more again once that goes well. So a cursor means the same with every size: it is
    the last id that was read, or the number of products before it, never the number of a page.
    """

    #: Products on a page where no size is asked for.
    page_size: int

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return one page as `StoreClient.crawl` does, of at most `size` products (at least 1)."""

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page without the next product, which is named in `unread`, and the cursor behind it.

        Asks for no more than its id: the product is too large, or the store fails whenever it is asked for it.
        """


@runtime_checkable
class Stocktaker(Protocol):
    """A StoreClient of a store whose stock moves without a trace, so that it is asked for regularly."""

    def take_stock(self, products: Sequence[StoreProduct]) -> Stocktake:
        """Return what can be sold of these products now, as they were read last."""


@runtime_checkable
class Settler(Protocol):
    """A StoreClient whose `create_order` begins more in the store than the order itself (NewOrder.begun)."""

    def settle(self, begun: Mapping[str, Any], reverb_number: str) -> None:
        """Finish what attempts to make an order have begun: its sale is off. May be repeated. Raises StoreError."""


class Platform(ABC):
    """One kind of store."""

    kind: ClassVar[str]
    name: ClassVar[str]
    #: Topics to switch on, as the platform spells them.
    topics: ClassVar[tuple[str, ...]]
    #: Topics that come to the app's own address, `/webhooks/app/<kind>/`, for all stores.
    app_topics: ClassVar[tuple[str, ...]] = ()
    #: Topics whose bodies hold people's data; a body is emptied as soon as its delivery is worked off.
    personal_topics: ClassVar[tuple[str, ...]] = ()
    #: Topics of stock and orders: they may report a sale, and are handed over before all others.
    sale_topics: ClassVar[tuple[str, ...]] = ()
    #: Topics of which at least one comes with each change of a known product.
    change_topics: ClassVar[tuple[str, ...]] = ()
    #: What the seller does to connect by pasted keys, one sentence a step.
    steps: ClassVar[tuple[str, ...]]
    address_help: ClassVar[str]
    #: What is pasted beside the address.
    fields: ClassVar[tuple[Field, ...]]
    #: Seconds between two looks for changed products; the net under the webhooks. 0: the store pushes all.
    poll_every_s: ClassVar[int]
    #: Seconds between two looks at all stock, where a change of stock leaves no trace. 0: not needed.
    stock_poll_every_s: ClassVar[int] = 0
    #: The same adjustment of stock may be sent again after a lost answer: it counts once.
    idempotent_writes: ClassVar[bool] = False
    #: Seconds for which a stock that we wrote may still read as it was before.
    stock_read_lag_s: ClassVar[float] = 0
    #: The keys are made here and shown once, not pasted.
    makes_keys: ClassVar[bool] = False
    #: The store cannot be asked for its catalogue; its own system sends it.
    push_only: ClassVar[bool] = False

    def stands_alone(self, topic: str, body: bytes, connection: StoreConnection) -> bool:
        """Return whether a delivery that may report a sale can be worked off before what came earlier and is open."""
        return True

    @abstractmethod
    def read_address(self, text: str) -> str:
        """Return the store's address in one form. Raises ValueError with a sentence for the seller."""

    @abstractmethod
    def pasted(self, values: Mapping[str, str]) -> Keys:
        """Return the keys out of the pasted fields. Raises ValueError with a sentence for the seller."""

    def keys(self, token: str, secret: str) -> Keys:
        """Return the keys out of a token and a secret given on the command line (docs/platforms.md)."""
        return Keys(token, secret)

    @property
    def handshake(self) -> Handshake | None:
        """The way to connect in a few clicks; None where there is none, or the operator has not set it up."""
        return None

    @abstractmethod
    def verify(self, body: bytes, headers: Mapping[str, str], connection: StoreConnection) -> None:
        """Raise BadSignature unless the store signed exactly these bytes. Constant time; no way around it."""

    @abstractmethod
    def envelope(self, body: bytes, headers: Mapping[str, str]) -> Envelope:
        """Return the id and the topic of a delivery whose signature is right."""

    def rank(self, topic: str) -> Urgency:
        """Return how urgent a delivery is, by its topic alone."""
        if topic in self.sale_topics:
            return Urgency.SALE
        return Urgency.PRODUCT if topic in self.topics else Urgency.OTHER

    def is_ping(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Return whether this is an unsigned test call of the platform, which is answered and means nothing."""
        return False

    @abstractmethod
    def events(self, topic: str, body: bytes, connection: StoreConnection, arrived: int = 0) -> list[Event] | None:
        """Return what a delivery means, None for a topic that means nothing to us. Raises Unreadable.

        `arrived` is the delivery's number in the order in which deliveries arrived; 0: that is not known.
        """

    def of_app(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Return the address of the store that a call to the app's own webhook address is about.

        Raises BadSignature, also where the platform makes no such calls.
        """
        raise BadSignature

    @abstractmethod
    def client(self, connection: StoreConnection) -> StoreClient:
        """Return a client for one store."""


__all__ = [
    "BadSignature",
    "Count",
    "Envelope",
    "Field",
    "Handshake",
    "Hooks",
    "Keys",
    "Moved",
    "Page",
    "Platform",
    "Resizable",
    "Settler",
    "Stocktake",
    "Stocktaker",
    "StoreAuthError",
    "StoreClient",
    "StoreError",
    "StoreInfo",
    "TransientStoreError",
    "Unreadable",
    "Unsupported",
]
