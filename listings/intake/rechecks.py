"""Products that could not be read: each stays as it is, is shown to the seller, and is read again by itself.

One odd product never stops a crawl or a delivery. The seller reads why in the sync log, once, and on the import's page
for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from listings.models import Product, Recheck
from reverbsync import clock
from reverbsync.backoff import doubled_s
from reverbsync.dispatch.wake import wake
from shops.models import Shop
from shops.platforms.values import Unread
from shops.schema_text import storable_text
from synclog.models import Entry
from synclog.record import Attempt, record

RECHECK = "listings.recheck"
FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=6)
LONGEST_ID = 64


def unread(shop: Shop, rows: Iterable[Unread], *, now: datetime, trigger: str, first_import: bool = False) -> None:
    """Save the products that could not be read, each due later, and record the new ones in the sync log.

    `first_import`: they belong to the first import, which only records products. A product that is already known keeps
    its due time, so its delay keeps growing.
    """
    found = {_id(row.store_parent_id): storable_text(row.words)[:300] for row in rows}
    if not found:
        return
    mine = Recheck.objects.filter(shop=shop, store_parent_id__in=found)
    known = set(mine.values_list("store_parent_id", flat=True))
    made = [
        Recheck(
            shop=shop,
            store_parent_id=one,
            words=words,
            first_import=first_import,
            since=now,
            due_at=now + FIRST_DELAY if one else None,
        )
        for one, words in sorted(found.items())
    ]
    with transaction.atomic():
        Recheck.objects.bulk_create(
            made, update_conflicts=True, unique_fields=["shop", "store_parent_id"], update_fields=["words"]
        )
        for one in made:
            if one.store_parent_id not in known:
                _record(shop, one, now, trigger)


def was_read(shop: Shop, parent_ids: Sequence[str]) -> None:
    """Delete the rechecks of products that were read."""
    Recheck.objects.filter(shop=shop, store_parent_id__in=parent_ids).delete()


def later(row: Recheck, words: str, *, now: datetime) -> None:
    """Postpone a product that could not be read again, with the new reason unless another read has changed it."""
    wait_s = doubled_s(FIRST_DELAY.total_seconds(), row.tries, most_s=LONGEST_DELAY.total_seconds())
    mine = Recheck.objects.filter(pk=row.pk)
    mine.update(tries=F("tries") + 1, due_at=now + timedelta(seconds=wait_s))
    mine.filter(words=row.words).update(words=storable_text(words)[:300])


def store_is_away(row: Recheck, *, now: datetime, wait_s: float | None) -> None:
    """Postpone a product because the store did not respond, which says nothing about the product."""
    wait = max(FIRST_DELAY, timedelta(seconds=wait_s or 0))
    Recheck.objects.filter(pk=row.pk).update(due_at=now + wait)


def make_due(shop_id: int) -> None:
    """Make all rechecks of a shop due that have an id: its store responds again, or the seller asked."""
    due_at = clock.now()
    if Recheck.objects.filter(shop=shop_id, due_at__gt=due_at).update(due_at=due_at):
        wake(RECHECK, shop_id)


def due(shop_id: int) -> Recheck | None:
    """Return the shop's recheck that is due next; None if there is none."""
    return _due().filter(shop=shop_id).select_related("shop__store", "shop__sync_settings").order_by("due_at").first()


def shops_with_due_ones() -> list[int]:
    """Return the shops with products to read again, for the sweeper."""
    return list(_due().values_list("shop_id", flat=True).distinct())


def unread_of(shop: Shop) -> QuerySet[Recheck]:
    """Return the products of a shop that could not be read, oldest first."""
    return Recheck.objects.filter(shop=shop).order_by("since", "pk")


def unread_ids(shop: Shop) -> QuerySet[Recheck, str]:
    """Return the ids of those products, for a query."""
    return unread_of(shop).order_by().values_list("store_parent_id", flat=True)


def _due() -> QuerySet[Recheck]:
    return Recheck.objects.filter(due_at__lte=clock.now(), shop__store__removed_at__isnull=True)


def _id(store_parent_id: str) -> str:
    """Return an id as the column stores it; "" if it is invalid."""
    clean = storable_text(store_parent_id)
    return clean if clean == store_parent_id and len(clean) <= LONGEST_ID else ""


def _record(shop: Shop, row: Recheck, now: datetime, trigger: str) -> None:
    known = Product.objects.filter(shop=shop, store_parent_id=row.store_parent_id, gone_at=None).first()
    named = f"Product {row.store_parent_id}" if row.store_parent_id else "A product without an id"
    record(
        Attempt(
            shop_id=shop.pk,
            at=now,
            outcome=Entry.Outcome.SKIPPED,
            reason="not_readable",
            store_product_id=known.store_product_id if known else row.store_parent_id,
            title=known.title if known else named,
            sku=known.sku if known else "",
            product_link=known.seen.url if known else "",
            message=row.words,
            trigger=trigger,
        )
    )
