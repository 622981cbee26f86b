"""Value objects and errors that all platforms share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from reverbsync.security.redaction import redact
from shops.events import Event
from shops.hooks import Hooks
from shops.snapshots import StoreProduct

__all__ = [
    "Away",
    "BadSignature",
    "Count",
    "Envelope",
    "Field",
    "Hooks",
    "Keys",
    "Malformed",
    "Missing",
    "Moved",
    "Page",
    "Stocktake",
    "StoreAuthError",
    "StoreError",
    "StoreInfo",
    "TooLarge",
    "TransientStoreError",
    "Unread",
    "Unreadable",
    "Unsupported",
]


class BadSignature(Exception):
    """A delivery without a valid signature of the store."""


class Unreadable(Exception):
    """A signed delivery whose body does not match its topic.

    `events` are those that could be read nevertheless: they are processed, and the delivery is put aside.
    """

    def __init__(self, words: str = "", *, events: Sequence[Event] = ()) -> None:
        """Save the sentence, which contains no value of the body, and the events."""
        super().__init__(words)
        self.events = tuple(events)


class StoreError(Exception):
    """A call to a store that failed; `retry_after` is in seconds, if the store gave one."""

    def __init__(self, words: str, *, retry_after: float | None = None, may_have_applied: bool = False) -> None:
        """Save the message without any token in it. `may_have_applied`: a write may have been applied."""
        super().__init__(redact(words))
        self.retry_after = retry_after
        self.may_have_applied = may_have_applied


class TransientStoreError(StoreError):
    """A retry may succeed."""


class Away(TransientStoreError):
    """The store, or a proxy in front of it, does not answer: time-outs, server errors, pages, redirects."""


class Busy(TransientStoreError):
    """The store answers, but another change of ours holds the product for a moment."""


class Malformed(TransientStoreError):
    """The store answered, but this object cannot be read. Other objects may be readable.

    `readable` are the units of the product that could be read, if only some could not.
    """

    readable: tuple[StoreProduct, ...] = ()


class TooLarge(TransientStoreError):
    """The answer exceeds the size limit (reverbsync.http.answer_body.MAX_ANSWER_BYTES)."""


class StoreAuthError(StoreError):
    """The store does not accept our keys; the seller must reconnect it."""


class Missing(StoreError):
    """The store's own error says that the object no longer exists; never a missing route or a page."""


class CursorLost(StoreError):
    """The crawl's cursor is no longer valid, for example because the platform deleted the list behind it."""


class Unsupported(StoreError):
    """The platform, or this store, does not support the operation."""


class Moved(StoreError):
    """The stock is no longer what the adjustment started from; nothing was changed."""


@dataclass(frozen=True)
class Envelope:
    """A delivery's id and topic, by its own account."""

    delivery_id: str  # "" if the platform sent none
    topic: str


@dataclass(frozen=True)
class Field:
    """A form field that the seller fills in."""

    name: str
    label: str
    help: str = ""
    secret: bool = True
    required: bool = True


class Keys:
    """Credentials of a store: `token` (in the platform's own format) for calls, `secret` to verify its deliveries."""

    def __init__(self, token: str, secret: str) -> None:
        """Wrap both so that logs and tracebacks do not show them."""
        self.token = SecretStr(token)
        self.secret = SecretStr(secret)


@dataclass(frozen=True)
class StoreInfo:
    """A store's own name and currency; `currency` is ISO 4217, "" if unknown."""

    name: str
    currency: str


@dataclass(frozen=True)
class Unread:
    """A row of a page that could not be read: its product ("" if unknown) and the reason.

    The product counts as neither changed nor gone: its snapshot stays, and the rest of the page is saved.
    """

    store_parent_id: str
    words: str


@dataclass(frozen=True)
class Page:
    """A page of the catalogue; `next` is None on the last page, `total` the number of products if known.

    `unread` are the rows that could not be read; they are left out of `products`.
    """

    products: tuple[StoreProduct, ...]
    next: str | None
    total: int | None = None
    unread: tuple[Unread, ...] = ()
    #: Parents of which `products` holds every unit; None: all parents in it.
    whole: frozenset[str] | None = None

    @property
    def whole_parents(self) -> list[str]:
        """Return the parents that were read whole: their known units that `products` lacks are gone."""
        shown = dict.fromkeys(one.store_parent_id for one in self.products)
        unread = {one.store_parent_id for one in self.unread}
        return [one for one in shown if one not in unread and (self.whole is None or one in self.whole)]


@dataclass(frozen=True)
class Stocktake:
    """Sellable units of the requested products.

    `units`: store_product_id → units, None if the store does not count them. `again` are the products (store_parent_id)
    to read again: one is gone, goes on or off sale, or has another SKU. `unread` are those whose stock could not be
    read.
    """

    units: Mapping[str, int | None]
    again: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class Count:
    """Units of a product in the store, and where an adjustment would be made.

    `location` is in the platform's own format: an id, a list of locations with their units, or an API address. `there`
    is the number of units at it.

    `apart`: orders reserve units and leave `there` unchanged, so that only our own change shows in it. `done` is set by
    `adjust` if it changed the stock by another difference than requested: 0 if nothing could be changed. None: by the
    full difference.
    """

    units: int | None  # None: the store does not count this product
    location: str = ""
    there: int = 0
    done: int | None = None
    apart: bool = False
