"""Bring the store's stock to what was agreed: by a difference, with a reference, once.

The ledger remembers the adjustment before it is sent. If its answer is lost, the same call is repeated where the
platform knows the same call when it comes again; elsewhere the store is counted, which tells whether it was applied.
A raise that is too high by now is not repeated as it is: it would put up for sale what has sold since. First another
change is made from the number that it was to be made from, which it can no longer be after that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from listings.models import Ledger, Product
from listings.stock import ledger as books
from reverbsync import clock
from shops.models import SyncSettings
from shops.pictures import StoreProduct
from shops.platforms import StoreClient, client_of, platform_of
from shops.platforms.values import Count, Moved, StoreError, StorePassing, Unsupported

#: How often the store may move under our hands in one turn.
MAX_TRIES = 4
#: For how long a store surely knows a change that comes again. Shopify's docs ("Implementing idempotency") speak of a
#: time for which keys are kept and a day is usual; a store may not have answered for longer.
REPEATS_KNOWN_FOR = timedelta(hours=20)


@dataclass(frozen=True)
class Adjusted:
    """What became of it: the store's number before and after, equal when nothing was to be written."""

    before: int
    after: int


def bring(ledger: Ledger, product: Product, settings: SyncSettings, *, renew: Callable[[], object]) -> Adjusted | None:
    """Write to the store what it is still to get; None when nothing is.

    `renew` is asked before each call and may raise to forbid it. Raises StoreError: what was not written stays owed and
    is worked out again next time.
    """
    if ledger.adjusting is None and not books.to_write(ledger, settings):
        return None
    client = client_of(product.shop.store)
    before = ledger.store
    for _ in range(MAX_TRIES):
        renew()
        if ledger.adjusting is not None:
            _settle(ledger, product, client, owed=books.to_write(ledger, settings))
            continue
        count = _count(ledger, product, client)
        by = books.to_write(ledger, settings)
        if not by:
            break
        _adjust(ledger, product, client, count, by)
    if ledger.store == before:
        return None
    return Adjusted(before, ledger.store)


def _count(ledger: Ledger, product: Product, client: StoreClient) -> Count:
    """Count in the store, and take in what changed there since the picture was taken."""
    asked_at = clock.now()
    count = client.count(product.seen)
    platform = platform_of(product.shop.store)
    if wait := books.trails_s(ledger, count.units, platform):
        raise StorePassing(f"{platform.name} does not show our last change of stock yet.", retry_after=wait)
    if count.units is not None and count.units != ledger.store:
        with transaction.atomic():
            ledger.units += count.units - ledger.store
            ledger.store = count.units
            ledger.save(update_fields=["units", "store"])
            _picture(product, count.units, asked_at=asked_at)
    return count


def _adjust(ledger: Ledger, product: Product, client: StoreClient, count: Count, by: int) -> None:
    ledger.serial += 1
    ledger.adjusting = {
        "by": by,
        "units": count.units,
        "place": count.place,
        "there": count.there,
        "at": clock.now().isoformat(),
        "reference": f"{product.pk}-{ledger.serial}",
    }
    ledger.save(update_fields=["serial", "adjusting"])
    _send(ledger, product, client, first=True)


def _wish(ledger: Ledger) -> dict[str, Any]:
    """Return the adjustment that is under way."""
    found: dict[str, Any] = ledger.adjusting or {}
    return found


