"""Plan and control crawls: which ones a shop needs, when each is due, and how it is begun and stopped.

A crawl reads a store page by page, in slices (crawl_slices.py): each page and the cursor of the next are saved in one
transaction. So a crawl can be stopped, resumes after a crash, and is safe to repeat. Products that no page showed are
read one by one before they count as gone: pages shift while a store is edited, and no listing may end by mistake.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from listings.intake import rechecks
from listings.models import Crawl
from reverbsync import clock
from reverbsync.dispatch.wake import wake
from shops import health
from shops.models import Shop
from shops.platforms import platform_of

CRAWL = "listings.crawl"
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
            start(crawl)
        crawl.state, crawl.due_at, crawl.failures, crawl.note = Crawl.State.RUNNING, now, 0, ""
        crawl.save()
    wake(CRAWL, shop.pk)
    return crawl


def start(crawl: Crawl) -> None:
    """Set the crawl to its beginning; the caller saves it."""
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
