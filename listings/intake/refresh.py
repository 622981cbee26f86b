"""Turn a store's events into newer product snapshots and jobs. An event is only a hint: the product is read.

Each event, product and row is isolated: if one of them raises, the others continue.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q

from listings.intake import fitting, rechecks, same_id, same_sku, saving, stale_answers
from listings.intake.saving import Seen
from listings.mapping import selection
from listings.models import Ledger, Product, Rank
from listings.queue import jobs
from listings.stock.agreed import shown
from listings.stock.ledger import limits
from reverbsync import clock
from reverbsync.database import EVERYTHING, Span
from reverbsync.outage import NotReached, attempt
from shops import lifecycle
from shops.events import AppRemoved, Event, OrderChanged, ProductChanged, ProductDeleted, StockChanged
from shops.models import Shop, SyncSettings
from shops.platforms import StoreClient, client_of, platform_of
from shops.platforms.values import Malformed, StoreAuthError, TooLarge, TransientStoreError, Unread
from shops.snapshots import StoreProduct

logger = logging.getLogger(__name__)

#: Webhooks about units. Edits of other fields come by the thousand; the regular polls for changes find them.
_OF_STOCK = StockChanged | ProductDeleted | OrderChanged
#: A read during which we changed the stock ourselves proves nothing; it is repeated up to this often.
MAX_READINGS = 3
#: Seconds until the retry of a read that was overtaken that often.
LATE_AGAIN_S = 2.0
#: Products with the same SKU as one in an event that are read with it, at most.
MOST_NAMESAKES = 20
#: A store's report within this time after we changed its stock is our own echo if it shows nothing new.
ECHO = timedelta(minutes=2)
#: How long after a date that a store names a product is read: the store's clock may be behind ours.
CLOCKS_DIFFER = timedelta(seconds=15)
#: Later dates are left to the nightly crawl; nothing can be added to the last date of a calendar.
FORESEEN = timedelta(days=366)


def take(
    shop: Shop, events: Mapping[Event, str], *, over: float = math.inf, at_least: Collection[Event] = ()
) -> dict[Event, Exception]:
    """Bring the shop's products up to date with what the events hint at; each product is read once.

    `events` maps each to its trigger, for the log; `over` is the end of the slice, by clock.monotonic(). Events in
    `at_least` are followed regardless of `over`, so that each slice makes progress.

    Returns the events that could not be followed, each with its error: a StoreError if the store did not respond,
    NotReached if the slice was over, else the exception. Retrying them is safe. Raises only what ends the slice
    (reverbsync.outage).
    """
    failed: dict[Event, Exception] = {}
    client = client_of(shop.store)
    done: dict[str, Exception | None] = {}
    for event, trigger in sorted(events.items(), key=lambda one: not isinstance(one[0], _OF_STOCK)):
        late = NotReached() if clock.monotonic() > over and event not in at_least else None
        if error := late or attempt(partial(_follow, shop, client, event, trigger, done)):
            failed[event] = error
    return failed


def _follow(shop: Shop, client: StoreClient, event: Event, trigger: str, done: dict[str, Exception | None]) -> None:
    for parent_id in _parents(shop, client, event):
        _once(done, parent_id, partial(refresh, shop, parent_id, client, trigger=trigger, event=event))
        skus = Product.objects.filter(shop=shop, store_parent_id=parent_id, gone_at=None).values("sku")
        for other in same_sku.listed(shop, skus, apart_from=[parent_id])[:MOST_NAMESAKES]:
            _once(done, other, partial(refresh, shop, other, client, trigger=trigger, reported=False))


def _once(done: dict[str, Exception | None], parent_id: str, read: Callable[[], None]) -> None:
    """Read a product unless this batch has; raise the error of that read."""
    if parent_id not in done:
        done[parent_id] = attempt(read)
    if error := done[parent_id]:
        raise error


def refresh(
    shop: Shop,
    parent_id: str,
    client: StoreClient,
    *,
    trigger: str,
    reported: bool = True,
    first_import: bool = False,
    event: Event | None = None,
) -> None:
    """Read a product with all its variants, save the newer snapshot, and open jobs for what changed.

    `reported`, `first_import` and `event` are those of `keep`.

    A product that cannot be read is recorded and retried later by itself (rechecks). Raises StoreError if the store did
    not respond, and Late if its response was not accepted: then the event stays open.
    """
    for _ in range(MAX_READINGS):
        requested_at = clock.now()
        try:
            snapshots = client.products(parent_id)
        except (Malformed, TooLarge) as error:
            with transaction.atomic():
                if isinstance(error, Malformed) and error.readable:
                    keep(shop, error.readable, parent_ids=[], requested_at=requested_at, trigger=trigger)
                rechecks.unread(
                    shop, [Unread(parent_id, str(error))], now=requested_at, trigger=trigger, first_import=first_import
                )
            return
        with transaction.atomic():
            kept = keep(
                shop,
                snapshots,
                parent_ids=[parent_id],
                requested_at=requested_at,
                trigger=trigger,
                reported=reported,
                first_import=first_import,
                event=event,
            )
        if not kept.late:
            return
    raise Late("It was read by another worker, or changed by us, each time that we read it.", retry_after=LATE_AGAIN_S)


class Late(TransientStoreError):
    """The read was not accepted: something newer is known, from another read or from a change of ours meanwhile."""


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
    # One intake per shop at a time, so that no product is created twice.
    Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
    own, taken = same_id.apart(shop, snapshots)
    fitted, unread = fitting.fit(own)
    ids = [snapshot.store_product_id for snapshot in fitted]
    same = Q(store_parent_id__in=parent_ids) | Q(store_product_id__in=ids)
    known = {p.store_product_id: p for p in Product.objects.filter(same, shop=shop)}
    skus = {p.sku for p in known.values() if p.sku and p.gone_at is None}
    cut = partial(_cut, shop.sync_settings)
    push_only = platform_of(shop.store).push_only  # the store sends its data itself, so none of it is stale
    reported_at = requested_at if isinstance(event, _OF_STOCK) and not push_only else None
    see = partial(_see, shop, requested_at=requested_at, reported_at=reported_at, cut=cut, first_import=first_import)
    seen = [see(one, known.pop(one.store_product_id, None)) for one in fitted]
    whole = set(parent_ids) - _parents_of(unread)  # the products whose units are now all known
    sure = isinstance(event, ProductDeleted) or push_only
    gone = [_gone(one, requested_at, reported_at, sure=sure) for one in known.values() if one.store_parent_id in whole]
    if reported:
        _release([one.product for one in seen if one.product.pending_first_sync and one.product.pk])
    saved, refused = saving.save([one for one in seen + gone if one.read])
    unread += refused + taken  # a product whose id belongs to another one is whole all the same
    through = [one for one in seen + gone if not one.read] + saved
    _open_jobs(
        shop, [one for one in through if not one.product.pending_first_sync], trigger, reported=reported, lowest=lowest
    )
    there = {one.product.sku for one in through if one.product.gone_at is None}
    same_sku.freed(shop, skus - there, trigger)
    if event is not None and not (through or isinstance(event, ProductDeleted)):
        stale_answers.look_later(shop.pk, requested_at)
    rechecks.unread(shop, unread, now=requested_at, trigger=trigger, first_import=first_import)
    rechecks.was_read(shop, sorted({*parent_ids, *(one.store_parent_id for one in fitted)} - _parents_of(unread)))
    return Kept(
        len(seen),
        sum(one.news for one in saved if one.product.gone_at is None),
        sum(one.news for one in saved if one.product.gone_at is not None),
        late=not all(one.read for one in seen + gone),
        changed=any(one.news and not one.new for one in saved),
        unread=tuple(unread),
    )


def _parents_of(unread: Iterable[Unread]) -> set[str]:
    return {one.store_parent_id for one in unread}


def _release(pending: list[Product]) -> None:
    """Start the sync of products that were only recorded: the store reported a change of them."""
    echoes = _echoes(pending) if pending else set()  # an echo of our own stock change reports nothing about the product
    released = [product for product in pending if product.pk not in echoes]
    Product.objects.filter(pk__in=[product.pk for product in released]).update(pending_first_sync=False)
    for product in released:
        product.pending_first_sync = False


def changed_while_off(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the chosen products with news that no sync has processed."""
    newer = Q(looked_at__isnull=True) | Q(news_at__gt=F("looked_at"))
    found = Product.objects.filter(newer, shop=shop, pending_first_sync=False, job__isnull=True, **span.of("pk"))
    return selection.chosen(shop, found)