def _sent_at(wish: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(wish["at"])


def _send(ledger: Ledger, product: Product, client: StoreClient, *, first: bool = False) -> None:
    wish = _wish(ledger)
    count = Count(wish["units"], wish["place"], wish["there"])
    try:
        after = client.adjust(product.seen, count, by=wish["by"], reference=wish["reference"])
    except Moved:
        if not first and wish["by"] > 0 and clock.now() > _sent_at(wish) + REPEATS_KNOWN_FOR:
            _applied(ledger, product, None)  # it moved for our own raise perhaps: of the two, what leaves fewer units
        else:
            _forget(ledger)
        return
    except StoreError as error:
        if _not_done(error, first=first):
            _forget(ledger)
        raise
    _applied(ledger, product, after)


def _not_done(error: StoreError, *, first: bool) -> bool:
    """Tell whether a change was surely not made, neither by this call nor, if it is not the first, by one before.

    Who turns a repeated call away at the door says nothing of the one before; who says why it can't be made, does.
    """
    return not error.maybe_done and (first or isinstance(error, Unsupported))


def _settle(ledger: Ledger, product: Product, client: StoreClient, *, owed: int) -> None:
    """Find out whether an adjustment whose answer was lost was applied, and take it in if so.

    `owed` is what the store is to get if it was not.
    """
    wish = _wish(ledger)
    platform = platform_of(product.shop.store)
    if platform.knows_repeats:
        too_high = wish["by"] > max(0, owed) and not wish.get("overtaken")
        if too_high or "over" in wish:
            _overtake(ledger, product, client, by=owed or -1)
        else:
            _send(ledger, product, client)
        return
    shows_at = _sent_at(wish) + timedelta(seconds=platform.stock_trails_s)
    if clock.now() < shows_at:
        wait = (shows_at - clock.now()).total_seconds()
        raise StorePassing(f"{platform.name} has not said whether it took the last change of stock.", retry_after=wait)
    count = client.count(product.seen)
    if count.units is None:
        _forget(ledger)
        return
    # A sale of about then may blur it. What is nearer is taken for true; between two, the one that leaves fewer units.
    if_not, if_so = abs(count.units - wish["units"]), abs(count.units - wish["units"] - wish["by"])
    if if_so < if_not or (if_so == if_not and wish["by"] > 0):
        _applied(ledger, product, count)
    else:
        _forget(ledger)


def _overtake(ledger: Ledger, product: Product, client: StoreClient, *, by: int) -> None:
    """Change the store from the number that a change whose answer was lost is to be made from, unless it has moved.

    Either way that one cannot be applied any more, so it can be sent again to hear whether it was.
    """
    wish = _wish(ledger)
    if first := "over" not in wish:
        ledger.serial += 1
        wish["over"] = {"by": by, "reference": f"{product.pk}-{ledger.serial}"}
        ledger.save(update_fields=["serial", "adjusting"])
    over = wish["over"]
    count = Count(wish["units"], wish["place"], wish["there"])
    after = None
    try:
        after = client.adjust(product.seen, count, by=over["by"], reference=over["reference"])
    except Moved:
        pass
    except StoreError as error:
        if _not_done(error, first=first):
            del wish["over"]
            ledger.save(update_fields=["adjusting"])
        raise
    del wish["over"]
    wish["overtaken"] = True
    _note(ledger, product, by=over["by"] if after else 0, after=after)


def _applied(ledger: Ledger, product: Product, after: Count | None) -> None:
    """The store has taken it. What it counts `after` may hold other changes too: those are taken in next time."""
    by, ledger.adjusting = _wish(ledger)["by"], None
    _note(ledger, product, by=by, after=after)


def _note(ledger: Ledger, product: Product, *, by: int, after: Count | None) -> None:
    """Keep that the store was changed, and by how much; 0: not at all."""
    now = clock.now()
    with transaction.atomic():
        if by:
            ledger.wrote_by, ledger.wrote_store_at = by, now
            ledger.store += by
        ledger.save(update_fields=["store", "adjusting", "wrote_by", "wrote_store_at"])
        if after is not None and after.units is not None:
            _picture(product, after.units, asked_at=now)


def _forget(ledger: Ledger) -> None:
    ledger.adjusting = None
    ledger.save(update_fields=["adjusting"])


def _picture(product: Product, units: int, *, asked_at: datetime) -> None:
    """Take the store's number into the picture, so that a reading that began before is not taken for news.

    All else in it stays as it was read last, and so does a number that was read later. Call it inside a transaction.
    """
    row = Product.objects.select_for_update().get(pk=product.pk)
    if row.read_at <= asked_at:
        seen: StoreProduct = replace(row.seen, stock=units)
        if units != row.seen.stock:
            row.stock_since = asked_at
        row.picture, row.read_at = seen.kept(), asked_at
        row.save(update_fields=["picture", "read_at", "stock_since"])
    product.picture, product.read_at, product.stock_since = row.picture, row.read_at, row.stock_since
