"""Retry sales that Reverb's list did not show, or not readably: each is read individually, with growing delay.

They are stored in the account's row, since the list shows a changed sale for ten minutes only. The sync log names each
once (`log.not_readable`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from listings.orders.ingest import take
from reverbsync import clock
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NotFound, RateLimited, ReverbError

#: The delay before a retry, at first and at most; and for how long to retry.
FIRST, AT_LATEST, FOR = timedelta(minutes=1), timedelta(hours=6), timedelta(days=30)
#: Sales remembered per account, and read in one poll, at most.
MOST, AT_ONCE = 200, 5


def follow(connection: ReverbConnection, client: ReverbClient, left_out: Collection[str]) -> None:
    """Remember the numbers that were left out now, and read those that are due. Call it in the shop's slice.

    Raises only RateLimited: any other failure of one sale does not stop the rest.
    """
    now = clock.now()
    known: dict[str, dict[str, Any]] = dict(connection.orders_unread)
    for number in left_out:
        if number and len(known) < MOST:
            known.setdefault(number, {"since": now.isoformat(), "due": (now + FIRST).isoformat(), "tries": 0})
    due = [number for number, one in known.items() if datetime.fromisoformat(one["due"]) <= now]
    try:
        for number in due[:AT_ONCE]:
            known[number] = _tried(known[number], now)
            if _is_read(connection, client, number) or now > datetime.fromisoformat(known[number]["since"]) + FOR:
                del known[number]
    finally:
        if known != connection.orders_unread:
            same = ReverbConnection.objects.filter(pk=connection.pk, account_id=connection.account_id)
            same.update(orders_unread=known)


def _tried(one: dict[str, Any], now: datetime) -> dict[str, Any]:
    wait = min(AT_LATEST, FIRST * 2.0 ** min(one["tries"] + 1, 20))
    return {**one, "tries": one["tries"] + 1, "due": (now + wait).isoformat()}


def _is_read(connection: ReverbConnection, client: ReverbClient, number: str) -> bool:
    """Return whether a sale was read and saved by itself, or is not of this account."""
    try:
        take(connection.shop, [client.order(number)], trigger="Reverb order")
    except NotFound:
        return True
    except RateLimited:
        raise
    except ReverbError:
        return False
    return True
