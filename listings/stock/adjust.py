"""Bring the store's stock to the agreed number: by a difference, with a reference, once.

The ledger stores the adjustment before it is sent. If the response is lost, the same call is repeated where the
platform's writes are idempotent. Elsewhere the store is counted, which shows whether it was applied.

A raise that is too high by now is not repeated as it is: it would put sold units up for sale. Instead another change is
made first from the same base number. Afterwards the store is no longer at that number, so the raise cannot apply.

The store may accept less than requested (`Count.done`). The ledger records what was changed. The rest stays due, and
`Brought.error` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from listings.mapping import selection
from listings.models import Ledger, Product, Rank
from listings.queue import jobs, lease
from listings.stock import ledger as books
from listings.stock import lost_adjustment
from reverbsync import clock
from reverbsync.dispatch import ownership
from shops.models import Shop, SyncSettings
from shops.platforms import StoreClient, client_of, platform_of
from shops.platforms.values import Count, Moved, StoreAuthError, StoreError, TransientStoreError, Unsupported
from shops.snapshots import StoreProduct

#: How many rounds one attempt makes if the store's stock keeps changing meanwhile.
MAX_TRIES = 4
#: For how long a store certainly recognizes a repeated change. Shopify's docs ("Implementing idempotency") mention a
#: retention time for keys; a day is usual. A store may have been down for longer.
REPEATS_KNOWN_FOR = timedelta(hours=20)


#: A change whose response was lost is made again after this many stock read lags, while units are left.
LATE = 4


class Short(StoreError):
    """The store accepted less than requested: no location has the units to deduct, or accepts them."""


class Disconnected(StoreAuthError):
    """There is no store to write to."""


@dataclass(frozen=True)
class Brought:
    """The result: by how much we changed the store's number, and what it is now.

    `error` says why the store still lacks something; None if it has everything.
    """

    by: int
    after: int
    error: StoreError | None


def bring(ledger: Ledger, product: Product, settings: SyncSettings, *, before: Callable[[], object]) -> Brought:
    """Write to the store what it is still to get.

    `before` is called first if there is something to write. Each call confirms the lease and raises ownership.Lost.
    What was not written stays due and is computed again next time.
    """
    by, error = 0, None
    try:
        for one in _rounds(ledger, product, settings, before):
            by += one
    except StoreError as failed:
        error = failed
    return Brought(by, ledger.store, error)


def _rounds(ledger: Ledger, product: Product, settings: SyncSettings, before: Callable[[], object]) -> Iterator[int]:
    """Yield by how much each round changed the store, until it has the agreed number. Raises StoreError."""
    if ledger.pending_adjustment is None and not books.to_write(ledger, settings):
        return
    _bound_sharers(ledger, product, settings)
    if product.shop.store.removed_at is not None:
        raise Disconnected("Your store is not connected.")
    before()
    client = client_of(product.shop.store)
    for _ in range(MAX_TRIES):
        if ledger.pending_adjustment is not None:
            yield _resolve_pending(ledger, product, client, due=books.to_write(ledger, settings))
            continue
        count = _count(ledger, product, client)
        by = books.to_write(ledger, settings)
        if not by:
            return
        if count.units is None:
            raise Unsupported(f"{_units(by)} on Reverb, and your store does not count this product's stock any more.")
        yield _adjust(ledger, product, client, count, by)
    if ledger.pending_adjustment is not None or books.to_write(ledger, settings):
        raise TransientStoreError("Its stock changed each time that we were about to change it.")


def _units(by: int) -> str:
    """Return what happened to the units that a store is to lose or get, as the beginning of a sentence."""
    units = f"{abs(by)} unit{'s' if abs(by) != 1 else ''}"
    return f"{units} sold" if by < 0 else f"{units} came back"


def _count(ledger: Ledger, product: Product, client: StoreClient) -> Count:
    """Count in the store, and merge what changed there since the snapshot."""
    requested_at = clock.now()
    count = client.count(product.seen)
    platform = platform_of(product.shop.store)
    if wait := books.trails_s(ledger, count.units, platform):
        raise TransientStoreError(f"{platform.name} does not show our last change of stock yet.", retry_after=wait)
    if count.units is not None and count.units != ledger.store:
        with ownership.fenced():
            if not _snapshot(product, count.units, requested_at=requested_at):
                # A later read has another number. Which of the two is newer is unknown, and both would be merged.
                raise TransientStoreError("Its stock was read while we counted it.", retry_after=1.0)
            books.store_moved(ledger, count.units)
            ledger.save(update_fields=["units", "store", "crossed"])
    return count


def _adjust(ledger: Ledger, product: Product, client: StoreClient, count: Count, by: int) -> int:
    ledger.serial += 1
    ledger.pending_adjustment = {
        "by": by,
        "units": count.units,
        "location": count.location,
        "there": count.there,
        "at": clock.now().isoformat(),
        "reference": f"{product.pk}-{ledger.serial}",
    }
    lease.save(ledger, "serial", "pending_adjustment")
    return _send(ledger, product, client, first=True)


def _wish(ledger: Ledger) -> dict[str, Any]:
    """Return the adjustment in flight."""
    found: dict[str, Any] = ledger.pending_adjustment or {}
    return found


def _sent_at(wish: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(wish["at"])


def _send(ledger: Ledger, product: Product, client: StoreClient, *, first: bool = False) -> int:
    """Send the adjustment in flight; return by how much the store was changed. Raises StoreError."""
    wish = _wish(ledger)
    count = Count(wish["units"], wish["location"], wish["there"])
    try:
        after = client.adjust(product.seen, count, by=wish["by"], reference=wish["reference"])
    except Moved:
        if not first and wish["by"] > 0 and clock.now() > _sent_at(wish) + REPEATS_KNOWN_FOR:
            # Our own raise may have moved the stock: assume the case that leaves fewer units.
            return _applied(ledger, product, None)
        _forget(ledger)
        return 0
    except StoreError as error:
        if _not_done(error, first=first):
            _forget(ledger)
        raise
    if after.done == 0:
        _forget(ledger)
        there = (
            "no place in your store that sells online has them" if wish["by"] < 0 else "your store did not take them"
        )
        raise Short(f"{_units(wish['by'])} on Reverb, and {there}. Please correct the stock in your store.")
    return _applied(ledger, product, after)


def _not_done(error: StoreError, *, first: bool) -> bool:
    """Return whether a change was certainly not made, neither by this call nor by an earlier one.

    A repeated call that is rejected outright proves nothing about the earlier one. A call that is rejected with the
    reason why the change is impossible does.
    """
    return not error.may_have_applied and (first or isinstance(error, Unsupported))


def _resolve_pending(ledger: Ledger, product: Product, client: StoreClient, *, due: int) -> int:
    """Find out whether an adjustment whose response was lost was applied, and record it if so.

    `due` is what the store is to get if it was not. Returns by how much the store is known to have changed now.
    """
    wish = _wish(ledger)
    platform = platform_of(product.shop.store)
    if platform.idempotent_writes:
        too_high = wish["by"] > max(0, due) and not wish.get("overtaken")
        if too_high or "over" in wish:
            return _overtake(ledger, product, client, by=due or -1)
        return _send(ledger, product, client)
    shows_at = _sent_at(wish) + timedelta(seconds=platform.stock_read_lag_s)
    if clock.now() < shows_at:
        wait = (shows_at - clock.now()).total_seconds()
        raise TransientStoreError(
            f"{platform.name} has not said whether it took the last change of stock.", retry_after=wait
        )
    count = client.count(product.seen)
    if count.units is None:
        _forget(ledger)
        return 0
    made = lost_adjustment.decided_by_count(count, before=wish["units"], there=wish["there"], by=wish["by"])
    if made is None:
        made = _was_made(ledger, product, client, count.units)
    if made:
        return _applied(ledger, product, count)
    late_s = (_sent_at(wish) + LATE * timedelta(seconds=platform.stock_read_lag_s) - clock.now()).total_seconds()
    if late_s > 0 and count.units + min(0, wish["by"]) > 0:
        # It may be applied late, and would then be made twice. Meanwhile the store does not sell units that it lacks.
        if wish.pop("counted", None):
            lease.save(ledger, "pending_adjustment")
        wait = min(late_s, platform.stock_read_lag_s)
        raise TransientStoreError(
            f"{platform.name} has not said whether it took the last change of stock.", retry_after=wait
        )
    _forget(ledger)
    return 0


def _was_made(ledger: Ledger, product: Product, client: StoreClient, units: int) -> bool:
    """Infer from a number and the store's orders whether the adjustment in flight was applied.

    If the store's stock lags, its number may show a sale before its orders do. So the number is saved, and compared
    with the orders until then once they are certainly visible. Raises TransientStoreError until then.
    """
    wish, now = _wish(ledger), clock.now()
    platform = platform_of(product.shop.store)
    if "counted" not in wish:
        wish["counted"] = {"units": units, "at": now.isoformat()}
        lease.save(ledger, "pending_adjustment")
    counted_at = datetime.fromisoformat(wish["counted"]["at"])
    wait = platform.stock_read_lag_s - (now - counted_at).total_seconds()
    if wait > 0:
        raise TransientStoreError(f"{platform.name} may not show its newest orders yet.", retry_after=wait)
    sold = lost_adjustment.sold_between(client, product, _sent_at(wish), counted_at)
    return lost_adjustment.was_applied(wish["counted"]["units"], before=wish["units"], by=wish["by"], sold=sold)


def _overtake(ledger: Ledger, product: Product, client: StoreClient, *, by: int) -> int:
    """Change the store from the base number of the change whose response was lost, unless the stock has moved.

    Either way that change can no longer be applied, so it can be sent again to learn whether it was.
    """
    wish = _wish(ledger)
    if first := "over" not in wish:
        ledger.serial += 1
        wish["over"] = {"by": by, "reference": f"{product.pk}-{ledger.serial}"}
        lease.save(ledger, "serial", "pending_adjustment")
    over = wish["over"]
    count = Count(wish["units"], wish["location"], wish["there"])
    after = None
    try:
        after = client.adjust(product.seen, count, by=over["by"], reference=over["reference"])
    except Moved:
        pass
    except StoreError as error:
        if _not_done(error, first=first):
            del wish["over"]
            lease.save(ledger, "pending_adjustment")
        raise
    del wish["over"]
    wish["overtaken"] = True
    return _note(ledger, product, by=_done(over["by"], after) if after else 0, after=after)


def _applied(ledger: Ledger, product: Product, after: Count | None) -> int:
    """Record that the store applied it. `after` may contain other changes too: those are merged next time."""
    by, ledger.pending_adjustment = _done(_wish(ledger)["by"], after), None
    return _note(ledger, product, by=by, after=after)


def _done(by: int, after: Count | None) -> int:
    """Return how much of a change was made."""
    return by if after is None or after.done is None else after.done


def _note(ledger: Ledger, product: Product, *, by: int, after: Count | None) -> int:
    """Record by how much the store was changed; 0: not at all."""
    now = clock.now()
    with ownership.fenced():
        if after is not None and after.units is not None:
            _snapshot(product, after.units, requested_at=now)
        if by:
            ledger.wrote_by, ledger.wrote_store_at = by, now
            ledger.store += by
        ledger.save(update_fields=["store", "pending_adjustment", "wrote_by", "wrote_store_at"])
    if by and after is not None and after.units is not None:
        _look_at_sharers(product, after.units, requested_at=now)
    return by


def _bound_sharers(ledger: Ledger, product: Product, settings: SyncSettings) -> None:
    """Check the products that share the stock and show units that sold as this one, before the store is called.

    Those that already have a job are due anyway.
    """
    if not product.may_share_stock or books.to_write(ledger, settings) >= 0:
        return
    rows = Ledger.objects.filter(listing__product__in=books.sharers(product), listing__product__job=None)
    for row in rows.select_related("listing__product"):
        other = row.listing.product
        units = books.to_show(row, other, settings)
        if row.reverb is not None and row.reverb > units:
            _look_at(product.shop, [other], units)


def _look_at_sharers(product: Product, units: int, *, requested_at: datetime) -> None:
    """Check the products that share the stock that we changed, such as variations counted at their parent.

    The store's webhook for it comes minutes later. Each product is locked by itself, since two workers may each hold
    one.
    """
    others = list(books.sharers(product))
    for other in others:
        with transaction.atomic():
            _snapshot(other, units, requested_at=requested_at)
    _look_at(product.shop, others, units)


def _look_at(shop: Shop, others: list[Product], units: int) -> None:
    if others and shop.sync_settings.auto_sync:
        rank = Rank.STOCK if units > 0 else Rank.STOCK_TO_ZERO
        jobs.look_again(selection.chosen(shop, others), rank=rank, trigger="its stock is shared", now=clock.now())


def _forget(ledger: Ledger) -> None:
    ledger.pending_adjustment = None
    lease.save(ledger, "pending_adjustment")


def _snapshot(product: Product, units: int, *, requested_at: datetime) -> bool:
    """Save the store's number in the snapshot, so that a read that began earlier does not count as news.

    Everything else in the snapshot stays. A number that was read later stays too: then it returns False, unless both
    are the same. Call it inside a transaction, before locking anything that is locked after a product.
    """
    row = Product.objects.select_for_update().get(pk=product.pk)
    if not row.was_read_after(requested_at):
        seen: StoreProduct = replace(row.seen, stock=units)
        if units != row.seen.stock:
            row.stock_since = requested_at
        row.snapshot, row.read_at = seen.to_json(), requested_at
        row.save(update_fields=["snapshot", "read_at", "stock_since"])
    product.snapshot, product.read_at, product.stock_since = row.snapshot, row.read_at, row.stock_since
    return row.seen.stock == units
