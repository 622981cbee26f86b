"""One order of Reverb as a row: what of it is saved, and the product and listing that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from listings.models import Ledger, Listing, Order, Product
from listings.orders import precedence
from listings.queue.linked_elsewhere import linked_elsewhere
from reverbsync import clock
from shops.models import Shop
from shops.snapshots import ReverbOrder

#: The column's size: a longer id is not one of ours.
LONGEST_LISTING_ID = 32
#: The column's maximum; no order has that many.
MOST_UNITS = 2_147_483_647


@dataclass(frozen=True)
class Taken:
    """An order's current row: whether it must be saved, and whether its units or product changed."""

    row: Order
    changed: bool
    moved: bool


def newest_of(snapshots: Iterable[ReverbOrder]) -> dict[str, ReverbOrder]:
    """Return the newest snapshot of each order."""
    found: dict[str, ReverbOrder] = {}
    for one in snapshots:
        number = one.number[:64]
        before = found.get(number)
        if before is None or precedence.is_newer(one, status=before.status, updated_at=before.updated_at):
            found[number] = one
    return found


def without_other_shops_orders(
    shop: Shop, newest: dict[str, ReverbOrder], known: Mapping[str, Order]
) -> dict[str, ReverbOrder]:
    """Leave out orders of listings that another shop with the same Reverb account has linked: they are its sales."""
    ids = {one.listing_id for number, one in newest.items() if number not in known} - {""}
    theirs = set(linked_elsewhere(shop.pk).filter(reverb_id__in=ids).values_list("reverb_id", flat=True)) if ids else ()
    return {number: one for number, one in newest.items() if number in known or one.listing_id not in theirs}


def see(row: Order, snapshot: ReverbOrder, listings: KnownListings, *, personal: bool) -> Taken:
    """Save the snapshot in the row unless a newer one is known, and find its product."""
    before = (row.snapshot, row.status, row.quantity, row.product_id, row.counts)
    if row.pk is None:
        row.seen_at, row.counts = clock.now(), False
    else:
        snapshot = precedence.of_known(snapshot, row)
    if row.pk is None or precedence.is_newer(snapshot, status=row.status, updated_at=row.updated_at):
        if row.pk is None or row.status != snapshot.status[:40]:
            row.status_read_at = clock.now()
        _fill(row, snapshot if personal else precedence.without_the_buyer(snapshot))
    listing, surely = listings.of_order(row)
    if listing is not None and (surely or row.product_id is None):
        row.product_id = listing.product_id
    if listing is None and row.product_id is None:
        row.product_id = listings.products.get(row.sku)  # its listing is not linked yet; the job will link it
    # Otherwise it was history when its listing was linked.
    if listing is not None and not row.counts and not row.reckoned:
        row.counts = precedence.counts(row.placed_at, listings.linked_at.get(listing.pk))
    now = (row.snapshot, row.status, row.quantity, row.product_id, row.counts)
    return Taken(row, changed=now != before, moved=row.pk is None or now[1:] != before[1:])


def _fill(row: Order, snapshot: ReverbOrder) -> None:
    row.listing_id = snapshot.listing_id if len(snapshot.listing_id) <= LONGEST_LISTING_ID else ""
    row.sku = snapshot.sku[:255]
    row.title = snapshot.title[:300]
    row.quantity = min(snapshot.quantity, MOST_UNITS)
    row.status = snapshot.status[:40]
    row.placed_at = snapshot.placed_at
    row.updated_at = snapshot.updated_at
    row.snapshot = snapshot.to_json()


@dataclass(frozen=True)
class KnownListings:
    """The listings that orders may belong to, and since when each is linked."""

    by_id: dict[str, Listing]
    by_sku: dict[str, Listing]
    linked_at: dict[int, datetime]
    #: SKU → product, for SKUs of a single product.
    products: dict[str, int]

    @classmethod
    def of(cls, shop: Shop, snapshots: Iterable[ReverbOrder]) -> KnownListings:
        """Look them up, all at once."""
        seen = list(snapshots)
        mine = Listing.objects.filter(shop=shop)
        by_id = {row.reverb_id: row for row in mine.filter(reverb_id__in={one.listing_id for one in seen} - {""})}
        by_sku = {row.sku: row for row in mine.filter(sku__in={one.sku for one in seen} - {""})}
        found = {row.pk for row in (*by_id.values(), *by_sku.values())}
        ledgers = Ledger.objects.filter(listing__in=found)
        linked_at = dict(ledgers.values_list("listing_id", "linked_at"))
        sold = Product.objects.filter(shop=shop, gone_at__isnull=True, sku__in={one.sku for one in seen} - {""})
        alone = sold.order_by().values("sku").annotate(only=Min("pk"), n=Count("pk")).filter(n=1)
        return cls(by_id, by_sku, linked_at, dict(alone.values_list("sku", "only")))

    def of_order(self, row: Order) -> tuple[Listing | None, bool]:
        """Return the listing of an order, and whether that is certain: found by its id, not only by its SKU."""
        found = self.by_id.get(row.listing_id)
        return (found, True) if found is not None else (self.by_sku.get(row.sku), False)
