"""Query a shop's orders by what needs attention, waits or is done; keyset pagination, newest sale first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict

from listings.models import Order, Parcel, StoreOrderState
from listings.orders.decide import GONE, SHIPPED
from shops.models import Shop

PAGE_SIZE = 25
SHOWN = {"": "All", "attention": "Needs you", "waiting": "Waiting", "done": "Done"}


@dataclass(frozen=True)
class Filters:
    """The reader's filters; invalid ones are left out."""

    show: str = ""
    words: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read them from a query string."""
        show = query.get("show", "")
        return cls(show if show in SHOWN else "", query.get("q", "").strip().replace("\x00", "")[:200])

    @property
    def query(self) -> str:
        """The filters as a query string that can be shared; empty if there are none."""
        return urlencode({name: value for name, value in (("show", self.show), ("q", self.words)) if value})

    def apply(self, orders: QuerySet[Order]) -> QuerySet[Order]:
        """Return the orders that match."""
        if self.words:
            found = Q(number__istartswith=self.words) | Q(sku__istartswith=self.words) | Q(title__icontains=self.words)
            orders = orders.filter(found | Q(store_order_number__iexact=self.words))
        needs, done = needs_attention(), _done()
        match self.show:
            case "attention":
                return orders.filter(needs)
            case "done":
                return orders.filter(done).exclude(needs)
            case "waiting":
                return orders.exclude(done).exclude(needs)
        return orders


def needs_attention() -> Q:
    """Return the condition for what only the seller can fix (described in listings/orders/descriptions.py)."""
    failed = Parcel.objects.filter(order=OuterRef("pk"), state=Parcel.State.WAITS)
    undone_there = Q(store_state=StoreOrderState.CREATED, store_status__in=["cancelled", "refunded"]) & ~Q(
        status__in=SHIPPED | GONE
    )
    return Q(
        Q(store_state__in=[StoreOrderState.CREATE_FAILED, StoreOrderState.CANCEL_FAILED])
        | Q(store_state=StoreOrderState.CANCELLING, store_due_at=None)
        | Q(store_state=StoreOrderState.CREATED, status="blocked")
        | undone_there
        | Exists(failed)
    )


def _done() -> Q:
    return Q(status__in=SHIPPED | GONE) & ~Q(
        store_state__in=[StoreOrderState.CREATING, StoreOrderState.CANCELLING, StoreOrderState.UNDECIDED]
    )


def attention(shop: Shop) -> int:
    """Return how many orders need the seller."""
    return Order.objects.filter(needs_attention(), shop=shop).count()


@dataclass(frozen=True)
class Page:
    """One page, newest first. `newer` and `older` are the keys of the neighbours, "" at either end."""

    orders: list[Order]
    newer: str
    older: str


def page(shop: Shop, filters: Filters, *, before: str = "", after: str = "") -> Page:
    """Return the orders older than the key `before`, or newer than the key `after`, or the newest."""
    orders = filters.apply(Order.objects.filter(shop=shop)).select_related("product").prefetch_related("parcels")
    if after and (key := _read(after)):
        newer = orders.filter(placed_at__gte=key[0]).exclude(placed_at=key[0], pk__lte=key[1])
        rows = list(newer.order_by("placed_at", "pk")[: PAGE_SIZE + 1])
        found = rows[:PAGE_SIZE][::-1]
        return Page(found, key_of(found[0]) if len(rows) > PAGE_SIZE else "", key_of(found[-1]) if found else "")
    key = _read(before)
    if key:
        orders = orders.filter(placed_at__lte=key[0]).exclude(placed_at=key[0], pk__gte=key[1])
    rows = list(orders.order_by("-placed_at", "-pk")[: PAGE_SIZE + 1])
    found = rows[:PAGE_SIZE]
    return Page(found, key_of(found[0]) if found and key else "", key_of(found[-1]) if len(rows) > PAGE_SIZE else "")


def key_of(order: Order) -> str:
    """Return an order's key in the list, for an address."""
    return f"{order.placed_at.isoformat()}_{order.pk}"


def _read(text: str) -> tuple[datetime, int] | None:
    stamp, _, number = text.rpartition("_")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    try:
        at = datetime.fromisoformat(stamp.replace(" ", "+"))
    except ValueError:
        return None
    return (at, int(number)) if at.tzinfo is not None and 1970 <= at.year <= 9000 else None
