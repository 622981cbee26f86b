"""`manage.py mass`: mass syncs, for operators and scripts."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from listings.mass_sync import progress, starting
from listings.models import MassSync
from shops.models import Shop

LOOK_EVERY_S = 0.2


class Command(BaseCommand):
    """Begin, start and watch a shop's mass sync."""

    help = "Begin a shop's mass sync, start its plan, print its progress, wait until it stops. Prints JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands begin, start, status and wait."""
        words = parser.add_subparsers(dest="word", required=True)
        begin = words.add_parser("begin", help="begin one; it stops when its plan is ready for review")
        start = words.add_parser("start", help="start writing the plan")
        status = words.add_parser("status", help="print the newest one")
        wait = words.add_parser("wait", help="return 0 when it is planned, paused, done or cancelled")
        wait.add_argument("--timeout", type=float, default=60.0, help="seconds")
        begin.add_argument("--anyway", action="store_true", help="even if the last one has just ended")
        for one in (begin, start, status, wait):
            one.add_argument("--shop", type=int, required=True)

    def handle(self, *, word: str, **options: Any) -> None:
        """Run the subcommand."""
        shop = Shop.objects.filter(pk=options["shop"]).first()
        if shop is None:
            raise CommandError("There is no such shop.")
        if word == "begin":
            begun = _begin(shop, anyway=options["anyway"])
            print(json.dumps({"id": begun.pk, "state": begun.state}))
            return
        sync = _newest(shop)
        if word == "start":
            if sync.state != MassSync.State.PLANNED:
                raise CommandError(f"Nothing is planned: the mass sync is {sync.state}.")
            starting.start(shop)
        if word == "wait":
            _wait(shop, options["timeout"])
        print(json.dumps(progress.status(_newest(shop))))


def _begin(shop: Shop, *, anyway: bool) -> MassSync:
    try:
        return starting.begin(shop, None, anyway=anyway)
    except starting.TooSoon as soon:
        raise CommandError(f"{soon} Reverb asks that they be rare; --anyway begins one all the same.") from None
    except starting.NotConnected as error:
        raise CommandError(str(error)) from None


def _newest(shop: Shop) -> MassSync:
    found = MassSync.objects.filter(shop=shop).order_by("-begun_at", "-pk").first()
    if found is None:
        raise CommandError("No mass sync was ever begun for this shop.")
    return found


def _wait(shop: Shop, timeout_s: float) -> None:
    over = time.monotonic() + timeout_s
    while (sync := _newest(shop)).state in MassSync.WORKING:
        if time.monotonic() > over:
            raise CommandError(f"Still under way after {timeout_s:g} seconds: {json.dumps(progress.status(sync))}")
        time.sleep(LOOK_EVERY_S)
