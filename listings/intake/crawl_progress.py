"""Save how far a crawl has come: its cursor, its counts, and when it continues."""

from __future__ import annotations

import random
from datetime import timedelta

from listings.intake import batches
from listings.intake.crawls import MAX_FAILURES, Kind, every
from listings.models import Crawl
from listings.queue import retry_delay
from reverbsync import clock
from shops import health
from shops.platforms import StoreClient
from shops.platforms.errors import CursorLost, StoreAuthError, StoreError

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


def is_first(crawl: Crawl) -> bool:
    """Return whether it is the first import, which only records products."""
    return crawl.kind == Kind.CATALOGUE and crawl.finished_at is None


def count(crawl: Crawl, seen: int, total: int | None) -> None:
    """Add a page to the counts; the caller saves the crawl."""
    crawl.pages += 1
    crawl.seen += seen
    crawl.total = total if total is not None else crawl.total


def go_on(crawl: Crawl, cursor: str | None, *, brought: int) -> None:
    """Save the next cursor, or what comes after the last page. `brought`: the products on this page."""
    if brought or cursor is None:  # a page that only leads on does not prove that the next one will succeed
        if crawl.failures:
            health.answers(crawl.shop_id)
        crawl.failures, crawl.note = 0, ""
    if cursor is not None:
        crawl.cursor = cursor
        crawl.due_at = clock.now()
        save(crawl)
    elif crawl.kind == Kind.CATALOGUE:
        crawl.cursor, crawl.confirming = "", True
        save(crawl)
    else:
        finish(crawl)


def finish(crawl: Crawl) -> None:
    """End the crawl, and date the next one."""
    crawl.state, crawl.finished_at, crawl.cursor = Crawl.State.DONE, clock.now(), ""
    crawl.due_at = clock.now() + every(crawl.shop, crawl.kind)
    if crawl.kind == Kind.CATALOGUE:
        # Spread shops that began in the same minute.
        crawl.due_at += timedelta(minutes=random.uniform(-60, 60))  # noqa: S311 -- spreads load, not cryptographic
    save(crawl)


def failed(crawl: Crawl, error: StoreError, client: StoreClient) -> None:
    """Save a failure of the store, and when the crawl is retried."""
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
        wait = retry_delay.delay_s(crawl.failures, at_least=error.retry_after)
        crawl.due_at = clock.now() + timedelta(seconds=wait)
    save(crawl)


def save(crawl: Crawl) -> None:
    """Save the crawl; if the seller has stopped it meanwhile, it stays stopped."""
    stopped = Crawl.objects.filter(pk=crawl.pk, state=Crawl.State.STOPPED).exists()
    if stopped:
        crawl.state, crawl.due_at = Crawl.State.STOPPED, None
    crawl.save(update_fields=_FIELDS)
