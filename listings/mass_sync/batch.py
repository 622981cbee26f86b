"""What Reverb's index and our own tables hold about a batch of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from listings.mass_sync import bulk_rows
from listings.models import Indexed, Listing, MassSync, Product
from listings.queue.linked_elsewhere import linked_elsewhere
from listings.stock import linking, targets
from listings.stock.linking import Read
from listings.sync.cases import ShopRules
from reverbsync import clock
from shops.snapshots import ReverbListing


@dataclass(frozen=True)
class Batch:
    """What the index and our own tables hold about some products, and what is to be saved."""

    chosen: Set[int]
    own: Mapping[int, Listing]
    by_id: Mapping[str, Indexed]
    by_sku: Mapping[str, list[Indexed]]
    owner: Mapping[str, int]
    #: Listings that belong to another shop with the same account.
    theirs: Set[str]
    twice: frozenset[str]
    #: How far Reverb's clock is ahead of ours.
    ahead: timedelta
    noted: list[bulk_rows.Noted] = field(default_factory=list)
    #: Products in sync that have no ledger yet.
    in_sync: list[linking.InSync] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        sync: MassSync,
        rules: ShopRules,
        products: Sequence[Product],
        known: Mapping[int, Listing],
        ahead: timedelta,
    ) -> Batch:
        """Read what concerns these products. `known`: the rows that they have, by the product's key."""
        skus = {one.sku for one in products} - {""}
        shown = list(_shown(sync, skus, {row.reverb_id for row in known.values()} - {""}))
        by_sku: dict[str, list[Indexed]] = {}
        for row in shown:
            by_sku.setdefault(row.sku, []).append(row)
        by_id = {row.reverb_id: row for row in shown}
        linked = Listing.objects.filter(shop=sync.shop_id, reverb_id__in=by_id)
        owner = dict(linked.values_list("reverb_id", "product_id"))
        others = linked_elsewhere(sync.shop_id).filter(reverb_id__in=by_id)
        theirs = set(others.values_list("reverb_id", flat=True))
        chosen = {one.pk for one in products if rules.is_chosen(one)}
        twice = frozenset(_twice(sync, skus))
        going = [one for one in products if one.pk in chosen and one.sku not in twice]
        own = bulk_rows.completed(known, going)
        return cls(chosen, own, by_id, by_sku, owner, theirs, twice, ahead)

    def read(self, product: Product, listing: ReverbListing, read_at: datetime) -> Read:
        """Return what both sides said; `read_at` is by our clock."""
        store, now = targets.store_number(product), clock.now() + self.ahead
        return Read(store, listing, now, orders_at=None, read_at=read_at + self.ahead)


def _shown(sync: MassSync, skus: Set[str], reverb_ids: Set[str]) -> QuerySet[Indexed]:
    return Indexed.objects.filter(Q(sku__in=skus) | Q(reverb_id__in=reverb_ids), sync=sync)


def _twice(sync: MassSync, skus: Set[str]) -> QuerySet[Product, str]:
    """Return the SKUs that more than one product has."""
    same = Product.objects.filter(shop=sync.shop_id, sku__in=skus, gone_at__isnull=True)
    return same.values("sku").annotate(n=Count("pk")).filter(n__gt=1).values_list("sku", flat=True)
