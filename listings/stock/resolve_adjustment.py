"""Find out whether a stock adjustment whose response was lost was applied."""

from __future__ import annotations

from datetime import datetime, timedelta

from listings.models import Ledger, Product
from listings.queue import lease
from listings.stock import lost_adjustment, send_adjustment
from listings.stock.send_adjustment import forget, made_of, not_applied, pending, record, send, sent_at
from reverbsync import clock
from shops.platforms import Platform, StoreClient, platform_of
from shops.platforms.errors import Moved, StoreError, TransientStoreError
from shops.platforms.values import Count

#: A change whose response was lost is made again after this many stock read lags, while units are left.
LATE = 4


def resolve(ledger: Ledger, product: Product, client: StoreClient, *, due: int) -> int:
    """Find out whether an adjustment whose response was lost was applied, and record it if so.

    `due` is what the store is to get if it was not. Returns by how much the store is known to have changed now.
    """
    wish = pending(ledger)
    platform = platform_of(product.shop.store)
    if platform.idempotent_writes:
        too_high = wish["by"] > max(0, due) and not wish.get("overtaken")
        if too_high or "over" in wish:
            return _overtake(ledger, product, client, by=due or -1)
        return send(ledger, product, client)
    shows_at = sent_at(wish) + timedelta(seconds=platform.stock_read_lag_s)
    if clock.now() < shows_at:
        raise _no_answer(platform, (shows_at - clock.now()).total_seconds())
    count = client.count(product.seen)
    if count.units is None:
        forget(ledger)
        return 0
    made = lost_adjustment.decided_by_count(count, before=wish["units"], there=wish["there"], by=wish["by"])
    if made is None:
        made = _was_made(ledger, product, client, count.units)
    if made:
        return send_adjustment.applied(ledger, product, count)
    late_s = (sent_at(wish) + LATE * timedelta(seconds=platform.stock_read_lag_s) - clock.now()).total_seconds()
    if late_s > 0 and count.units + min(0, wish["by"]) > 0:
        # It may be applied late, and would then be made twice. Meanwhile the store does not sell units that it lacks.
        if wish.pop("counted", None):
            lease.save(ledger, "pending_adjustment")
        raise _no_answer(platform, min(late_s, platform.stock_read_lag_s))
    forget(ledger)
    return 0


def _no_answer(platform: Platform, retry_after: float) -> TransientStoreError:
    words = f"{platform.name} has not said whether it took the last change of stock."
    return TransientStoreError(words, retry_after=retry_after)


def _was_made(ledger: Ledger, product: Product, client: StoreClient, units: int) -> bool:
    """Infer from a number and the store's orders whether the adjustment in flight was applied.

    If the store's stock lags, its number may show a sale before its orders do. So the number is saved, and compared
    with the orders until then once they are certainly visible. Raises TransientStoreError until then.
    """
    wish, now = pending(ledger), clock.now()
    platform = platform_of(product.shop.store)
    if "counted" not in wish:
        wish["counted"] = {"units": units, "at": now.isoformat()}
        lease.save(ledger, "pending_adjustment")
    counted_at = datetime.fromisoformat(wish["counted"]["at"])
    wait = platform.stock_read_lag_s - (now - counted_at).total_seconds()
    if wait > 0:
        raise TransientStoreError(f"{platform.name} may not show its newest orders yet.", retry_after=wait)
    sold = lost_adjustment.sold_between(client, product, sent_at(wish), counted_at)
    return lost_adjustment.was_applied(wish["counted"]["units"], before=wish["units"], by=wish["by"], sold=sold)


def _overtake(ledger: Ledger, product: Product, client: StoreClient, *, by: int) -> int:
    """Change the store from the base number of the change whose response was lost, unless the stock has moved.

    Either way that change can no longer be applied, so it can be sent again to learn whether it was.
    """
    wish = pending(ledger)
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
        if not_applied(error, first=first):
            del wish["over"]
            lease.save(ledger, "pending_adjustment")
        raise
    del wish["over"]
    wish["overtaken"] = True
    return record(ledger, product, by=made_of(over["by"], after) if after else 0, after=after)
