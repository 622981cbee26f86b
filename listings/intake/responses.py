"""Save what a store's response says of products, and open jobs for what is news."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Q

from listings.intake import observe, rechecks, same_id, same_sku, sanitize, saving, stale_answers
from listings.intake.saving import Seen
from listings.mapping import selection
from listings.models import Ledger, Product, Rank
from listings.queue import jobs
from reverbsync import clock
from shops.events import Event, OrderChanged, ProductDeleted, StockChanged
from shops.models import Shop
from shops.platforms import platform_of
from shops.platforms.values import Unread
from shops.snapshots import StoreProduct

#: Webhooks about units. Edits of other fields come by the thousand; the regular polls for changes find them.
OF_STOCK = StockChanged | ProductDeleted | OrderChanged
#: A store's report within this time after we changed its stock is our own echo if it shows nothing new.
ECHO = timedelta(minutes=2)


@dataclass(frozen=True)
class Kept:
    """The result of a read: how many units it showed, how many are new or changed, and which were left out.

    `changed`: a known product changed. `late`: something newer is known about a unit that the read showed or no longer
    showed, so that unit was not accepted.
    """

    seen: int
    news: int
    gone: int
    late: bool = False
    changed: bool = False
    unread: tuple[Unread, ...] = ()

    @classmethod
    def of(cls, seen: list[Seen], gone: list[Seen], saved: list[Seen], unread: list[Unread]) -> Kept:
        """Return the result for what the response showed and no longer showed, what was saved and what was not."""
        return cls(
            len(seen),
            sum(one.news for one in saved if one.product.gone_at is None),
            sum(one.news for one in saved if one.product.gone_at is not None),
            late=not all(one.read for one in seen + gone),
            changed=any(one.news and not one.new for one in saved),
            unread=tuple(unread),
        )


def keep(
    shop: Shop,
    snapshots: Sequence[StoreProduct],
    *,
    parent_ids: Sequence[str],
    requested_at: datetime,
    trigger: str,
    reported: bool = False,
    first_import: bool = False,
    lowest: Rank = Rank.EDIT,
    event: Event | None = None,
) -> Kept:
    """Save what was read unless something newer is known, and open jobs for what is news.

    `parent_ids` are the products whose units are all in `snapshots`: a known unit of theirs that is missing there is
    gone. `reported`: an event reported a change, so all of them get jobs if nothing is news. `first_import`: new
    products are only recorded, until the store reports a change or the seller starts the sync. `event`: what the store
    itself just reported. A stale response may hide it; if it is about stock, they are read again (stale_answers).

    What cannot be saved is left out by itself, and read again later (rechecks). Call it inside a transaction.
    """
    Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)  # so that no product is created twice
    own, taken = same_id.apart(shop, snapshots)
    fitted, unread = sanitize.sanitized(own)
    whole = set(parent_ids) - _parents_of(unread)  # the products whose units are now all known
    skus, seen, gone = _compared(
        shop, fitted, parent_ids, whole, requested_at=requested_at, event=event, first_import=first_import
    )
    if reported:
        _release([one.product for one in seen if one.product.pending_first_sync and one.product.pk])
    saved, refused = saving.save([one for one in seen + gone if one.read])
    unread += refused + taken  # a product whose id belongs to another one is whole all the same
    through = [one for one in seen + gone if not one.read] + saved
    _open_jobs(shop, through, trigger, reported=reported, lowest=lowest)
    same_sku.freed(shop, skus - {one.product.sku for one in through if one.product.gone_at is None}, trigger)
    if event is not None and not (through or isinstance(event, ProductDeleted)):
        stale_answers.look_later(shop.pk, requested_at)
    rechecks.unread(shop, unread, now=requested_at, trigger=trigger, first_import=first_import)
    rechecks.was_read(shop, sorted({*parent_ids, *(one.store_parent_id for one in fitted)} - _parents_of(unread)))
    return Kept.of(seen, gone, saved, unread)


def _compared(
    shop: Shop,
    snapshots: Sequence[StoreProduct],
    parent_ids: Sequence[str],
    whole: set[str],
    *,
    requested_at: datetime,
    event: Event | None,
    first_import: bool,
) -> tuple[set[str], list[Seen], list[Seen]]:
    """Return the SKUs that were known, the products that the response shows, and those that it no longer shows."""
    ids = [snapshot.store_product_id for snapshot in snapshots]
    same = Q(store_parent_id__in=parent_ids) | Q(store_product_id__in=ids)
    known = {one.store_product_id: one for one in Product.objects.filter(same, shop=shop)}
    skus = {one.sku for one in known.values() if one.sku and one.gone_at is None}
    push_only = platform_of(shop.store).push_only  # the store sends its data itself, so none of it is stale
    reported_at = requested_at if isinstance(event, OF_STOCK) and not push_only else None
    see = partial(observe.observe, shop, requested_at=requested_at, reported_at=reported_at, first_import=first_import)
    seen = [see(one, known.pop(one.store_product_id, None)) for one in snapshots]
    missing = [one for one in known.values() if one.store_parent_id in whole]
    sure = isinstance(event, ProductDeleted) or push_only
    return skus, seen, [observe.disappear(one, requested_at, reported_at, sure=sure) for one in missing]


def _parents_of(unread: Iterable[Unread]) -> set[str]:
    return {one.store_parent_id for one in unread}


def _release(pending: list[Product]) -> None:
    """Start the sync of products that were only recorded: the store reported a change of them."""
    echoes = _echoes(pending) if pending else set()  # an echo of our own stock change reports nothing about the product
    released = [product for product in pending if product.pk not in echoes]
    Product.objects.filter(pk__in=[product.pk for product in released]).update(pending_first_sync=False)
    for product in released:
        product.pending_first_sync = False


def _open_jobs(shop: Shop, seen: list[Seen], trigger: str, *, reported: bool, lowest: Rank) -> None:
    """Open jobs for what is news. If nothing is, and a change was reported, open jobs for all of them."""
    if not shop.sync_settings.auto_sync:
        return
    seen = [one for one in seen if not one.product.pending_first_sync]
    news = [one for one in seen if one.news]
    if not news and reported:
        echoes = _echoes([one.product for one in seen])
        news = [one for one in seen if one.product.gone_at is None and one.product.pk not in echoes]
    ranks = {one.product.pk: lowest if one.rank == Rank.EDIT else one.rank for one in news}
    chosen = selection.chosen(shop, [one.product for one in news])
    for rank in sorted(set(ranks.values())):
        wanted = [product for product in chosen if ranks[product.pk] == rank]
        jobs.look_again(wanted, rank=rank, trigger=trigger, now=clock.now())


def _echoes(products: list[Product]) -> set[int]:
    """Return the ids of the products whose stock we just changed: the store reports our own write."""
    wrote = Ledger.objects.filter(listing__product__in=products, wrote_store_at__gt=clock.now() - ECHO)
    return set(wrote.values_list("listing__product_id", flat=True))
