"""`manage.py queue`: what is open, and wait until nothing is."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import Count, Min

from listings.models import Job
from reverbsync import clock, pace
from shops.reverb import limits
from webhooks.models import Delivery

POLL_S = 0.2


class Command(BaseCommand):
    """Look at the queue."""

    help = "Show what is open, or wait until nothing is."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two words: status and wait."""
        words = parser.add_subparsers(dest="word", required=True)
        status = words.add_parser("status", help="print what is open and how old it is")
        status.add_argument("--json", action="store_true", help="as JSON")
        wait = words.add_parser("wait", help="return 0 once nothing is open, 1 when the time is up")
        wait.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")

    def handle(self, *, word: str, **options: Any) -> None:
        """Run the word."""
        if word == "status":
            found = status(clock.now())
            print(json.dumps(found) if options["json"] else "\n".join(f"{k}: {v}" for k, v in found.items()))
        elif not _empty_within(options["timeout"]):
            print(json.dumps(status(clock.now())), file=sys.stderr)
            sys.exit(1)


def status(now: datetime) -> dict[str, Any]:
    """Return how many deliveries and jobs are open, how many jobs wait for a person, the oldest of each in s, and the
    pace.
    """
    oldest = {"count": Count("pk")}
    deliveries = Delivery.objects.filter(state=Delivery.State.OPEN).aggregate(oldest=Min("received_at"), **oldest)
    open_jobs = Job.objects.filter(waiting=False).aggregate(oldest=Min("opened_at"), **oldest)
    waiting = Job.objects.filter(waiting=True).aggregate(oldest=Min("opened_at"), **oldest)

    def age(moment: datetime | None) -> float | None:
        return round((now - moment).total_seconds(), 1) if moment else None

    return {
        "open_deliveries": deliveries["count"],
        "open_jobs": open_jobs["count"],
        "waiting_jobs": waiting["count"],
        "oldest_open_delivery_s": age(deliveries["oldest"]),
        "oldest_open_job_s": age(open_jobs["oldest"]),
        "oldest_waiting_job_s": age(waiting["oldest"]),
        **_pace(),
    }


def _pace() -> dict[str, Any]:
    """Return how many calls Reverb saw in the last minute, and who asked us to slow down; None where nobody knows."""
    try:
        slowed = [
            {
                "account": told.name,
                "percent": told.percent,
                "quiet_s": round(told.quiet_s, 1),
                "whole_in_s": round(told.whole_in_s, 1),
            }
            for told in pace.slowed()
        ]
        return {"calls_last_minute": pace.used(limits.app()), "slowed": slowed}
    except pace.PaceLost:
        return {"calls_last_minute": None, "slowed": None}


def _empty_within(seconds: float) -> bool:
    over = time.monotonic() + seconds
    while Delivery.objects.filter(state=Delivery.State.OPEN).exists() or Job.objects.filter(waiting=False).exists():
        if time.monotonic() > over:
            return False
        time.sleep(POLL_S)
    return True
