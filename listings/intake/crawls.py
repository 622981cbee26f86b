"""Crawl a store page by page, in slices: each page and the cursor of the next are saved in one transaction.

So a crawl can be stopped, resumes after a crash, and is safe to repeat. Products that no page showed are read one by
one before they count as gone: pages shift while a store is edited, and no listing may end by mistake.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from listings.intake import batches, observe, rechecks, refresh, responses, same_sku, stock_levels
from listings.models import Crawl, Product, Rank
from listings.queue import jobs
from reverbsync import clock
from reverbsync.dispatch.wake import wake
from reverbsync.outage import is_outage
from reverbsync.security.redaction import broke
from shops import health
from shops.models import Shop
from shops.platforms import StoreClient, client_of, platform_of
from shops.platforms.base import Stocktaker
from shops.platforms.values import CursorLost, Page, Stocktake, StoreAuthError, StoreError, Unread
from shops.snapshots import StoreProduct

logger = logging.getLogger(__name__)

CRAWL = "listings.crawl"
#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 2.0
#: Interval of the full crawl; shops are spread by when each began.
NIGHTLY = timedelta(hours=24)
#: How far a poll's range overlaps the last one: clocks differ, and a store's index may lag.
OVERLAP = timedelta(minutes=5)
#: After this many failed slices in a row the crawl pauses until its next date; the seller reads why.
MAX_FAILURES = 12
#: Seconds between two polls for changes while the store's webhooks do not arrive.
MISSED_S = 120
#: Shortest time between two polls for changes that were requested by an event.
LOOK_PAUSE = timedelta(minutes=1)
Kind = Crawl.Kind


def plan(shop: Shop) -> None:
    """Create the crawls that the shop's platform needs, each with a due time; the catalogue is due now."""
    platform = platform_of(shop.store)
    wanted = {
        Kind.CATALOGUE: not platform.push_only,
        Kind.CHANGES: platform.poll_every_s > 0,
        Kind.STOCK: platform.stock_poll_every_s > 0,
    }
    now = clock.now()
    for kind, on in wanted.items():
        if on:
            due = now if kind == Kind.CATALOGUE else now + every(shop, kind)
            Crawl.objects.get_or_create(shop=shop, kind=kind, defaults={"due_at": due})


def every(shop: Shop, kind: str) -> timedelta:
    """Return the time between two crawls of a kind."""
    platform = platform_of(shop.store)
    polls = min(platform.poll_every_s, MISSED_S) if health.is_missed(shop.pk) else platform.poll_every_s
    seconds = {Kind.CHANGES.value: polls, Kind.STOCK.value: platform.stock_poll_every_s}
    return timedelta(seconds=seconds[kind]) if kind in seconds else NIGHTLY


def begin(shop: Shop, kind: str) -> Crawl:
    """Begin a crawl now, unless one is running; a stopped one resumes where it was."""
    with transaction.atomic():
        crawl, _ = Crawl.objects.select_for_update().get_or_create(shop=shop, kind=kind)
        now = clock.now()
        if crawl.state == Crawl.State.DONE:
            _start(crawl)
        crawl.state, crawl.due_at, crawl.failures, crawl.note = Crawl.State.RUNNING, now, 0, ""
        crawl.save()
    wake(CRAWL, shop.pk)
    return crawl


def look_soon(shop_id: int) -> None:
    """Poll for changed products within a minute: a report of some could not be read."""
    now = clock.now()
    idle = Crawl.objects.filter(shop=shop_id, kind=Kind.CHANGES, state=Crawl.State.DONE, due_at__gt=now)
    just_now = idle.filter(finished_at__gt=now - LOOK_PAUSE)
    if just_now.exists():
        just_now.filter(due_at__gt=now + LOOK_PAUSE).update(due_at=now + LOOK_PAUSE)
    elif idle.update(due_at=now):
        wake(CRAWL, shop_id)


