"""What platforms take and give: plain values, and what can go wrong with a store."""

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
    """A delivery that the store did not sign."""


class Unreadable(Exception):
    """A signed delivery whose body is not what its topic promises.

    `events` are what could be read of it all the same: they are followed, and the delivery is put aside.
    """

    def __init__(self, words: str = "", *, events: Sequence[Event] = ()) -> None:
        """Keep the sentence, which holds no value of the body, and the events."""
        super().__init__(words)
        self.events = tuple(events)


class StoreError(Exception):
    """A call to a store that did not succeed; `retry_after` is in seconds where the store said so."""

    def __init__(self, words: str, *, retry_after: float | None = None, may_have_applied: bool = False) -> None:
        """Keep the words, without any token that a store repeats. `may_have_applied`: a write may have been applied."""
        super().__init__(redact(words))
        self.retry_after = retry_after
        self.may_have_applied = may_have_applied


class TransientStoreError(StoreError):
    """Will pass by itself."""


class Away(TransientStoreError):
    """The store does not answer, or something before it does: time-outs, server errors, pages, redirects."""


class Busy(TransientStoreError):
    """The store answers, and another change of ours holds the product for a moment."""


class Malformed(TransientStoreError):
    """The store answered, and what it says of this object cannot be read. Other objects may well be readable.

    `readable` are the units of a product that could be read, where only some of them could not.
    """

    readable: tuple[StoreProduct, ...] = ()


class TooLarge(TransientStoreError):
    """The answer is larger than what is read of one (reverbsync.http.outbound.MAX_ANSWER_BYTES)."""


class StoreAuthError(StoreError):
    """The store does not accept our keys; the seller must connect it again."""


class Missing(StoreError):
    """The store no longer has the object that was asked for: its own words, never a missing route or a page."""


class CursorLost(StoreError):
    """The cursor that a crawl goes on from is no longer valid, such as that of a list that the platform has deleted."""


class Unsupported(StoreError):
    """The platform, or this store of it, cannot do that."""


class Moved(StoreError):
    """The stock is no longer what an adjustment started from; nothing was changed."""


@dataclass(frozen=True)
class Envelope:
    """What a delivery says about itself."""

    delivery_id: str  # "" when the platform gave none
    topic: str


@dataclass(frozen=True)
class Field:
    """Something that the seller pastes."""

    name: str
    label: str
    help: str = ""
    secret: bool = True
    required: bool = True


class Keys:
    """What lets us ask a store (`token`, in a form of the platform's own), and what signs its deliveries (`secret`)."""

    def __init__(self, token: str, secret: str) -> None:
        """Both are kept from logs and tracebacks."""
        self.token = SecretStr(token)
        self.secret = SecretStr(secret)


@dataclass(frozen=True)
class StoreInfo:
    """What a store says of itself. `currency` is ISO 4217, "" when it does not say."""

    name: str
    currency: str


@dataclass(frozen=True)
class Unread:
    """A row of a page that could not be read: which product it was, "" where not even that is known, and why.

    It is neither changed nor gone: what is known of it stays, and the rest of its page is taken.
    """

    store_parent_id: str
    words: str


@dataclass(frozen=True)
class Page:
    """A part of the catalogue; `next` is None on the last page, `total` the number of products where it is known.

    `unread` are the rows that could not be read; they are left out of `products`.
    """

    products: tuple[StoreProduct, ...]
    next: str | None
    total: int | None = None
    unread: tuple[Unread, ...] = ()
    #: The parents of which `products` shows every unit; None: all parents in it.
    whole: frozenset[str] | None = None

    @property
    def whole_parents(self) -> list[str]:
        """Return the parents that were read whole: a known unit of theirs that is not in `products` is gone."""
        shown = dict.fromkeys(one.store_parent_id for one in self.products)
        unread = {one.store_parent_id for one in self.unread}
        return [one for one in shown if one not in unread and (self.whole is None or one in self.whole)]


@dataclass(frozen=True)
class Stocktake:
    """What can be sold of products that were asked for.

    `units`: store_product_id → units, None where the store does not count them. `again` are the products
    (store_parent_id) that are to be read again: one is gone, goes on or off sale, or has another SKU. `unread` are
    those whose stock could not be read.
    """

    units: Mapping[str, int | None]
    again: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class Count:
    """Units of a product in the store. `location` and `there` say where an adjustment would be made and what is there.

    `location` is the platform's own: an id, a list of locations with their units, or an address of the API.

    `apart`: orders reserve units and leave `there` as it is, so that a change of ours shows in it.
    `done` is set by `adjust` where it changed the stock by another difference than it was asked for: 0 when nothing
    could be changed. None: by all of it.
    """

    units: int | None  # None: the store does not count this product
    location: str = ""
    there: int = 0
    done: int | None = None
    apart: bool = False
