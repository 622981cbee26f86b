"""Events of a store → newer pictures of its products → jobs. The store is asked; an event is only a hint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from listings import jobs
from listings.models import Product, Rank
from reverbsync import clock
from shops.events import AppRemoved, Event, ProductChanged, ProductDeleted, StockChanged
from shops.models import Shop
from shops.pictures import StoreProduct
from shops.platforms import StoreClient, client_of
from shops.platforms.base import StoreError


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
    asked_at = clock.now()
    pictures = client.products(parent_id)
    with transaction.atomic():
        # One intake of a shop at a time: no product is made twice.
        Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
        known = {p.store_product_id: p for p in Product.objects.filter(shop=shop, store_parent_id=parent_id)}
        seen = [_keep(shop, picture, known.pop(picture.store_product_id, None), asked_at) for picture in pictures]
        seen += [_gone(product, asked_at) for product in known.values()]
        _open_jobs(shop, seen, cause)


def changed_while_off(shop: Shop) -> list[Product]:
    """Return the products of which there is a newer picture than the sync has looked at."""
    newer = Q(looked_at__isnull=True) | Q(read_at__gt=F("looked_at"))
    return list(Product.objects.filter(newer, shop=shop, job__isnull=True))


@dataclass(frozen=True)
class _Seen:
    """A product with its picture of now: whether it is news, and how urgent."""

    product: Product
    news: bool
    rank: Rank = Rank.EDIT


def _parents(shop: Shop, client: StoreClient, event: Event) -> list[str]:
    """Return the ids of the products to ask for. An event about the app itself names none."""
    match event:
        case ProductChanged(parent_id) | ProductDeleted(parent_id):
            return [parent_id]
        case StockChanged(stock_id):
            known = Product.objects.filter(shop=shop, store_stock_id=stock_id).first()
            parent = known.store_parent_id if known else client.parent_of_stock(stock_id)
            return [parent] if parent else []
        case AppRemoved():
            _app_removed(shop)
            return []


def _keep(shop: Shop, picture: StoreProduct, known: Product | None, asked_at: datetime) -> _Seen:
    """Save the picture unless a newer one is known."""
    if known is not None and known.read_at > asked_at:
        return _Seen(known, news=False)
    before = known.seen if known is not None and known.gone_at is None else None
    product = known or Product(shop=shop, store_product_id=picture.store_product_id)
    product.store_parent_id = picture.store_parent_id
    product.store_stock_id = picture.store_stock_id
    product.sku = picture.sku[:255]
    product.title = picture.title[:600]
    product.picture = picture.kept()
    product.read_at = asked_at
    product.gone_at = None
    product.save()
    return _Seen(product, news=before != picture, rank=_rank(before, picture))


def _rank(before: StoreProduct | None, now: StoreProduct) -> Rank:
    if before is None or before.sellable == now.sellable:
        return Rank.EDIT
    return Rank.STOCK if now.sellable else Rank.STOCK_TO_ZERO


def _gone(product: Product, asked_at: datetime) -> _Seen:
    if product.read_at > asked_at or product.gone_at is not None:
        return _Seen(product, news=False)
    product.gone_at = product.read_at = asked_at
    product.save(update_fields=["gone_at", "read_at"])
    return _Seen(product, news=True, rank=Rank.STOCK_TO_ZERO)


def _open_jobs(shop: Shop, seen: list[_Seen], cause: str) -> None:
    """Open jobs for what is news. Where nothing is, look at all of them: the event said that something changed."""
    if not shop.sync_settings.auto_sync:
        return
    now = clock.now()
    present = [one for one in seen if one.product.gone_at is None]
    for one in [one for one in seen if one.news] or present:
        jobs.look_again([one.product], rank=one.rank, cause=cause, now=now)


def _app_removed(shop: Shop) -> None:
    """The token is dead: forget it, and say so on the shop's page. Products and listings stay as they are."""
    shop.store.token = ""
    shop.store.removed_at = clock.now()
    shop.store.save(update_fields=["token", "removed_at"])
