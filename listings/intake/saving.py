"""Save products: all at once, or one by one if one of them is rejected."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction

from listings.models import Product, Rank
from reverbsync.outage import is_outage
from reverbsync.security.redaction import whereabouts
from shops.platforms.values import Unread

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """A product with its current snapshot: whether it was read, is news or is new, and how urgent that is.

    `moved`: only the time of its next read changed.
    """

    product: Product
    news: bool
    rank: Rank = Rank.EDIT
    read: bool = True
    moved: bool = False
    new: bool = False


def save(seen: list[Seen]) -> tuple[list[Seen], list[Unread]]:
    """Save products; return those saved, and those that the database rejected. Call it in a transaction."""
    try:
        with transaction.atomic():
            _save(seen)
    except Exception as error:
        if is_outage(error):
            raise
        return _one_by_one(seen)
    return seen, []


def _one_by_one(seen: list[Seen]) -> tuple[list[Seen], list[Unread]]:
    saved, refused = [], []
    for one in seen:
        try:
            with transaction.atomic():
                _save([one])
        except Exception as error:
            if is_outage(error):
                raise
            logger.warning("A product of shop %s could not be saved: %s", one.product.shop_id, whereabouts(error))
            refused.append(Unread(one.product.store_parent_id, "What the store says of it could not be saved."))
        else:
            saved.append(one)
    return saved, refused


_FIELDS = [
    "store_parent_id",
    "store_stock_id",
    "sku",
    "title",
    "snapshot",
    "read_at",
    "news_at",
    "stock_since",
    "reported_at",
    "gone_at",
    "next_change_at",
    "pending_first_sync",
]


def _save(seen: list[Seen]) -> None:
    new = [one.product for one in seen if one.product.pk is None]
    news = [one.product for one in seen if one.product.pk is not None and (one.news or one.moved)]
    same = [one.product for one in seen if one.product.pk is not None and not (one.news or one.moved)]
    try:
        Product.objects.bulk_create(new)
        Product.objects.bulk_update(news, _FIELDS, batch_size=200)
    except Exception:
        for product in new:  # undo the ids they were given, since the transaction was rolled back
            product.pk, product._state.adding = None, True
        raise
    if same:
        Product.objects.filter(pk__in=[product.pk for product in same]).update(read_at=same[0].read_at)
