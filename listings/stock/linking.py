"""Where a ledger begins: what both sides have when a listing is linked, and which of its orders are history by then."""

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
    """What both sides say now, and when that was by Reverb's clock (aware). `listing` None: there is none.

    `read_at`: when the listing was read. If that was a while ago its number says nothing about now. `since`: the moment
    by our clock from which on it was read; what was read of an order later may not be in its number.
    """

    store: int | None
    listing: ReverbListing | None
    now: datetime
    orders_at: datetime | None
    read_at: datetime | None = None
    since: datetime | None = None


def begin(row: Listing, product: Product, read: Read, settings: SyncSettings) -> Ledger | None:
    """Begin the ledger of a listing, None where the store does not count the product. The store leads.

    Orders that are known by now and older than the store's number are history. Of one that is not, nobody knows
    whether the number that was read holds it: so Reverb's number is not known before the next reading.
    """
    if read.store is None:
        return None
    ledger, is_new = Ledger.objects.get_or_create(listing=row, defaults=_first(row, read, read.store, settings))
    if is_new and read.listing is not None:  # else a mass sync began it just now
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
        # Where the store leads, what a listing had before says nothing: it is brought in line with the store.
        "reverb": None if settings.stock_way == StockWay.STORE else number_of(read.listing),
        "single_unit": read.listing is not None and not holds_several(read.listing),
        "set_at": read.read_at or read.now,
        "linked_at": row.post_started_at or clock.now(),
    }


def stands_since(product: Product, read: Read) -> datetime | None:
    """Return since when the store's number is what it is, by Reverb's clock; None: not known."""
    return None if product.stock_since is None else product.stock_since + (read.now - clock.now())


def _history_until(product: Product, read: Read) -> datetime:
    """Return until when the sales of a listing that is linked now are history, by Reverb's clock."""
    before = read.read_at or precedence.history_until(read.now)
    since = stands_since(product, read)
    return before if since is None else min(before, precedence.history_until(since))


# -- many at once --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InStep:
    """A product whose listing shows what it is to show, as a page of Reverb's list showed; `row` has no ledger yet."""

    row: Listing
    product: Product
    read: Read


def begin_all(found: Sequence[InStep], settings: SyncSettings) -> None:
    """Begin the ledgers of listings that were found in step: an edit by hand counts from now on.

    Else the first look would take the edited number for what was there before. Those with an order that may not be
    history are left to an attempt of their own. Call it inside a transaction.
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
    # The ledgers first, as an attempt does: two that do both never wait for each other. What one has reckoned stays so.
    Ledger.objects.bulk_create(begun, ignore_conflicts=True)
    for product, order in history:
        Order.objects.filter(pk=order.pk, reckoned="").update(product=product, counts=False, reckoned=F("status"))
