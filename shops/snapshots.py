"""What an outside last said: the store of a product, Reverb of a listing. Plain values, no I/O.

Money is Decimal with an ISO 4217 currency. None means "not said", which is not the same as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Self


class _Saved:
    """A snapshot that is saved as JSON."""

    @classmethod
    def _kinds(cls) -> dict[str, Callable[[Any], Any]]:
        """Return the names of the fields, each with what takes its value out of JSON."""
        return _kinds(cls)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot as plain JSON values."""
        values = ((name, getattr(self, name)) for name in self._kinds())
        return {name: value if isinstance(value, _PLAIN) else _rich_to_plain(value) for name, value in values}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """Return the snapshot that `to_json` made. Fields that this version does not know are left out."""
        known = cls._kinds()
        return cls(**{name: known[name](value) for name, value in saved.items() if name in known})


@lru_cache(maxsize=8)
def _kinds(snapshot: Any) -> dict[str, Callable[[Any], Any]]:
    return {one.name: _rich(str(one.type)) for one in fields(snapshot)}


#: What JSON has itself.
_PLAIN = (str, int, type(None))


def _rich_to_plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _rich(kind: str) -> Callable[[Any], Any]:
    read: Callable[[Any], Any] | None = None
    if kind.startswith("Decimal"):
        read = Decimal
    elif kind.startswith("datetime"):
        read = datetime.fromisoformat
    elif kind.startswith("tuple"):
        read = tuple
    return (lambda value: None if value is None else read(value)) if read else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class StoreProduct(_Saved):
    """One sellable unit as the store has it; a variant is a product of its own."""

    store_product_id: str
    store_parent_id: str
    store_stock_id: str
    sku: str
    title: str
    description: str  # HTML as the store holds it
    vendor: str
    product_type: str
    tags: tuple[str, ...]
    finish: str  # the colour or finish that was chosen for this variant, empty when there is no such option
    price: Decimal
    currency: str
    stock: int | None  # None: the store does not count this product
    photos: tuple[str, ...]
    barcode: str
    for_sale: bool  # active in the store
    url: str  # where the seller edits it
    collections: tuple[str, ...] = ()  # names of the store's collections or categories that hold it
    attributes: Mapping[str, str] = field(default_factory=dict)  # custom fields, metafields, attributes by name
    #: When price or stock change next by a date that the store names, aware; None: by none. It says when to read the
    #: product again, and is no part of what the store says of it: two snapshots that differ in this alone are equal.
    changes_at: datetime | None = field(default=None, compare=False)
    #: When the store last changed it, aware, by the store's own clock; None: it does not say, or not of stock. It shows
    #: an answer of before, and is no part of what the store says either.
    dated: datetime | None = field(default=None, compare=False)

    @property
    def sellable(self) -> int:
        """Units that may be shown: none when it is not for sale, never below zero."""
        return max(0, self.stock or 0) if self.for_sale else 0


#: How many photos a listing has was not said: a page of listings shows one.
PHOTOS_UNKNOWN = -1


@dataclass(frozen=True)
class ReverbListing(_Saved):
    """One listing as Reverb has it. Reverb leaves fields out at will, so most may be None."""

    id: str
    sku: str
    state: str  # the raw slug; unknown ones are possible
    self_url: str
    web_url: str
    title: str | None = None
    description: str | None = None
    make: str | None = None
    model: str | None = None
    finish: str | None = None
    year: str | None = None
    upc: str | None = None
    condition: str | None = None  # uuid
    categories: tuple[str, ...] | None = None  # uuids
    price: Decimal | None = None
    currency: str | None = None
    inventory: int | None = None
    has_inventory: bool | None = None
    shipping_profile: str | None = None  # id
    photo_count: int = 0
    offers_enabled: bool | None = None
    handmade: bool | None = None


@dataclass(frozen=True)
class ReverbOrder(_Saved):
    """One order on Reverb: one listing, some units of it. Items bought together share `bundle_id`.

    Money is in `currency`. Facts: Reverb docs, "Retrieve orders". Most fields may be missing.
    """

    number: str
    listing_id: str
    sku: str
    title: str
    quantity: int  # 1 where Reverb does not say
    status: str  # the raw word; unknown ones are possible
    placed_at: datetime
    updated_at: datetime
    paid_at: datetime | None = None
    bundle_id: str = ""
    currency: str = ""
    product_amount: Decimal | None = None  # for all units, without tax and shipping
    shipping: Decimal | None = None
    tax: Decimal | None = None
    total: Decimal | None = None
    fees: Decimal | None = None  # what Reverb keeps, where it says so
    buyer: str = ""
    buyer_id: str = ""
    address: Mapping[str, str] | None = None  # keys of shops.orders.Address
    local_pickup: bool = False
    shipping_method: str = ""
    provider: str = ""
    tracking_number: str = ""
    web_url: str = ""
    #: False: none of its dates could be read, and it is dated as of when it was read.
    dated: bool = True