def without_listing(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the chosen products that have units to show and no listing, e.g. because a buffer held them back."""
    settings = shop.sync_settings
    if not settings.create_listings:
        return []
    bare = Q(listing__isnull=True) | Q(listing__reverb_id="")
    idle = Product.objects.filter(
        shop=shop, pending_first_sync=False, gone_at__isnull=True, job__isnull=True, waits_for=""
    )
    rows = idle.filter(bare, **span.of("pk")).iterator(chunk_size=500)
    return selection.chosen(shop, (one for one in rows if shown(one.seen.sellable, **limits(one, settings))))


def _parents(shop: Shop, client: StoreClient, event: Event) -> list[str]:
    """Return the ids of the products to read. An event about the app itself has none."""
    match event:
        case ProductChanged(parent_id) | ProductDeleted(parent_id):
            return [parent_id]
        case StockChanged(stock_id):
            counted = Product.objects.filter(shop=shop, store_stock_id=stock_id).order_by("store_parent_id")
            if known := list(counted.values_list("store_parent_id", flat=True).distinct()):
                return known
            parent = client.parent_of_stock(stock_id)
            return [parent] if parent else []
        case OrderChanged(order_id, products_reported=False):
            return client.order_products(order_id)
        case AppRemoved():
            _removed(shop, client)
    return []


def _removed(shop: Shop, client: StoreClient) -> None:
    """Delete the keys of a store that removed our app, once it rejects them. Raises StoreError while it is down.

    Such a call may arrive late, after the seller reconnected the store, or be about another store of theirs.
    """
    try:
        client.check()
    except StoreAuthError:
        lifecycle.store_removed(shop)
    else:
        logger.warning("The store of shop %s reports that our app was removed, but accepts our keys", shop.pk)


def _cut(settings: SyncSettings, product: Product, snapshot: StoreProduct) -> int:
    """Return the units that Reverb is to show for a snapshot."""
    return shown(snapshot.sellable, **limits(product, settings))


def _see(
    shop: Shop,
    snapshot: StoreProduct,
    known: Product | None,
    *,
    requested_at: datetime,
    reported_at: datetime | None,
    cut: Callable[[Product, StoreProduct], int],
    first_import: bool,
) -> Seen:
    """Save the snapshot unless a newer one is known, by the time of the read or by its own date."""
    if known is not None and known.was_read_after(requested_at):
        return Seen(known, news=False, read=False)
    was = snapshot_of(known)
    before = was if known is not None and known.gone_at is None else None
    if known is not None and stale_answers.is_old(known, before, snapshot, requested_at):
        return Seen(known, news=False, read=False)
    product = known or Product(shop=shop, store_product_id=snapshot.store_product_id, pending_first_sync=first_import)
    product.reported_at = reported_at or product.reported_at
    dated, news = product.next_change_at, before != snapshot
    more = before is not None and before.sellable < snapshot.sellable
    if known is not None and before is not None and before != snapshot:
        product.pending_first_sync = False
    if was is None or was.stock != snapshot.stock:
        product.stock_since = requested_at
    product.store_parent_id = snapshot.store_parent_id
    product.store_stock_id = snapshot.store_stock_id
    product.sku = snapshot.sku[:255]
    product.title = snapshot.title[:600]
    product.snapshot = snapshot.to_json()
    product.read_at = requested_at
    product.gone_at = None
    dates = _next_change(snapshot, requested_at), stale_answers.again_at(product, requested_at, news=news, more=more)
    product.next_change_at = min((one for one in dates if one is not None), default=None)
    rank = Rank.EDIT
    if before is not None and before.sellable != snapshot.sellable:
        rank = Rank.STOCK if cut(product, snapshot) else Rank.STOCK_TO_ZERO
    if news:
        product.news_at = requested_at
    moved = dated != product.next_change_at
    return Seen(product, news=news, rank=rank, moved=moved, new=known is None)


def snapshot_of(known: Product | None) -> StoreProduct | None:
    """Return the known snapshot of a product, None if there is none or it is unreadable: the new one replaces it."""
    try:
        return known.seen if known is not None else None
    except (ArithmeticError, TypeError, ValueError, AttributeError):
        return None


def _next_change(snapshot: StoreProduct, requested_at: datetime) -> datetime | None:
    """Return when the product is to be read again because of its own date; None if there is no future date."""
    at = snapshot.changes_at
    return at + CLOCKS_DIFFER if at is not None and requested_at < at < requested_at + FORESEEN else None


def _gone(product: Product, requested_at: datetime, reported_at: datetime | None, *, sure: bool) -> Seen:
    """Mark a product as gone. `sure`: the store itself says so; otherwise it is read again."""
    if product.was_read_after(requested_at):
        return Seen(product, news=False, read=False)
    news, dated, product.reported_at = (
        product.gone_at is None,
        product.next_change_at,
        reported_at or product.reported_at,
    )
    if news:
        product.gone_at = product.news_at = requested_at
        product.reported_at = product.reported_at if sure else requested_at
    product.read_at = requested_at
    product.next_change_at = stale_answers.again_at(product, requested_at, news=True, more=not sure)
    return Seen(product, news=news, rank=Rank.STOCK_TO_ZERO, moved=dated != product.next_change_at)


def _open_jobs(shop: Shop, seen: list[Seen], trigger: str, *, reported: bool, lowest: Rank) -> None:
    """Open jobs for what is news. If nothing is, and a change was reported, open jobs for all of them."""
    if not shop.sync_settings.auto_sync:
        return
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
