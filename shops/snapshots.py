"""Snapshots of the last known state: a product in the store, a listing on Reverb. Value objects, no I/O.

Money is Decimal with an ISO 4217 currency. None means "unknown", which is not the same as empty.
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
        """Return field name → function that converts its JSON value."""
        return _kinds(cls)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Return the snapshot as plain JSON values."""
        values = ((name, getattr(self, name)) for name in self._kinds())
        return {name: value if isinstance(value, _PLAIN) else _rich_to_plain(value) for name, value in values}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """Return the snapshot that `to_json` made. Unknown fields are ignored."""
        known = cls._kinds()
        return cls(**{name: known[name](value) for name, value in saved.items() if name in known})


@lru_cache(maxsize=8)
def _kinds(snapshot: Any) -> dict[str, Callable[[Any], Any]]:
    return {one.name: _rich(str(one.type)) for one in fields(snapshot)}


#: Types that JSON has natively.
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
    """One sellable unit of the store; each variant is a product of its own."""

    store_product_id: str
    store_parent_id: str
    store_stock_id: str
    sku: str
    title: str
    description: str  # HTML as saved in the store
    vendor: str
    product_type: str
    tags: tuple[str, ...]
    finish: str  # colour or finish option of this variant, "" if there is none
    price: Decimal
    currency: str
    stock: int | None  # None: the store does not count this product
    photos: tuple[str, ...]
    barcode: str
    for_sale: bool  # active in the store
    url: str  # where the seller edits it
    collections: tuple[str, ...] = ()  # names of the store's collections or categories that contain it
    attributes: Mapping[str, str] = field(default_factory=dict)  # custom fields, metafields, attributes by name
    #: Next time, aware, at which price or stock changes by a date that the store names; None if there is none. It says
    #: when to read the product again, and is not compared.
    changes_at: datetime | None = field(default=None, compare=False)
    #: When the store last changed it, aware, by the store's own clock; None if unknown or if stock changes do not
    #: count. It reveals outdated answers, and is not compared.
    dated: datetime | None = field(default=None, compare=False)

    @property
    def sellable(self) -> int:
        """Return the units that may be shown: 0 if not for sale, never negative."""
        return max(0, self.stock or 0) if self.for_sale else 0


#: The photo count is unknown: a page of listings shows only one photo.
PHOTOS_UNKNOWN = -1


@dataclass(frozen=True)
class ReverbListing(_Saved):
    """One listing on Reverb. Reverb may omit any field, so most may be None."""

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
    """One order on Reverb: some units of one listing. Items bought together share `bundle_id`.

    Money is in `currency`. Facts: Reverb docs, "Retrieve orders". Most fields may be missing.
    """

    number: str
    listing_id: str
    sku: str
    title: str
    quantity: int  # 1 if Reverb does not say
    status: str  # the raw status; unknown ones are possible
    placed_at: datetime
    updated_at: datetime
    paid_at: datetime | None = None
    bundle_id: str = ""
    currency: str = ""
    product_amount: Decimal | None = None  # for all units, without tax and shipping
    shipping: Decimal | None = None
    tax: Decimal | None = None
    total: Decimal | None = None
    fees: Decimal | None = None  # Reverb's fees, if it names them
    buyer: str = ""
    buyer_id: str = ""
    address: Mapping[str, str] | None = None  # keys of shops.orders.Address
    local_pickup: bool = False
    shipping_method: str = ""
    provider: str = ""
    tracking_number: str = ""
    web_url: str = ""
    #: False: no date was readable, so it has the time of reading.
    dated: bool = True
