"""Events of a store → newer snapshots of its products → jobs. The store is asked; an event is only a hint.

Each event, each product and each row is contained by itself: whatever one of them raises, the others go on.
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

#: Webhooks about units. Edits of other fields come by the thousand; the regular looks for changes find them.
_OF_STOCK = StockChanged | ProductDeleted | OrderChanged
#: A reading during which we changed the stock ourselves says nothing; it is taken again.
MAX_READINGS = 3
#: Seconds until a reading is tried again that was overtaken so often.
LATE_AGAIN_S = 2.0
#: So many products with a SKU of one that an event names are read with it.
MOST_NAMESAKES = 20
#: What the store reports within this time after we changed its stock, and is what we know, is our own echo.
ECHO = timedelta(minutes=2)
#: So long after a date that a store names a product is read: the store's clock may trail ours.
CLOCKS_DIFFER = timedelta(seconds=15)
#: A date beyond is met again by the nightly crawl; the last of a calendar cannot be added to.
FORESEEN = timedelta(days=366)


def take(
    shop: Shop, events: Mapping[Event, str], *, over: float = math.inf, at_least: Collection[Event] = ()
) -> dict[Event, Exception]:
    """Bring the shop's products up to date with what the events hint at; each product is asked for once.

    `events` names for each what it came from, for the log; `over` is when the slice ends, by clock.monotonic(). Those
    in `at_least` are followed however long it takes: each slice gets on.

    Returns the events that could not be followed, each with why: a StoreError where the store did not answer,
    NotReached where the slice was over, else whatever was raised. Trying them again loses nothing. Raises only what
    ends the slice (reverbsync.outage).
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
    """Read a product unless this batch has; raise what came of it."""
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
    """Ask the store for a product with all its variants, keep the newer snapshot, and open jobs for what changed.

    `reported`, `first_import` and `event` are those of `keep`.

    A product that cannot be read is noted, and asked for again later by itself (rechecks). Raises StoreError when the
    store did not answer, and Late when its answer was not taken: then the report of a change is not worked off.
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
    """What was read was not taken: something newer is known, from a reading or a change of ours that came meanwhile."""


@dataclass(frozen=True)
class Kept:
    """What a reading brought: how many units it showed, how many of them are new or changed, and which were left out.

    `changed`: a product that was known is another one now. `late`: something newer is known of a unit that it showed,
    or did not show any more; so that one was not taken.
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

    `parent_ids` are the products of which `snapshots` are all units: a known unit of theirs that is not among them is
    gone. `reported`: an event said that something changed, so where nothing is news all are looked at. `first_import`:
    new products are only learnt, until the store reports a change or the seller begins. `event`: what the store itself
    reported just now. An old answer may hide it: where it is of stock, they are read again (old_answers).

    What cannot be kept is left out by itself, and asked for again later (rechecks). Call it inside a transaction.
    """
    # One intake of a shop at a time: no product is made twice.
    Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
    own, taken = same_id.apart(shop, snapshots)
    fitted, unread = fitting.fit(own)
    ids = [snapshot.store_product_id for snapshot in fitted]
    same = Q(store_parent_id__in=parent_ids) | Q(store_product_id__in=ids)
    known = {p.store_product_id: p for p in Product.objects.filter(same, shop=shop)}
    skus = {p.sku for p in known.values() if p.sku and p.gone_at is None}
    cut = partial(_cut, shop.sync_settings)
    push_only = platform_of(shop.store).push_only  # so nothing of it is old
    reported_at = requested_at if isinstance(event, _OF_STOCK) and not push_only else None
    see = partial(_see, shop, requested_at=requested_at, reported_at=reported_at, cut=cut, first_import=first_import)
    seen = [see(one, known.pop(one.store_product_id, None)) for one in fitted]
    whole = set(parent_ids) - _parents_of(unread)  # the products of which all units are known now
    sure = isinstance(event, ProductDeleted) or push_only
    gone = [_gone(one, requested_at, reported_at, sure=sure) for one in known.values() if one.store_parent_id in whole]
    if reported:
        _release([one.product for one in seen if one.product.pending_first_sync and one.product.pk])
    saved, refused = saving.save([one for one in seen + gone if one.read])
    unread += refused + taken  # a product whose id another one has is known whole all the same
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
    """Let products that were only learnt be brought to Reverb: the store reported a change of them."""
    echoes = _echoes(pending) if pending else set()  # what we changed ourselves was looked at for its stock alone
    released = [product for product in pending if product.pk not in echoes]
    Product.objects.filter(pk__in=[product.pk for product in released]).update(pending_first_sync=False)
    for product in released:
        product.pending_first_sync = False


def changed_while_off(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the chosen products of which there is news that the sync has not looked at."""
    newer = Q(looked_at__isnull=True) | Q(news_at__gt=F("looked_at"))
    found = Product.objects.filter(newer, shop=shop, pending_first_sync=False, job__isnull=True, **span.of("pk"))
    return selection.chosen(shop, found)


def without_listing(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the chosen products that have units to show and no listing: a buffer may have kept them back until now."""
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
    """Return the ids of the products to ask for. An event about the app itself names none."""
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
    """Forget the keys of a store that has taken our app out, once it refuses them. Raises StoreError while it is away.

    Such a call may come late, after the seller has connected the store again, or be about another store of theirs.
    """
    try:
        client.check()
    except StoreAuthError:
        lifecycle.store_removed(shop)
    else:
        logger.warning("The store of shop %s reports that our app was removed, and takes our keys", shop.pk)


def _cut(settings: SyncSettings, product: Product, snapshot: StoreProduct) -> int:
    """Return the units that Reverb is to show of a snapshot."""
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
    """Take over the snapshot unless a newer one is known, by when it was read or by its own date."""
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
    """Return the known snapshot of a product, None where there is none that can be read: the new one replaces it."""
    try:
        return known.seen if known is not None else None
    except (ArithmeticError, TypeError, ValueError, AttributeError):
        return None


def _next_change(snapshot: StoreProduct, requested_at: datetime) -> datetime | None:
    """Return when the product is to be read again for a date of its own, None for a date that is no more to come."""
    at = snapshot.changes_at
    return at + CLOCKS_DIFFER if at is not None and requested_at < at < requested_at + FORESEEN else None


def _gone(product: Product, requested_at: datetime, reported_at: datetime | None, *, sure: bool) -> Seen:
    """Take a product for gone. `sure`: the store itself says that it is; else it is asked for again."""
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
    """Open jobs for what is news. Where nothing is, and a change was reported, look at all of them."""
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
    """Return those whose stock we changed just now: the store reports our own write."""
    wrote = Ledger.objects.filter(listing__product__in=products, wrote_store_at__gt=clock.now() - ECHO)
    return set(wrote.values_list("listing__product_id", flat=True))
