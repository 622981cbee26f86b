"""Read one page of a crawl, or one product that no page showed."""

from __future__ import annotations

from django.db import transaction

from listings.intake import batches, rechecks, refresh, responses, same_sku
from listings.intake.crawl_progress import count, finish, go_on, is_first, save
from listings.intake.crawls import Kind
from listings.models import Crawl, Product, Rank
from reverbsync import clock
from shops import health
from shops.platforms import StoreClient
from shops.platforms.errors import StoreError
from shops.platforms.values import Page, Unread


def page(crawl: Crawl, client: StoreClient) -> None:
    """Read the next page and save it with the cursor of the one after. Raises StoreError."""
    requested_at = clock.now()
    found = batches.read(crawl, client)
    first = is_first(crawl)
    if crawl.kind == Kind.CHANGES:
        _read_namesakes(crawl, client, found)
    with transaction.atomic():
        kept = responses.keep(
            crawl.shop,
            found.products,
            parent_ids=found.whole_parents,
            requested_at=requested_at,
            trigger=crawl.get_kind_display(),
            first_import=first,
            lowest=Rank.CATALOGUE if crawl.kind == Kind.CATALOGUE else Rank.EDIT,
        )
        rechecks.unread(
            crawl.shop, found.unread, now=requested_at, trigger=crawl.get_kind_display(), first_import=first
        )
        if kept.late and crawl.kind == Kind.CHANGES:
            # We changed the stock of one of them meanwhile, and its other news would be lost: the page is read again.
            return
        crawl.news += kept.news
        crawl.vanished += kept.gone
        if crawl.kind == Kind.CHANGES and kept.changed:
            health.found_by_looking(crawl.shop_id, at=requested_at)
        crawl.unread += len(found.unread) + len(kept.unread)
        count(crawl, kept.seen, found.total)
        batches.grow(crawl, client)
        go_on(crawl, found.next, brought=kept.seen)


def _read_namesakes(crawl: Crawl, client: StoreClient, page: Page) -> None:
    """Read listed products that share a SKU with one of a page of changes, unless this crawl has read them."""
    shown, skus = {one.store_parent_id for one in page.products}, {one.sku for one in page.products}
    for parent_id in same_sku.listed(crawl.shop, skus, apart_from=shown, before=crawl.started_at):
        read_one(crawl, client, parent_id)


def read_one(crawl: Crawl, client: StoreClient, parent_id: str, *, reported: bool = False) -> None:
    """Read one product again. If the store keeps failing at this product only, it is read later by itself."""
    trigger = crawl.get_kind_display()
    try:
        refresh.refresh(crawl.shop, parent_id, client, trigger=trigger, reported=reported, first_import=is_first(crawl))
    except refresh.Late:
        pass  # so it exists, and was read
    except StoreError as error:
        if not batches.only_here(crawl, client, error):
            raise
        rechecks.unread(crawl.shop, [Unread(parent_id, str(error))], now=clock.now(), trigger=trigger)


def confirm(crawl: Crawl, client: StoreClient) -> None:
    """Read the next product that was on no page."""
    missed = Product.objects.filter(shop=crawl.shop, gone_at__isnull=True, read_at__lt=crawl.started_at)
    after = int(crawl.cursor or 0)
    rest = missed.filter(pk__gt=after).exclude(store_parent_id__in=rechecks.unread_ids(crawl.shop))
    product = rest.order_by("pk").first()
    if product is None:
        finish(crawl)
        return
    read_one(crawl, client, product.store_parent_id)
    if Product.objects.filter(pk=product.pk, gone_at__isnull=False).exists():
        crawl.vanished += 1
    crawl.cursor, crawl.failures, crawl.note = str(product.pk), 0, ""
    save(crawl)