def store_is_back(shop_id: int) -> None:
    """Resume at once what failed while the store did not respond. It may fail again, so its delays keep growing."""
    failed = Crawl.objects.filter(shop=shop_id, state=Crawl.State.RUNNING, failures__gt=0)
    if failed.update(due_at=clock.now(), failures=Least(F("failures"), Value(MAX_FAILURES // 2))):
        wake(CRAWL, shop_id)


def stop(shop: Shop, kind: str) -> None:
    """Stop a crawl where it is."""
    Crawl.objects.filter(shop=shop, kind=kind, state=Crawl.State.RUNNING).update(state=Crawl.State.STOPPED, due_at=None)


def due(shop_id: int) -> Crawl | None:
    """Return the crawl of a shop that is due, changes and stock before the whole catalogue; None if none is."""
    found = Crawl.objects.filter(shop_id=shop_id, due_at__lte=clock.now(), shop__store__removed_at__isnull=True)
    # The catalogue takes longest and comes first alphabetically, so the order is descending.
    return found.select_related("shop__store", "shop__sync_settings").order_by("-kind").first()


def shops_with_due_ones() -> list[int]:
    """Return the shops that have a crawl to begin or continue, for the sweeper."""
    found = Crawl.objects.filter(due_at__lte=clock.now(), shop__store__removed_at__isnull=True)
    return list(found.values_list("shop_id", flat=True).distinct())


def run_slice(crawl: Crawl) -> None:
    """Continue a crawl for one slice. A store's failure is never raised: it is noted, and a later slice retries."""
    if crawl.state == Crawl.State.DONE:
        _start(crawl)
        crawl.state = Crawl.State.RUNNING
        crawl.save()
    client = client_of(crawl.shop.store)
    over = clock.monotonic() + SLICE_S
    try:
        while clock.monotonic() < over and crawl.state == Crawl.State.RUNNING:
            _step(crawl, client)
    except StoreError as error:
        _failed(crawl, error, client)
    except Exception as error:
        if is_outage(error):
            raise
        if not Crawl.objects.filter(pk=crawl.pk).exists():  # the seller connected another store meanwhile
            return
        # A fault of ours: it is retried with growing delay from the last saved cursor.
        broke(logger, error, "A crawl of the store of shop %s broke", crawl.shop_id)
        crawl.refresh_from_db()
        _failed(crawl, StoreError("Something went wrong on our side."), client)


# -- one step ------------------------------------------------------------------------------------------------------


def _start(crawl: Crawl) -> None:
    before = crawl.started_at
    crawl.cursor, crawl.confirming = "", False
    crawl.pages = crawl.seen = crawl.news = crawl.vanished = crawl.unread = crawl.failures = 0
    crawl.total, crawl.note = None, ""
    if crawl.kind == Kind.CATALOGUE:
        rechecks.was_read(crawl.shop, [""])  # products without an id are met again, or are gone
    crawl.started_at = clock.now()
    # If a clock was ahead and was corrected, changes since must not be missed.
    crawl.since = min(before or crawl.started_at - every(crawl.shop, crawl.kind), crawl.started_at) - OVERLAP
    if crawl.kind != Kind.CHANGES:
        crawl.since = None


def _step(crawl: Crawl, client: StoreClient) -> None:
    """Read one page, or one product that no page showed, and save the next cursor with it."""
    if crawl.confirming:
        _confirm(crawl, client)
    elif crawl.kind == Kind.STOCK:
        _stock_page(crawl, client)
    else:
        _page(crawl, client)


def _page(crawl: Crawl, client: StoreClient) -> None:
    requested_at = clock.now()
    page = batches.read(crawl, client)
    first = _is_first(crawl)
    if crawl.kind == Kind.CHANGES:
        _read_namesakes(crawl, client, page)
    with transaction.atomic():
        kept = responses.keep(
            crawl.shop,
            page.products,
            parent_ids=page.whole_parents,
            requested_at=requested_at,
            trigger=crawl.get_kind_display(),
            first_import=first,
            lowest=Rank.CATALOGUE if crawl.kind == Kind.CATALOGUE else Rank.EDIT,
        )
        rechecks.unread(crawl.shop, page.unread, now=requested_at, trigger=crawl.get_kind_display(), first_import=first)
        if kept.late and crawl.kind == Kind.CHANGES:
            # We changed the stock of one of them meanwhile, and its other news would be lost: the page is read again.
            return
        crawl.news += kept.news
        crawl.vanished += kept.gone
        if crawl.kind == Kind.CHANGES and kept.changed:
            health.found_by_looking(crawl.shop_id, at=requested_at)
        crawl.unread += len(page.unread) + len(kept.unread)
        _count(crawl, kept.seen, page.total)
        batches.grow(crawl, client)
        _go_on(crawl, page.next, brought=kept.seen)


def _read_namesakes(crawl: Crawl, client: StoreClient, page: Page) -> None:
    """Read listed products that share a SKU with one of a page of changes, unless this crawl has read them."""
    shown, skus = {one.store_parent_id for one in page.products}, {one.sku for one in page.products}
    for parent_id in same_sku.listed(crawl.shop, skus, apart_from=shown, before=crawl.started_at):
        _read_one(crawl, client, parent_id)


def _read_one(crawl: Crawl, client: StoreClient, parent_id: str, *, reported: bool = False) -> None:
    """Read one product again. If the store keeps failing at this product only, it is read later by itself."""
    trigger = crawl.get_kind_display()
    try:
        refresh.refresh(
            crawl.shop, parent_id, client, trigger=trigger, reported=reported, first_import=_is_first(crawl)
        )
    except refresh.Late:
        pass  # so it exists, and was read
    except StoreError as error:
        if not batches.only_here(crawl, client, error):
            raise
        rechecks.unread(crawl.shop, [Unread(parent_id, str(error))], now=clock.now(), trigger=trigger)


# -- stock, and products that no page showed -----------------------------------------------------------------------


def _is_first(crawl: Crawl) -> bool:
    """Return whether it is the first import, which only records products."""
    return crawl.kind == Kind.CATALOGUE and crawl.finished_at is None


def _stock_page(crawl: Crawl, client: StoreClient) -> None:
    """Request the stock of the next known products, and read those again that are gone or go off sale.

    A product's absence from a list proves nothing, so each is requested.
    """
    requested_at, trigger = clock.now(), crawl.get_kind_display()
    known = Product.objects.filter(shop=crawl.shop, gone_at__isnull=True, pk__gt=int(crawl.cursor or 0))
    odd = set(rechecks.unread_ids(crawl.shop))
    products = batches.portion(list(known.order_by("pk")[: crawl.page_size or batches.STOCKTAKING]), odd)
    if not products or not isinstance(client, Stocktaker):
        _finish(crawl)
        return
    taken = _take_stock(crawl, client, products, odd)
    for parent_id in taken.again:
        _read_one(crawl, client, parent_id, reported=True)
    with transaction.atomic():
        crawl.news += stock_levels.keep(crawl.shop, taken.units, requested_at=requested_at, trigger=trigger)
        rechecks.unread(crawl.shop, taken.unread, now=requested_at, trigger=trigger)
        _count(crawl, len(products), None)
        batches.grow(crawl, client)
        _go_on(crawl, str(products[-1].pk), brought=len(products))


def _take_stock(crawl: Crawl, client: Stocktaker, products: list[Product], odd: Collection[str]) -> Stocktake:
    """Return the sellable units of products. Raises StoreError.

    A product at which the store keeps failing while it responds for others is left out, and read again by itself later.
    One of the `odd`, which could not be read before, is left out at once.
    """
    try:
        return client.take_stock(_snapshots(products))
    except StoreError as error:
        first = products[0].store_parent_id
        alone = all(one.store_parent_id == first for one in products)
        failed_before = first in odd or crawl.failures >= batches.TRIES_OF_ONE
        if not alone or not failed_before or not _answers_for_others(crawl, client, products[0], {*odd, first}):
            raise
        return Stocktake({}, unread=(Unread(first, str(error)),))


def _answers_for_others(crawl: Crawl, client: Stocktaker, product: Product, odd: Collection[str]) -> bool:
    """Return whether the store responds for another product: the one before, or one of the last, perhaps odd too."""
    others = Product.objects.filter(shop=crawl.shop, gone_at__isnull=True).exclude(store_parent_id__in=odd)
    neighbours = [*others.filter(pk__lt=product.pk).order_by("-pk")[:1], *others.order_by("-pk")[:2]]
    for one in neighbours:
        with contextlib.suppress(StoreError):
            client.take_stock(_snapshots([one]))
            return True
    return False


def _snapshots(products: Iterable[Product]) -> list[StoreProduct]:
    return [seen for one in products if (seen := observe.snapshot_of(one)) is not None]


def _confirm(crawl: Crawl, client: StoreClient) -> None:
    """Read the next product that was on no page."""
    missed = Product.objects.filter(shop=crawl.shop, gone_at__isnull=True, read_at__lt=crawl.started_at)
    after = int(crawl.cursor or 0)
    rest = missed.filter(pk__gt=after).exclude(store_parent_id__in=rechecks.unread_ids(crawl.shop))
    product = rest.order_by("pk").first()
    if product is None:
        _finish(crawl)
        return
    _read_one(crawl, client, product.store_parent_id)
    if Product.objects.filter(pk=product.pk, gone_at__isnull=False).exists():
        crawl.vanished += 1
    crawl.cursor, crawl.failures, crawl.note = str(product.pk), 0, ""
    _save(crawl)


def _count(crawl: Crawl, seen: int, total: int | None) -> None:
    crawl.pages += 1
    crawl.seen += seen
    crawl.total = total if total is not None else crawl.total


def _go_on(crawl: Crawl, cursor: str | None, *, brought: int) -> None:
    if brought or cursor is None:  # a page that only leads on does not prove that the next one will succeed
        if crawl.failures:
            health.answers(crawl.shop_id)
        crawl.failures, crawl.note = 0, ""
    if cursor is not None:
        crawl.cursor = cursor
        crawl.due_at = clock.now()
        _save(crawl)
    elif crawl.kind == Kind.CATALOGUE:
        crawl.cursor, crawl.confirming = "", True
        _save(crawl)
    else:
        _finish(crawl)


def _finish(crawl: Crawl) -> None:
    crawl.state, crawl.finished_at, crawl.cursor = Crawl.State.DONE, clock.now(), ""
    crawl.due_at = clock.now() + every(crawl.shop, crawl.kind)
    if crawl.kind == Kind.CATALOGUE:
        # Spread shops that began in the same minute.
        crawl.due_at += timedelta(minutes=random.uniform(-60, 60))  # noqa: S311 -- spreads load, not cryptographic
    _save(crawl)


def _failed(crawl: Crawl, error: StoreError, client: StoreClient) -> None:
    health.did_not_answer(crawl.shop_id, error)
    crawl.failures += 1
    crawl.note = str(error)[:300]
    if isinstance(error, CursorLost):
        crawl.cursor = ""
    elif not crawl.confirming and (error.retry_after is None or crawl.failures > 1):
        # The request may be too large, or one product may fail: fewer products get further.
        batches.shrink(crawl, client)
    if isinstance(error, StoreAuthError) or crawl.failures >= MAX_FAILURES:
        # It resumes from its cursor when its date comes, or when the seller presses the button.
        crawl.due_at = clock.now() + every(crawl.shop, crawl.kind)
    else:
        wait = jobs.delay_s(crawl.failures, at_least=error.retry_after)
        crawl.due_at = clock.now() + timedelta(seconds=wait)
    _save(crawl)


_FIELDS = [
    "cursor",
    "confirming",
    "state",
    "since",
    "started_at",
    "finished_at",
    "due_at",
    "pages",
    "seen",
    "total",
    "news",
    "vanished",
    "unread",
    "page_size",
    "failures",
    "note",
]


def _save(crawl: Crawl) -> None:
    """Save the crawl; if the seller has stopped it meanwhile, it stays stopped."""
    stopped = Crawl.objects.filter(pk=crawl.pk, state=Crawl.State.STOPPED).exists()
    if stopped:
        crawl.state, crawl.due_at = Crawl.State.STOPPED, None
    crawl.save(update_fields=_FIELDS)
