"""Create ledgers: what both sides have when a listing is linked, and which of its orders are history by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from listings.models import Ledger, Listing, Order, Product
from listings.orders import precedence
from reverbsync import clock
from shops.models import SyncSettings
from shops.models.settings import StockWay
from shops.reverb.availability import holds_several, number_of
from shops.snapshots import ReverbListing


@dataclass(frozen=True)
class Read:
    """What both sides say now, and when that was by Reverb's clock (aware). `listing` is None if there is none.

    `read_at`: when the listing was read. If that was a while ago, its number proves nothing about now. `since`: the
    moment by our clock at which that read began; the number may not contain order changes that were read later.
    """

    store: int | None
    listing: ReverbListing | None
    now: datetime
    orders_at: datetime | None
    read_at: datetime | None = None
    since: datetime | None = None


def begin(row: Listing, product: Product, read: Read, settings: SyncSettings) -> Ledger | None:
    """Create the ledger of a listing, None if the store does not count the product. The store leads.

    Known orders that are older than the store's number are history. For a newer order it is unknown whether the number
    contains it, so Reverb's number counts as unknown until the next read.
    """
    if read.store is None:
        return None
    ledger, is_new = Ledger.objects.get_or_create(listing=row, defaults=_first(row, read, read.store, settings))
    if is_new and read.listing is not None:  # otherwise a mass sync has just created it
        before = _history_until(product, read)
        known = Order.objects.filter(shop=row.shop_id, listing_id=read.listing.id)
        known.filter(placed_at__lte=before).update(product=product, counts=False, reckoned=F("status"))
        counts = known.filter(placed_at__gt=before, reckoned="").update(product=product, counts=True)
        if counts and ledger.reverb is not None:
            ledger.reverb, ledger.before = None, [ledger.reverb]
            ledger.save(update_fields=["reverb", "before"])
    return ledger


def _first(row: Listing, read: Read, store: int, settings: SyncSettings) -> dict[str, object]:
    return {
        "units": store,
        "store": store,
        # Where the store leads, the listing's earlier number is irrelevant: it is brought in line with the store.
        "reverb": None if settings.stock_way == StockWay.STORE else number_of(read.listing),
        "single_unit": read.listing is not None and not holds_several(read.listing),
        "set_at": read.read_at or read.now,
        "linked_at": row.post_started_at or clock.now(),
    }


def stands_since(product: Product, read: Read) -> datetime | None:
    """Return when the store's number became what it is, by Reverb's clock; None if unknown."""
    return None if product.stock_since is None else product.stock_since + (read.now - clock.now())


def _history_until(product: Product, read: Read) -> datetime:
    """Return until when sales of a listing that is linked now are history, by Reverb's clock."""
    before = read.read_at or precedence.history_until(read.now)
    since = stands_since(product, read)
    return before if since is None else min(before, precedence.history_until(since))


# -- in bulk --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InSync:
    """A product whose listing shows the right number on a page of Reverb's list; `row` has no ledger yet."""

    row: Listing
    product: Product
    read: Read


def begin_all(found: Sequence[InSync], settings: SyncSettings) -> None:
    """Create the ledgers of listings that were found in sync, so that an edit by hand counts from now on.

    Otherwise the first attempt would mistake the edited number for the original one. Listings with an order that may
    not be history are left to their own attempts. Call it inside a transaction.
    """
    orders: dict[str, list[Order]] = {}
    shops = {one.row.shop_id for one in found}
    ids = {one.row.reverb_id for one in found}
    for order in Order.objects.filter(shop__in=shops, listing_id__in=ids):
        orders.setdefault(order.listing_id, []).append(order)
    begun, history = [], []
    for one in found:
        mine, before = orders.get(one.row.reverb_id, []), _history_until(one.product, one.read)
        if one.read.store is None or any(order.placed_at > before for order in mine):
            continue
        begun.append(Ledger(listing=one.row, **_first(one.row, one.read, one.read.store, settings)))
        history += [(one.product, order) for order in mine]
    # Lock ledgers first, as attempts do, to avoid deadlocks. Orders that were reconciled meanwhile stay as they are.
    Ledger.objects.bulk_create(begun, ignore_conflicts=True)
    for product, order in history:
        Order.objects.filter(pk=order.pk, reckoned="").update(product=product, counts=False, reckoned=F("status"))
