"""`manage.py catalogue`: crawl stores, for operators and scripts."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from listings.intake import crawls
from listings.models import Crawl, Product
from reverbsync import clock
from shops.models import Shop

LOOK_EVERY_S = 0.2


class Command(BaseCommand):
    """Begin, watch and await crawls of a shop's store."""

    help = "Crawl a shop's store: begin a crawl, print its progress, wait until it is done. Prints JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands begin, status and wait."""
        words = parser.add_subparsers(dest="word", required=True)
        begin = words.add_parser("begin", help="begin a crawl, or resume a stopped one")
        status = words.add_parser("status", help="print the shop's crawls")
        wait = words.add_parser("wait", help="return 0 when no crawl is running or due")
        wait.add_argument("--timeout", type=float, default=60.0, help="seconds")
        for one in (begin, status, wait):
            one.add_argument("--shop", type=int, required=True)
        begin.add_argument("--kind", choices=Crawl.Kind.values, default=Crawl.Kind.CATALOGUE.value)

    def handle(self, *, word: str, **options: Any) -> None:
        """Run the subcommand."""
        shop = Shop.objects.filter(pk=options["shop"], store__isnull=False).select_related("store").first()
        if shop is None:
            raise CommandError("There is no such shop with a store.")
        if word in ("begin", "wait"):  # a store that was just connected has no crawls yet
            crawls.plan(shop)
        if word == "begin":
            crawls.begin(shop, options["kind"])
        if word == "wait":
            self._wait(shop, options["timeout"])
        print(json.dumps(_status(shop)))

    def _wait(self, shop: Shop, timeout_s: float) -> None:
        over = time.monotonic() + timeout_s
        while _is_under_way(shop):
            if time.monotonic() > over:
                raise CommandError(f"Still under way after {timeout_s:g} seconds: {json.dumps(_status(shop))}")
            time.sleep(LOOK_EVERY_S)


def _is_under_way(shop: Shop) -> bool:
    """Return whether a crawl runs, or is due and begins with the scheduler's next sweep."""
    due = Q(state=Crawl.State.DONE, due_at__lte=clock.now())
    return Crawl.objects.filter(due | Q(state=Crawl.State.RUNNING), shop=shop).exists()


def _status(shop: Shop) -> dict[str, Any]:
    fields = ("kind", "state", "seen", "total", "pages", "news", "vanished", "failures", "note")
    rows = Crawl.objects.filter(shop=shop).order_by("kind").values(*fields)
    known = Product.objects.filter(shop=shop, gone_at__isnull=True)
    return {
        "crawls": list(rows),
        "products": known.count(),
        "pending_first_sync": known.filter(pending_first_sync=True).count(),
    }
