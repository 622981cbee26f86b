"""Value objects and errors that all platforms share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from shops.snapshots import StoreProduct


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


@dataclass(frozen=True)
class Guide:
    """One step of instructions: what to do, what to copy there, and the page on which to do it."""

    text: str
    copy: str = ""
    link: str = ""


@dataclass(frozen=True)
class Way:
    """A way to connect a store with keys that the seller pastes; the recommended one of a platform comes first."""

    id: str
    name: str
    fields: tuple[Field, ...]
    steps: tuple[Guide, ...]
    #: Who it is for.
    note: str = ""
    #: The seller approves on the platform after pasting (shops/platforms/handshake.py); else the keys are tried.
    by_handshake: bool = False


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
