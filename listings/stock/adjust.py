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
from dataclasses import dataclass

from listings.models import Ledger, Product
from listings.queue import lease
from listings.stock import targets, wake_sharers, writes
from listings.stock.count_snapshot import keep_count
from listings.stock.resolve_adjustment import resolve
from listings.stock.send_adjustment import send, units_in_words
from reverbsync import clock
from reverbsync.dispatch import ownership
from shops.models import SyncSettings
from shops.platforms import StoreClient, client_of, platform_of
from shops.platforms.errors import StoreAuthError, StoreError, TransientStoreError, Unsupported
from shops.platforms.values import Count

#: How many rounds one attempt makes if the store's stock keeps changing meanwhile.
MAX_TRIES = 4


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
    if ledger.pending_adjustment is None and not targets.to_write(ledger, settings):
        return
    wake_sharers.of_sold_units(ledger, product, settings)
    if product.shop.store.removed_at is not None:
        raise Disconnected("Your store is not connected.")
    before()
    client = client_of(product.shop.store)
    for _ in range(MAX_TRIES):
        if ledger.pending_adjustment is not None:
            yield resolve(ledger, product, client, due=targets.to_write(ledger, settings))
            continue
        count = _count(ledger, product, client)
        by = targets.to_write(ledger, settings)
        if not by:
            return
        if count.units is None:
            raise Unsupported(
                f"{units_in_words(by)} on Reverb, and your store does not count this product's stock any more."
            )
        yield _adjust(ledger, product, client, count, by)
    if ledger.pending_adjustment is not None or targets.to_write(ledger, settings):
        raise TransientStoreError("Its stock changed each time that we were about to change it.")


def _count(ledger: Ledger, product: Product, client: StoreClient) -> Count:
    """Count in the store, and merge what changed there since the snapshot."""
    requested_at = clock.now()
    count = client.count(product.seen)
    platform = platform_of(product.shop.store)
    if wait := writes.trails_s(ledger, count.units, platform):
        raise TransientStoreError(f"{platform.name} does not show our last change of stock yet.", retry_after=wait)
    if count.units is not None and count.units != ledger.store:
        with ownership.fenced():
            if not keep_count(product, count.units, requested_at=requested_at):
                # A later read has another number. Which of the two is newer is unknown, and both would be merged.
                raise TransientStoreError("Its stock was read while we counted it.", retry_after=1.0)
            writes.store_moved(ledger, count.units)
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
    return send(ledger, product, client, first=True)
