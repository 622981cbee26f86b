"""`manage.py queue`: show open work, wait until there is none, and manage deliveries that were put aside."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count, Min

from listings.models import Job
from reverbsync import clock
from reverbsync.ratelimit import limiter, throttle
from reverbsync.ratelimit.budget import RateLimitUnavailable
from shops.reverb import limits
from webhooks import failed_deliveries
from webhooks.batches import replay
from webhooks.models import Delivery

POLL_S = 0.2


class Command(BaseCommand):
    """Inspect the queue."""

    help = "Show open deliveries and jobs, wait until none is open, or list and replay dead letters."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add four subcommands: status, wait, dead and replay."""
        words = parser.add_subparsers(dest="word", required=True)
        status = words.add_parser("status", help="print open deliveries and jobs and their ages")
        status.add_argument("--json", action="store_true", help="print JSON")
        wait = words.add_parser("wait", help="exit 0 once nothing is open, 1 after the timeout")
        wait.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS")
        dead = words.add_parser("dead", help="print the deliveries that were put aside (dead letters), newest first")
        dead.add_argument("--shop", type=int, help="only those of this shop (id)")
        dead.add_argument("--json", action="store_true", help="print JSON")
        again = words.add_parser("replay", help="retry deliveries that were put aside")
        which = again.add_mutually_exclusive_group(required=True)
        which.add_argument("--delivery", type=int, metavar="ID")
        which.add_argument("--shop", type=int, help="all of this shop (id)")

    def handle(self, *, word: str, **options: Any) -> None:
        """Run the subcommand."""
        if word == "status":
            found = status(clock.now())
            print(json.dumps(found) if options["json"] else "\n".join(f"{k}: {v}" for k, v in found.items()))
        elif word == "dead":
            _show_dead(options["shop"], as_json=options["json"])
        elif word == "replay":
            _replay(options["delivery"], options["shop"])
        elif not _empty_within(options["timeout"]):
            print(json.dumps(status(clock.now())), file=sys.stderr)
            sys.exit(1)


def _show_dead(shop_id: int | None, *, as_json: bool) -> None:
    rows = [
        {
            "id": one.pk,
            "shop": one.shop_id,
            "source": one.source,
            "topic": one.topic,
            "state": one.state,
            "received_at": one.received_at.isoformat(),
            "tries": one.faults,
            "note": one.note,
            "has_body": bool(bytes(one.body)),
        }
        for one in failed_deliveries.aside(shop_id)
    ]
    if as_json:
        print(json.dumps(rows))
    else:
        print("\n".join("{id}  shop {shop}  {source} {topic}  {received_at}  {note}".format(**row) for row in rows))


def _replay(delivery_id: int | None, shop_id: int | None) -> None:
    found = failed_deliveries.aside(shop_id)
    count = replay(found if delivery_id is None else found.filter(pk=delivery_id))
    if delivery_id is not None and not count:
        raise CommandError(f"Delivery {delivery_id} was not put aside.")
    print(json.dumps({"replayed": count}))


def status(now: datetime) -> dict[str, Any]:
    """Return how many deliveries and jobs are open, put aside or waiting, the oldest of each, and the rate limits.

    Ages are in seconds.
    """
    oldest = {"count": Count("pk")}
    deliveries = Delivery.objects.filter(state=Delivery.State.OPEN).aggregate(oldest=Min("received_at"), **oldest)
    open_jobs = Job.objects.filter(blocked=False).aggregate(oldest=Min("opened_at"), **oldest)
    blocked = Job.objects.filter(blocked=True).aggregate(oldest=Min("opened_at"), **oldest)

    def age(moment: datetime | None) -> float | None:
        return round((now - moment).total_seconds(), 1) if moment else None

    return {
        "open_deliveries": deliveries["count"],
        "dead_deliveries": failed_deliveries.aside().count(),
        "open_jobs": open_jobs["count"],
        "blocked_jobs": blocked["count"],
        "oldest_open_delivery_s": age(deliveries["oldest"]),
        "oldest_open_job_s": age(open_jobs["oldest"]),
        "oldest_blocked_job_s": age(blocked["oldest"]),
        **_rate_limits(),
    }


def _rate_limits() -> dict[str, Any]:
    """Return Reverb's calls of the last minute, and the accounts that are slowed down; None without Redis."""
    try:
        slowed = [
            {
                "account": throttle.name,
                "percent": throttle.percent,
                "quiet_s": round(throttle.quiet_s, 1),
                "whole_in_s": round(throttle.whole_in_s, 1),
            }
            for throttle in throttle.slowed()
        ]
        return {"calls_last_minute": limiter.used(limits.app()), "slowed": slowed}
    except RateLimitUnavailable:
        return {"calls_last_minute": None, "slowed": None}


def _empty_within(seconds: float) -> bool:
    over = time.monotonic() + seconds
    while Delivery.objects.filter(state=Delivery.State.OPEN).exists() or Job.objects.filter(blocked=False).exists():
        if time.monotonic() > over:
            return False
        time.sleep(POLL_S)
    return True
