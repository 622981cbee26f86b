"""Run a crawl for one slice: some pages, each saved with the cursor of the next in one transaction."""

from __future__ import annotations

import logging

from listings.intake import crawl_pages, crawl_stock, crawls
from listings.intake.crawl_progress import failed
from listings.intake.crawls import Kind
from listings.models import Crawl
from reverbsync import clock
from reverbsync.outage import is_outage
from reverbsync.security.redaction import broke
from shops.platforms import StoreClient, client_of
from shops.platforms.errors import StoreError

logger = logging.getLogger(__name__)

#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 2.0


def run_slice(crawl: Crawl) -> None:
    """Continue a crawl for one slice. A store's failure is never raised: it is noted, and a later slice retries."""
    if crawl.state == Crawl.State.DONE:
        crawls.start(crawl)
        crawl.state = Crawl.State.RUNNING
        crawl.save()
    client = client_of(crawl.shop.store)
    over = clock.monotonic() + SLICE_S
    try:
        while clock.monotonic() < over and crawl.state == Crawl.State.RUNNING:
            _step(crawl, client)
    except StoreError as error:
        failed(crawl, error, client)
    except Exception as error:
        if is_outage(error):
            raise
        if not Crawl.objects.filter(pk=crawl.pk).exists():  # the seller connected another store meanwhile
            return
        # A fault of ours: it is retried with growing delay from the last saved cursor.
        broke(logger, error, "A crawl of the store of shop %s broke", crawl.shop_id)
        crawl.refresh_from_db()
        failed(crawl, StoreError("Something went wrong on our side."), client)


def _step(crawl: Crawl, client: StoreClient) -> None:
    """Read one page, or one product that no page showed, and save the next cursor with it."""
    if crawl.confirming:
        crawl_pages.confirm(crawl, client)
    elif crawl.kind == Kind.STOCK:
        crawl_stock.page(crawl, client)
    else:
        crawl_pages.page(crawl, client)
