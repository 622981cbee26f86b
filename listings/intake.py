"""Events of a store → newer pictures of its products → jobs. The store is asked; an event is only a hint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q

from listings import jobs, selection
from listings.models import Ledger, Product, Rank
from listings.stock import merge
from listings.stock.ledger import limits
from reverbsync import clock
from shops import make
from shops.events import AppRemoved, Event, OrderChanged, ProductChanged, ProductDeleted, StockChanged
from shops.models import Shop, SyncSettings
from shops.pictures import StoreProduct
from shops.platforms import StoreClient, client_of
from shops.platforms.values import StoreError

#: A reading during which we changed the stock ourselves says nothing; it is taken again.
MAX_READINGS = 3
#: What the store tells within this time after we changed its stock, and is what we know, is our own echo.
ECHO = timedelta(minutes=2)
#: So long after a date that a store names a product is read: the store's clock may trail ours.
CLOCKS_DIFFER = timedelta(seconds=15)


def take(shop: Shop, events: Mapping[Event, str]) -> dict[Event, StoreError]:
    """Bring the shop's products up to date with what the events hint at; each product is asked for once.

    `events` tells for each what it came from, for the log.

    Returns the events that could not be followed because the store did not answer; trying them again loses nothing.
    """
    failed: dict[Event, StoreError] = {}
    client = client_of(shop.store)
    done: dict[str, StoreError | None] = {}
    for event, cause in events.items():
        try:
            for parent_id in _parents(shop, client, event):
                if parent_id not in done:
                    done[parent_id] = _try(shop, parent_id, client, cause)
                if error := done[parent_id]:
                    raise error
        except StoreError as error:
            failed[event] = error
    return failed


def _try(shop: Shop, parent_id: str, client: StoreClient, cause: str) -> StoreError | None:
    try:
        refresh(shop, parent_id, client, cause=cause)
    except StoreError as error:
        return error
    return None


def refresh(shop: Shop, parent_id: str, client: StoreClient, *, cause: str) -> None:
    """Ask the store for a product with all its variants, keep the newer picture, and open jobs for what changed."""
    for _ in range(MAX_READINGS):
        asked_at = clock.now()
        pictures = client.products(parent_id)
        with transaction.atomic():
            kept = keep(shop, pictures, parent_ids=[parent_id], asked_at=asked_at, cause=cause, told_of=True)
        if not kept.late:
            return


@dataclass(frozen=True)
class Kept:
    """What a reading brought: how many units it showed, and how many of them are new or changed.

    `late`: something newer is known of one of them, from a reading or a change of ours that came meanwhile.
    """

    seen: int
    news: int
    gone: int
    late: bool = False


def keep(
    shop: Shop,
    pictures: Sequence[StoreProduct],
    *,
    parent_ids: Sequence[str],
    asked_at: datetime,
    cause: str,
    told_of: bool = False,
    hold: bool = False,
    lowest: Rank = Rank.EDIT,
) -> Kept:
    """Save what was read of products unless something newer is known, and open jobs for what is news.

    `pictures` hold all units of the products `parent_ids`: a known unit of these that is not among them is gone. Other
    pictures may be parts of products, and say nothing about the rest of them. `told_of`: an
    event said that something changed, so where nothing is news all are looked at. `hold`: new products are only
    learnt, until the store tells of a change or the seller begins. Call it inside a transaction.
    """
    # One intake of a shop at a time: no product is made twice.
    Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
    ids = [picture.store_product_id for picture in pictures]
    same = Q(store_parent_id__in=parent_ids) | Q(store_product_id__in=ids)
    known = {p.store_product_id: p for p in Product.objects.filter(same, shop=shop)}
    skus = {p.sku for p in known.values() if p.sku and p.gone_at is None}
    cut = partial(_cut, shop.sync_settings)
    seen = [_see(shop, one, known.pop(one.store_product_id, None), asked_at, cut, hold=hold) for one in pictures]
    gone = [_gone(product, asked_at) for product in known.values() if product.store_parent_id in parent_ids]
    if told_of:
        held = [one.product for one in seen if one.product.held and one.product.pk]
        echoes = _echoes(held) if held else set()  # what we changed ourselves was looked at for its stock alone
        released = [product for product in held if product.pk not in echoes]
        Product.objects.filter(pk__in=[product.pk for product in released]).update(held=False)
        for product in released:
            product.held = False
    _save([one for one in seen + gone if one.read])
    _open_jobs(shop, [one for one in seen + gone if not one.product.held], cause, told_of=told_of, lowest=lowest)
    _look_at_namesakes(shop, skus - {one.product.sku for one in seen}, cause)
    news = sum(one.news for one in seen)
    return Kept(len(seen), news, sum(one.news for one in gone), late=not all(one.read for one in seen))


def changed_while_off(shop: Shop) -> list[Product]:
    """Return the chosen products of which there is a newer picture than the sync has looked at."""
    newer = Q(looked_at__isnull=True) | Q(read_at__gt=F("looked_at"))
    found = Product.objects.filter(newer, shop=shop, held=False, job__isnull=True)
    return selection.chosen(shop, found)


def without_listing(shop: Shop) -> list[Product]:
    """Return the chosen products that have units to show and no listing: they may have been held back until now."""
    settings = shop.sync_settings
    if not settings.create_listings:
        return []
    bare = Q(listing__isnull=True) | Q(listing__reverb_id="")
    found = Product.objects.filter(bare, shop=shop, held=False, gone_at__isnull=True, job__isnull=True, waits_for="")
    rows = found.iterator(chunk_size=500)
    return selection.chosen(shop, (one for one in rows if merge.shown(one.seen.stock or 0, **limits(one, settings))))


@dataclass(frozen=True)
class _Seen:
    """A product with its picture of now: whether it was read, whether that is news, and how urgent.

    `moved`: only the date changed at which it is to be read again.
    """

    product: Product
    news: bool
    rank: Rank = Rank.EDIT
    read: bool = True
    moved: bool = False


def _parents(shop: Shop, client: StoreClient, event: Event) -> list[str]:
    """Return the ids of the products to ask for. An event about the app itself names none."""
    match event:
        case ProductChanged(parent_id) | ProductDeleted(parent_id):
            return [parent_id]
        case StockChanged(stock_id):
            known = Product.objects.filter(shop=shop, store_stock_id=stock_id).first()
            parent = known.store_parent_id if known else client.parent_of_stock(stock_id)
            return [parent] if parent else []
        case OrderChanged(order_id):
            return client.order_products(order_id)
        case AppRemoved():
            make.store_removed(shop)
    return []


def _cut(settings: SyncSettings, product: Product, picture: StoreProduct) -> int:
    """Return the units that Reverb is to show of a picture."""
    return merge.shown(picture.sellable, **limits(product, settings))


def _see(
    shop: Shop,
    picture: StoreProduct,
    known: Product | None,
    asked_at: datetime,
    cut: Callable[[Product, StoreProduct], int],
    *,
    hold: bool,
) -> _Seen:
    """Take over the picture unless a newer one is known."""
    if known is not None and known.read_at > asked_at:
        return _Seen(known, news=False, read=False)
    before = known.seen if known is not None and known.gone_at is None else None
    product = known or Product(shop=shop, store_product_id=picture.store_product_id, held=hold)
    if known is not None and before is not None and before != picture:
        product.held = False
    if known is None or known.seen.stock != picture.stock:
        product.stock_since = asked_at
    product.store_parent_id = picture.store_parent_id
    product.store_stock_id = picture.store_stock_id
    product.sku = picture.sku[:255]
    product.title = picture.title[:600]
    product.picture = picture.kept()
    product.read_at = asked_at
    product.gone_at = None
    dated = product.next_change_at
    product.next_change_at = _next_change(picture, asked_at)
    rank = Rank.EDIT
    if before is not None and before.sellable != picture.sellable:
        rank = Rank.STOCK if cut(product, picture) else Rank.STOCK_TO_ZERO
    return _Seen(product, news=before != picture, rank=rank, moved=dated != product.next_change_at)


def _next_change(picture: StoreProduct, asked_at: datetime) -> datetime | None:
    """Return when the product is to be read again for a date of its own, None for a date that is no more to come."""
    at = picture.changes_at
    return at + CLOCKS_DIFFER if at is not None and at > asked_at else None


def _gone(product: Product, asked_at: datetime) -> _Seen:
    if product.read_at > asked_at:
        return _Seen(product, news=False, read=False)
    news = product.gone_at is None
    product.gone_at = product.gone_at or asked_at
    product.read_at = asked_at
    product.next_change_at = None
    return _Seen(product, news=news, rank=Rank.STOCK_TO_ZERO)


_FIELDS = [
    "store_parent_id",
    "store_stock_id",
    "sku",
    "title",
    "picture",
    "read_at",
    "stock_since",
    "gone_at",
    "next_change_at",
    "held",
]


def _save(seen: list[_Seen]) -> None:
    new = [one.product for one in seen if one.product.pk is None]
    news = [one.product for one in seen if one.product.pk is not None and (one.news or one.moved)]
    same = [one.product for one in seen if one.product.pk is not None and not (one.news or one.moved)]
    Product.objects.bulk_create(new)
    Product.objects.bulk_update(news, _FIELDS, batch_size=200)
    if same:
        Product.objects.filter(pk__in=[product.pk for product in same]).update(read_at=same[0].read_at)


def _open_jobs(shop: Shop, seen: list[_Seen], cause: str, *, told_of: bool, lowest: Rank) -> None:
    """Open jobs for what is news. Where nothing is, and we were told of a change, look at all of them."""
    if not shop.sync_settings.auto_sync:
        return
    news = [one for one in seen if one.news]
    if not news and told_of:
        echoes = _echoes([one.product for one in seen])
        news = [one for one in seen if one.product.gone_at is None and one.product.pk not in echoes]
    ranks = {one.product.pk: lowest if one.rank == Rank.EDIT else one.rank for one in news}
    chosen = selection.chosen(shop, [one.product for one in news])
    for rank in sorted(set(ranks.values())):
        wanted = [product for product in chosen if ranks[product.pk] == rank]
        jobs.look_again(wanted, rank=rank, cause=cause, now=clock.now())


def _look_at_namesakes(shop: Shop, freed: set[str], cause: str) -> None:
    """Look at the products that shared a SKU with one that is gone or has another SKU now: it may be theirs alone."""
    if freed and shop.sync_settings.auto_sync:
        found = Product.objects.filter(shop=shop, sku__in=freed, gone_at__isnull=True, held=False)
        jobs.look_again(selection.chosen(shop, found), rank=Rank.EDIT, cause=cause, now=clock.now())


def _echoes(products: list[Product]) -> set[int]:
    """Return those whose stock we changed just now: the store tells us what we told it."""
    wrote = Ledger.objects.filter(listing__product__in=products, wrote_store_at__gt=clock.now() - ECHO)
    return set(wrote.values_list("listing__product_id", flat=True))
